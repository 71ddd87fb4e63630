"""A folder of synthetic cine sequences from a table of real ED and ES frames.

With a table for training and for scoring.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.arrays import Labels, Slices
from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import Sequence, write_sequence
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.studies.cine.synthetic import Frame, make_cine

if TYPE_CHECKING:
    from SlicePropagationLib.studies.cine.synthetic import SyntheticCineConfig
    from SlicePropagationLib.studies.request import Report

SYNTHETIC_SET = "synthetic_cine_"  # before the name of the data set that a sequence is made of
FRAME_MS = 1000.0  # of one cycle
COLUMNS = ("image", "label", "truth", "split", "dataset", "case")


@dataclass(frozen=True)
class Pair:
    """The two real frames of one patient: rows of the table."""

    dataset: str
    patient: str
    diastole: dict[str, str]
    systole: dict[str, str]

    @property
    def split(self) -> str:
        """The split that the sequence is of; "" where the table says none."""
        return self.diastole.get("split", "")


class Cine(NamedTuple):
    """A synthetic sequence.

    Attributes:
        images: (T, K, J, I) float32.
        truth: (T, K, J, I) uint8.
        geometry: 3D image with the place of its voxels.
    """

    images: np.ndarray
    truth: np.ndarray
    geometry: sitk.Image


def make_cine_cases(
    table: Path | str,
    out: Path | str,
    config: SyntheticCineConfig,
    *,
    datasets: Collection[str] | None = None,
    max_cases: int | None = None,
    max_slices: int | None = None,
    has_pictures: bool = False,
    report: Report | None = None,
) -> Path:
    """Make a sequence of every patient of a table who has the cases PATIENT_ED and PATIENT_ES.

    A patient whose two frames are not on one grid is left out, which is reported.

    Writes PATIENT/image.nii.gz (4D), PATIENT/label.nii.gz (ED and ES only, what training may see),
    PATIENT/truth.nii.gz (every frame) and cases.csv; the data set is called synthetic_cine_DATASET.

    Args:
        table: with columns image, label, case and optionally split, dataset.
        out: the folder.
        config: how sequences are made.
        datasets: only these data sets of the table; None for all.
        max_cases: only the first so many patients of every split; None for all.
        max_slices: only so many slices in the middle of those that show a structure in both frames;
            None for all.
        has_pictures: write an animation of the middle slice, too.
        report: called with a line of text for each patient; None to be silent.

    Returns:
        Path of cases.csv.

    Raises:
        InputError: the table has no such pair, or none on one grid.
        SlicePropagationError: about the files.
    """
    out = Path(out)
    pairs = _first_of_each_split(_pairs(Path(table), datasets), max_cases)
    made = []
    for number, pair in enumerate(pairs, 1):
        known = f"{number} of {len(pairs)}: {pair.patient}"
        try:
            cine = _make(pair, config, max_slices)
        except GeometryMismatchError as error:
            if report:
                report(f"{known} is left out. {error}")
            continue
        made.append(pair)
        with atomic_folder(out / pair.patient) as partial:
            if has_pictures:
                _draw(partial / "truth.gif", cine, pair.patient, config)
            _write(partial, cine, config)
        if report:
            report(known)
    if not made:
        raise InputError(
            f"No patient of {table} has two frames of one grid; give the frames of a patient the"
            " same slices."
        )
    with atomic_folder(out) as partial:
        _write_table(partial / "cases.csv", made)
    return out / "cases.csv"


def _pairs(table: Path, datasets: Collection[str] | None) -> list[Pair]:
    """The patients with both frames, in the order of the table."""
    found: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in read_table(table, ("image", "label")):
        ending = re.search(r"_(ED|ES)$", row.get("case") or "")
        if ending and (datasets is None or row.get("dataset") in datasets):
            for name in ("image", "label"):
                row[name] = str(table.parent / row[name])
            key = (row.get("dataset") or "all", patient_of(row["case"]))
            found.setdefault(key, {})[ending[1]] = row
    pairs = [
        Pair(*key, frames["ED"], frames["ES"]) for key, frames in found.items() if len(frames) == 2
    ]
    if not pairs:
        raise InputError(
            f"{table} has no patient with both frames; name the cases PATIENT_ED and PATIENT_ES in"
            " the column case."
        )
    return pairs


def _first_of_each_split(pairs: list[Pair], max_cases: int | None) -> list[Pair]:
    """The first so many patients of every split, in their order."""
    seen: Counter[str] = Counter()
    found = []
    for pair in pairs:
        seen[pair.split] += 1
        if max_cases is None or seen[pair.split] <= max_cases:
            found.append(pair)
    return found


def _make(
    pair: Pair,
    config: SyntheticCineConfig,
    max_slices: int | None,
) -> Cine:
    volume, diastole = _read(pair.diastole)
    _, systole = _read(pair.systole)
    chosen = slice(0, None)
    if max_slices is not None and diastole.labels.shape == systole.labels.shape:
        chosen = _middle(diastole.labels, systole.labels, max_slices)
    images, truth, kept = make_cine(
        diastole.part(chosen),
        systole.part(chosen),
        config,
        seed=zlib.crc32(f"{pair.dataset}/{pair.patient}".encode()),
    )
    first = chosen.start + kept[0]
    images = _filled(images, kept)
    geometry = _grown(volume.itk_image[:, :, first : first + 1], images.shape[1])
    return Cine(images, _filled(truth, kept), geometry)


def _read(row: dict[str, str]) -> tuple[Volume, Frame]:
    volume = read_volume(row["image"])
    labels, _ = read_labels(row["label"], volume)
    return volume, Frame(volume.array, labels)


def _middle(
    diastole: Labels,
    systole: Labels,
    max_slices: int,
) -> slice:
    """So many slices in the middle of those with a structure in both frames, or all."""
    common = []
    for index, (one, other) in enumerate(zip(diastole, systole, strict=True)):
        if np.intersect1d(one[one > 0], other[other > 0]).size:
            common.append(index)
    if len(common) <= max_slices:
        return slice(0, None)
    place = (len(common) - max_slices) // 2
    return slice(common[place], common[place + max_slices - 1] + 1)


def _filled(array: np.ndarray, kept: list[int]) -> np.ndarray:
    """The slices between the first and the last one kept.

    Where one in between is missing, its neighbour below stands in.
    """
    order = []
    for index in range(kept[0], kept[-1] + 1):
        below = [place for place, slice_index in enumerate(kept) if slice_index <= index]
        order.append(below[-1])
    return array[:, order]


def _grown(image: sitk.Image, count: int) -> sitk.Image:
    """A 3D image of so many slices that begins where a given one does."""
    width, height, _ = image.GetSize()
    grown = sitk.Image([width, height, count], sitk.sitkUInt8)
    grown.SetSpacing(image.GetSpacing())
    grown.SetOrigin(image.GetOrigin())
    grown.SetDirection(image.GetDirection())
    return grown


def _write(
    folder: Path,
    cine: Cine,
    config: SyntheticCineConfig,
) -> None:
    """Write image, labels of the two real frames, and truth."""
    like = Sequence(cine.images, cine.geometry, FRAME_MS / config.frames, folder)
    annotated = [0, config.end_systole]
    labels: Slices = np.zeros_like(cine.truth)
    labels[annotated] = cine.truth[annotated]
    image = np.round(cine.images).astype(np.int16)
    for name, array in (("image", image), ("label", labels), ("truth", cine.truth)):
        write_sequence(folder / f"{name}.nii.gz", array, like)


def _write_table(path: Path, pairs: list[Pair]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for pair in pairs:
            table.writerow(
                [
                    f"{pair.patient}/image.nii.gz",
                    f"{pair.patient}/label.nii.gz",
                    f"{pair.patient}/truth.nii.gz",
                    pair.split,
                    SYNTHETIC_SET + pair.dataset,
                    pair.patient,
                ]
            )


def _draw(
    path: Path,
    cine: Cine,
    patient: str,
    config: SyntheticCineConfig,
) -> None:
    from SlicePropagationLib.studies.cine.pictures import animate_cine

    middle = cine.images.shape[1] // 2
    animate_cine(
        path,
        cine.images[:, middle],
        cine.truth[:, middle],
        title=f"synthetic cine from {patient}",
        annotated=(0, config.end_systole),
    )
