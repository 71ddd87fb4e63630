"""`make-cine`: a folder of synthetic cine sequences from a table of real ED and ES frames, with a table for training and one for scoring."""

import csv
import re
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import Sequence, write_sequence
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.studies.cine.synthetic import make_cine

FRAME_MS = 1000.0  # of one cycle
COLUMNS = ("image", "label", "truth", "split", "dataset", "case")


def make_cine_cases(
    table,
    out,
    config,
    *,
    datasets=None,
    max_cases=None,
    max_slices=None,
    has_pictures=False,
    report=None,
):
    """Make a sequence of every patient of a table who has the cases PATIENT_ED and PATIENT_ES.

    Writes PATIENT/image.nii.gz (4D), PATIENT/label.nii.gz (ED and ES only, what training may see),
    PATIENT/truth.nii.gz (every frame)
    and cases.csv; the data set is called synthetic_cine_DATASET.

    Args:
        max_cases: only the first so many patients of every split.
        max_slices: only so many slices in the middle of those that show a structure in both frames.

    Returns:
        Path of cases.csv.

    Raises:
        InputError: the table has no such pair.
        SlicePropagationError: about the files.
    """
    pairs = _first_of_each_split(_pairs(Path(table), datasets), max_cases)
    out = Path(out)
    rows = []
    for number, ((dataset, patient), frames) in enumerate(pairs, 1):
        diastole, systole = ([read_volume(row["image"]), row] for row in frames)
        both = [
            (volume.array, read_labels(row["label"], volume)[0])
            for volume, row in (diastole, systole)
        ]
        both, first = _middle(both, max_slices)
        images, truth, kept = make_cine(
            *both,
            config,
            seed=zlib.crc32(f"{dataset}/{patient}".encode()),
        )
        geometry = diastole[0].image[:, :, first + kept[0] : first + kept[0] + 1]
        images = _filled(images, kept)
        truth = _filled(truth, kept)
        like = Sequence(images, _grown(geometry, images.shape[1]), FRAME_MS / config.frames, out)
        labels = np.zeros_like(truth)
        labels[[0, config.end_systole]] = truth[[0, config.end_systole]]
        with atomic_folder(out / patient) as partial:
            if has_pictures:
                _draw(partial / "truth.gif", images, truth, patient, config)
            for name, array in (
                ("image", np.round(images).astype(np.int16)),
                ("label", labels),
                ("truth", truth),
            ):
                write_sequence(partial / f"{name}.nii.gz", array, like)
        rows.append(
            [
                f"{patient}/image.nii.gz",
                f"{patient}/label.nii.gz",
                f"{patient}/truth.nii.gz",
                frames[0].get("split", ""),
                f"synthetic_cine_{dataset}",
                patient,
            ]
        )
        if report:
            report(f"{number} of {len(pairs)}: {patient}")
    with (
        atomic_folder(out) as partial,
        open(partial / "cases.csv", "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return out / "cases.csv"


def _first_of_each_split(pairs, max_cases):
    """The first so many patients of every split, in their order."""
    seen = {}
    found = []
    for pair in pairs:
        split = pair[1][0].get("split", "")
        seen[split] = seen.get(split, 0) + 1
        if max_cases is None or seen[split] <= max_cases:
            found.append(pair)
    return found


def _middle(both, max_slices):
    """The frames without the slices beyond so many in the middle of those with a structure in both, and the index of the first one left."""
    if max_slices is None or both[0][1].shape != both[1][1].shape:
        return both, 0
    common = np.flatnonzero(
        [
            np.intersect1d(one[one > 0], other[other > 0]).size > 0
            for one, other in zip(both[0][1], both[1][1])
        ]
    )
    if len(common) <= max_slices:
        return both, 0
    first = int(common[(len(common) - max_slices) // 2])
    last = int(common[(len(common) - max_slices) // 2 + max_slices - 1])
    return [(images[first : last + 1], labels[first : last + 1]) for images, labels in both], first


def _draw(path, images, truth, patient, config):
    from SlicePropagationLib.studies.cine.pictures import animate_cine

    middle = images.shape[1] // 2
    animate_cine(
        path,
        images[:, middle],
        truth[:, middle],
        title=f"synthetic cine from {patient}",
        annotated=(0, config.end_systole),
    )


def _pairs(table, datasets):
    """[((data set, patient), (row of ED, row of ES))], in the order of the table."""
    found = {}
    for row in read_table(table, ("image", "label")):
        ending = re.search(r"_(ED|ES)$", row.get("case") or "")
        if ending and (datasets is None or row.get("dataset") in datasets):
            row |= {name: str(table.parent / row[name]) for name in ("image", "label")}
            found.setdefault((row.get("dataset") or "all", patient_of(row["case"])), {})[
                ending[1]
            ] = row
    pairs = [
        (key, (frames["ED"], frames["ES"])) for key, frames in found.items() if len(frames) == 2
    ]
    if not pairs:
        raise InputError(
            f"{table} has no patient with both frames; name the cases PATIENT_ED and PATIENT_ES in"
            " the column case."
        )
    return pairs


def _filled(array, kept):
    """The slices between the first and the last one kept.

    Where one in between is missing, its neighbour below stands in.
    """
    order = [
        max(place for place, k in enumerate(kept) if k <= slice_index)
        for slice_index in range(kept[0], kept[-1] + 1)
    ]
    return array[:, order]


def _grown(image, count):
    """A 3D image of so many slices that begins where a given one does."""
    grown = sitk.Image([*image.GetSize()[:2], count], sitk.sitkUInt8)
    grown.SetSpacing(image.GetSpacing())
    grown.SetOrigin(image.GetOrigin())
    grown.SetDirection(image.GetDirection())
    return grown
