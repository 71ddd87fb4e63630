"""A table of sequences with pseudo-labels in the place of annotated frames alone."""

from __future__ import annotations

import csv
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.pipelines.pseudo_labels import PseudoLabelRequest, pseudo_label_file
from SlicePropagationLib.studies.request import Report, StudyRequest
from SlicePropagationLib.studies.tables import Row, write_rows

NEEDED = {"image", "label", "case"}


def pseudo_labelled(
    request: StudyRequest,
    report: Report | None,
    warped_by: Path | None = None,
) -> Path:
    """Path of the table, whose pseudo-labels are made unless they are there.

    What is not trained on keeps its labels.

    Args:
        request: the experiment, and the engine that makes pseudo-labels.
        report: called with a line of text for each sequence; None to be silent.
        warped_by: weights of a VoxelMorph whose pure warp makes the pseudo-labels in the place of
            that engine.

    Raises:
        InputError: the table of cases lacks a column.
        SlicePropagationError: about the files or the engine.
    """
    table = Path(request.cases)
    out = Path(request.out) / ("warped_labels" if warped_by else "pseudo_labels")
    rows = _read(table)
    for number, row in enumerate(rows, 1):
        image = str((table.parent / row["image"]).resolve())
        label = str((table.parent / row["label"]).resolve())
        if row.get("split") in (None, "", "train"):
            made = out / f"{row['case']}.nii.gz"
            if not made.is_file():
                _make(request, image, label, made, warped_by)
                if report:
                    report(f"pseudo-labels {number} of {len(rows)}: {row['case']}")
            label = str(made.resolve())
        row |= {"image": image, "label": label}
    with atomic_folder(out) as partial:
        write_rows(partial / "cases.csv", rows)
    return out / "cases.csv"


def _read(table: Path) -> list[Row]:
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not set(rows[0]) >= NEEDED:
        raise InputError(
            f"{table} needs the columns image, label and case; make it with make-cine."
        )
    return rows


def _make(
    request: StudyRequest,
    image: str,
    label: str,
    out: Path,
    warped_by: Path | None,
) -> None:
    pseudo_labels = PseudoLabelRequest(
        image=image,
        seed=label,
        out=out,
        engine=warped_by or request.engine,
        device=request.device,
        is_soft=True,
        is_pure_warp=warped_by is not None,
    )
    pseudo_label_file(pseudo_labels)
