"""The DICOM slices that a volume was read from, which segmentations in DICOM refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.dicom import choose_dicom

if TYPE_CHECKING:
    from SlicePropagationLib.files.volume import Volume

EXTRA = "slice-propagation[dicom]"
MOST_OFF = 0.3  # in voxels; a slice may be so far from where the volume has it


@dataclass(frozen=True)
class SourceSlice:
    """A slice of a volume as a DICOM file has it.

    Attributes:
        dataset: the header of the file, without pixels.
        frame: number of the frame in the file, from 1; None for files of one slice.
    """

    dataset: Any
    frame: int | None = None


def import_pydicom() -> ModuleType:
    """pydicom, where it is installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import pydicom
    except ImportError:
        raise ConfigError(
            f"DICOM files are written with pydicom, which is not installed; install {EXTRA}."
        ) from None
    return pydicom


def source_slices(volume: Volume) -> dict[int, SourceSlice]:
    """{slice along K: where it came from} of a volume that was read from DICOM files.

    Slices that no file has, as those that fill a gap, are left out.

    Raises:
        ConfigError: pydicom is not installed.
        InputError: the volume was not read from DICOM files.
    """
    pydicom = import_pydicom()
    series: dict[str, dict[int, list[SourceSlice]]] = defaultdict(lambda: defaultdict(list))
    for dataset in _datasets(volume.path, pydicom):
        for index, source in _placed(dataset, volume):
            series[str(dataset.SeriesInstanceUID)][index].append(source)
    if not series and (moved := _of_moved_slices(volume, pydicom)):
        return moved
    if not series:
        raise InputError(
            f"{volume.path} is no DICOM series, and DICOM SEG and RTSTRUCT refer to one; give the"
            " folder of the series as --image, or leave these exports out."
        )
    most = max(len(slices) for slices in series.values())
    likely = [slices for slices in series.values() if len(slices) == most]
    found: dict[int, SourceSlice] = {}
    for index in sorted(likely[0]):
        candidates = [source for slices in likely for source in slices.get(index, ())]
        found[index] = _the_one_read(candidates, volume, index, found)
    return found


def _of_moved_slices(volume: Volume, pydicom: ModuleType) -> dict[int, SourceSlice]:
    """As `source_slices`, of slices that were moved in their planes when the volume was read.

    None has the corners of the volume then, but each lies in the plane of its own.
    """
    try:
        choice = choose_dicom(volume.path, volume.series)
    except InputError:
        return {}
    if choice.grid.shape != volume.array.shape or choice.stack.num_times > 1:
        return {}
    found = {}
    for slot, [frame] in zip(choice.grid.slots.tolist(), choice.stack.places, strict=True):
        dataset = pydicom.dcmread(frame.path, stop_before_pixels=True, force=True)
        is_one_of_many = "PerFrameFunctionalGroupsSequence" in dataset
        found[slot] = SourceSlice(dataset, frame.number + 1 if is_one_of_many else None)
    return found


def _datasets(path: Path, pydicom: ModuleType) -> Iterator[Any]:
    """Headers of all images at a path: a file and those beside it, or a folder and those below.

    None where nothing is there any more.
    """
    for file in _files_at(path):
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        except Exception:  # whatever is wrong with it, it is no slice
            continue
        if "SeriesInstanceUID" in dataset and "Rows" in dataset:
            yield dataset


def _files_at(path: Path) -> list[Path]:
    if path.is_file() and path.name.upper() != "DICOMDIR":
        files = [each for each in path.parent.iterdir() if each.is_file()]
        return sorted(files, key=lambda each: each != path)
    if not path.exists():
        return []
    folder = path if path.is_dir() else path.parent
    return sorted(each for each in folder.rglob("*") if each.is_file())


def _placed(dataset: Any, volume: Volume) -> Iterator[tuple[int, SourceSlice]]:
    """(slice along K, source) of the frames of a file that lie on the grid of a volume."""
    columns, rows, _ = volume.image.GetSize()
    if (dataset.Rows, dataset.Columns) != (rows, columns):
        return
    steps = np.reshape(volume.image.GetDirection(), (3, 3)) * volume.image.GetSpacing()
    for frame, position, orientation in _frames(dataset):
        offset = np.linalg.solve(steps, np.array(position) - volume.image.GetOrigin())
        index = round(float(offset[2]))
        axes = np.reshape(volume.image.GetDirection(), (3, 3))[:, :2].T.ravel()
        is_parallel = np.abs(axes - orientation).max() * max(rows, columns) < 1
        is_near = np.abs(offset - (0, 0, index)).max() <= MOST_OFF
        if is_near and is_parallel and 0 <= index < volume.image.GetSize()[2]:
            yield index, SourceSlice(dataset, frame)


def _frames(dataset: Any) -> Iterator[tuple[int | None, list[float], list[float]]]:
    """(frame number or None, position, orientation) of each slice of a file, in mm, LPS."""
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        if "ImagePositionPatient" in dataset and "ImageOrientationPatient" in dataset:
            yield None, _numbers(dataset, "ImagePosition"), _numbers(dataset, "ImageOrientation")
        return
    shared = dataset.get("SharedFunctionalGroupsSequence") or [None]
    for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence, 1):
        position = _of_groups("PlanePositionSequence", groups, shared[0])
        orientation = _of_groups("PlaneOrientationSequence", groups, shared[0])
        if position is not None and orientation is not None:
            placed = _numbers(position, "ImagePosition")
            yield number, placed, _numbers(orientation, "ImageOrientation")


def _of_groups(name: str, *groups: Any) -> Any:
    return next(
        (group[name].value[0] for group in groups if group is not None and name in group), None
    )


def _numbers(dataset: Any, name: str) -> list[float]:
    return [float(value) for value in dataset[f"{name}Patient"].value]


def _the_one_read(
    candidates: list[SourceSlice],
    volume: Volume,
    index: int,
    before: dict[int, SourceSlice],
) -> SourceSlice:
    """Of several slices at one place (phases, times), the one whose pixels the volume has."""
    if len(candidates) == 1:
        return candidates[0]
    known = {str(source.dataset.SeriesInstanceUID) for source in before.values()}

    def rank(source: SourceSlice) -> tuple[float, bool]:
        is_known = str(source.dataset.SeriesInstanceUID) in known
        return _likeness(source, volume.array[index]), is_known

    return max(candidates, key=rank)


def _likeness(source: SourceSlice, array: np.ndarray) -> float:
    """Correlation of a slice's pixels with the volume's; 0 where they cannot be read."""
    pydicom = import_pydicom()
    try:
        pixels = pydicom.dcmread(source.dataset.filename, force=True).pixel_array
    except Exception:  # a compression that nothing here reads
        return 0.0
    stored = pixels if source.frame is None else pixels[source.frame - 1]
    if np.ptp(stored) == 0 or np.ptp(array) == 0:
        return float(np.ptp(stored) == np.ptp(array))
    return round(float(np.corrcoef(stored.ravel(), array.ravel())[0, 1]), 6)
