"""Codes of shapes as biomarkers: how they are found and exported, and groups told apart by them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.config import check_choice
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.training_cases import TrainingCase, read_training_cases
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.studies.acnn.groups import classification_text, frames_by_patient
from SlicePropagationLib.studies.acnn.histogram import draw_histogram
from SlicePropagationLib.studies.acnn.traversal import components_that_matter, draw_traversal
from SlicePropagationLib.studies.request import Report
from SlicePropagationLib.training.acnn.shape_data import read_sample

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.shape_model import ShapeModel

SOURCES = ("labels", "images")


@dataclass(frozen=True)
class CodesRequest:
    """What is coded, by which shape model, and where the codes go.

    Attributes:
        cases: table with columns image, label and optionally split, dataset, case.
        model: weights of `train acnn_autoencoder` or `train acnn_predictor`.
        out: folder of codes.csv, and of groups.md and traversal.png with `groups`.
        source: what the code is found from, "labels" or "images".
        groups: table with columns patient, group, which are told apart by their codes.
        folds: of the cross-validation.
        datasets: only these data sets of the table; None for all.
        split: only cases of this split; None for all.
    """

    cases: Path | str
    model: Path | str
    out: Path | str
    source: str = "labels"
    groups: Path | str | None = None
    folds: int = 10
    datasets: tuple[str, ...] | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        check_choice("source", self.source, SOURCES)
        if self.folds < 1:
            raise ConfigError(f"folds must be at least 1, got {self.folds}.")


@dataclass(frozen=True)
class CodedCase:
    """One case as a shape model sees it.

    Attributes:
        dataset: where it comes from.
        name: what it is called.
        code: (code_size,) float32.
        implausibility: distance of the code from that of what it decodes to.
        reconstruction_error: 1 - Dice of the shape with what its code decodes to.
        classes: (D, H, W) uint8 on the model's grid.
    """

    dataset: str
    name: str
    code: np.ndarray
    implausibility: float
    reconstruction_error: float
    classes: Labels

    @property
    def patient(self) -> str:
        """The patient, whose frames share it."""
        return patient_of(self.name)

    @property
    def frame(self) -> str:
        """Which frame of the patient: "ED", "ES", or "" where the name says none."""
        return self.name[len(self.patient) :].strip("_")


def export_codes(request: CodesRequest, report: Report | None = None) -> list[CodedCase]:
    """Write codes.csv: a row for each case with its code and how plausible its shape is.

    Args:
        request: what is coded.
        report: called with a line of text for each case; None to be silent.

    Returns:
        A CodedCase for each case that has one of the model's labels.

    Raises:
        SlicePropagationError: the table, the model or the folder cannot be used, or no case has the
            model's labels.
    """
    model = load_shape_model(request.model, needs_predictor=request.source == "images")
    cases = read_training_cases(request.cases, request.datasets)
    chosen = [case for case in cases if request.split in (None, case.split)]
    coded = list(code_cases(model, chosen, request.source, report))
    if not coded:
        raise InputError(
            f"No case of {request.cases} has a label of the model"
            f" ({', '.join(map(str, model.labels))}); choose other cases or another model."
        )
    with atomic_folder(Path(request.out)) as partial:
        _write_codes(partial / "codes.csv", coded)
    return coded


def code_cases(
    model: ShapeModel,
    cases: Iterable[TrainingCase],
    source: str = "labels",
    report: Report | None = None,
) -> Iterator[CodedCase]:
    """A CodedCase for each case that has one of the model's labels.

    Args:
        model: a shape model; with a predictor where codes are found from images.
        cases: with images and label maps.
        source: what the code is found from, "labels" or "images".
        report: called with a line of text for each case; None to be silent.
    """
    for case in cases:
        sample = read_sample(
            case.image,
            case.label_map,
            model.grid,
            model.labels,
            case.name,
            needs_fine_truth=False,
        )
        if sample is None:
            continue
        image, classes = sample
        code = model.code(classes) if source == "labels" else model.code_of_image(image)
        if report:
            report(f"{case.dataset} {case.name}")
        yield CodedCase(
            dataset=case.dataset,
            name=case.name,
            code=code,
            implausibility=model.implausibility(classes),
            reconstruction_error=model.reconstruction_error(classes),
            classes=classes,
        )


def classify_codes(request: CodesRequest, coded: list[CodedCase]) -> str:
    """Tell groups of patients apart by their codes and by PCA of their aligned labels.

    Writes groups.md, traversal.png and code_histogram.png (Figure 5). The first frame of each
    patient stands alone, then all together (ED, ED+ES); patients who lack a frame that others have
    are left out and named.

    Args:
        request: with a table of groups.
        coded: what `export_codes` gave.

    Returns:
        The text of groups.md.

    Raises:
        InputError: the table cannot be used, or a group has fewer patients than there are folds.
    """
    if not request.groups:
        raise ConfigError("Groups are told apart by a table; name it with --groups.")
    group_of = read_groups(request.groups)
    known = [case for case in coded if case.patient in group_of]
    frames, messages = frames_by_patient(known)
    if not frames:
        raise InputError(
            f"No patient of {request.groups} has a code of every frame; its column patient must"
            " name cases, without _ED and _ES."
        )
    names = sorted({group_of[patient] for patient in frames})
    groups = [names.index(group_of[patient]) for patient in frames]
    model = load_shape_model(request.model)
    table = classification_text(frames, groups, names, request.folds)
    text = "\n".join([table, *messages])
    components = components_that_matter([own[0].code for own in frames.values()], groups)
    with atomic_folder(Path(request.out)) as partial:
        (partial / "groups.md").write_text(text, encoding="utf-8")
        draw_traversal(partial / "traversal.png", model, components)
        draw_histogram(partial / "code_histogram.png", [case.code for case in coded])
    return text


def read_groups(path: Path | str) -> dict[str, str]:
    """{patient: group} of a table with columns patient, group.

    Raises:
        InputError: it cannot be read, or lacks a column or a cell.
    """
    return {row["patient"]: row["group"] for row in read_table(path, ("patient", "group"))}


def _write_codes(path: Path, coded: list[CodedCase]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        numbers = [f"code_{number}" for number in range(len(coded[0].code))]
        table.writerow(["dataset", "case", "patient", "implausibility", "misfit", *numbers])
        for case in coded:
            code = [f"{value:.6g}" for value in case.code]
            table.writerow(
                [
                    case.dataset,
                    case.name,
                    case.patient,
                    f"{case.implausibility:.5g}",
                    f"{case.reconstruction_error:.5g}",
                    *code,
                ]
            )
