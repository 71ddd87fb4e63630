"""DICOM: a folder, a disc, a file of a series, or one file with many frames, as a volume over time.

The headers of all files are read first. They say which series there are, which volumes and times
each of these holds, and where each slice lies; voxels are read of what was chosen. With pydicom
(3D Slicer brings it) this holds for enhanced files, too; without it for classic ones.
"""

import importlib.util
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files import dicom_headers, dicom_itk
from SlicePropagationLib.files.codecs import CodecError, unpacking
from SlicePropagationLib.files.dicom_choice import choose_stack, listed_stacks
from SlicePropagationLib.files.dicom_frames import (
    DicomFrame,
    files_below,
    has_dicom_start,
    is_disc_index,
)
from SlicePropagationLib.files.dicom_grid import DicomGrid, lay_out
from SlicePropagationLib.files.dicom_pixels import has_same_pixels, values_of
from SlicePropagationLib.files.dicom_stacks import DicomStack, stacks_of
from SlicePropagationLib.files.nifti_forms import Placement
from SlicePropagationLib.files.reading import tell_count, tell_stage

log = logging.getLogger(__name__)
TIME = "trigger time"


@dataclass(frozen=True)
class DicomImage:
    """What was read of a series.

    Attributes:
        array: (T, K, J, I) values; T is 1 of a volume.
        placement: of the grid.
        step_ms: milliseconds between times, 1 where the files do not say.
        remarks: sentences about how it was read.
    """

    array: np.ndarray
    placement: Placement
    step_ms: float
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class DicomChoice:
    """A stack of slices that was chosen, none of its voxels read.

    Attributes:
        stack: its frames.
        grid: where they go.
        name: what messages call it.
        remarks: sentences about how it was found.
    """

    stack: DicomStack
    grid: DicomGrid
    name: str
    remarks: tuple[str, ...]


def is_dicom(path: Path) -> bool:
    """Whether a path is a folder or a file that is to be read here."""
    return path.is_dir() or is_disc_index(path) or has_dicom_start(path)


def choose_dicom(path: Path, series: str | None = None) -> DicomChoice:
    """Read the headers of a path, and choose what is to be read of it.

    Args:
        path: folder, disc (its folder, or its DICOMDIR), or file.
        series: what `--series` says, or None.

    Raises:
        SeriesChoiceError: there are several volumes, and `series` names none of them.
        InputError: there is no image, or what is chosen cannot be laid out as a grid.
    """
    remarks: list[str] = []
    frames = _frames_at(path, remarks)
    by_series: dict[str, list[DicomFrame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.series].append(frame)
    found = {uid: stacks_of(group, has_same_pixels) for uid, group in by_series.items()}
    stack, told = choose_stack(listed_stacks(found), series, path)
    name = f"{path} ({stack.what})" if stack.what else str(path)
    if stack.problem:
        raise InputError(f"{name} {stack.problem}{_other_sizes(stack, frames)}")
    if stack.copies:
        remarks.append(f"{name} has {stack.copies} image(s) twice; each is read once.")
    grid = lay_out(stack, name)
    return DicomChoice(stack, grid, name, (*remarks, *told, *grid.remarks))


def _other_sizes(stack: DicomStack, frames: Sequence[DicomFrame]) -> str:
    """A sentence on images of the series whose size is another; they may be what lacks."""
    first = stack.first
    own = [frame for frame in frames if frame.series == first.series]
    sizes = sorted({frame.size for frame in own} - {first.size})
    if not sizes:
        return ""
    said = [f"{columns}x{rows}" for rows, columns in (first.size, sizes[0])]
    return f" The series has frames of unequal size, {said[0]} and {said[1]}."


def read_dicom(choice: DicomChoice, times: Sequence[int] | None = None) -> DicomImage:
    """Read the voxels of what was chosen.

    Args:
        choice: what `choose_dicom` returned.
        times: which of its times, from 0; None for all.

    Raises:
        InputError: a file is damaged.
    """
    places = choice.stack.places
    wanted = range(choice.stack.num_times) if times is None else times
    tell_stage("Reading slices")
    volumes = []
    with unpacking():
        for time in wanted:
            values = values_of([place[time] for place in places])
            volumes.append(_in_grid(values, choice.grid))
    step = _step_ms(places[0])
    return DicomImage(np.stack(volumes), choice.grid.placement, step, choice.remarks)


def _frames_at(path: Path, remarks: list[str]) -> list[DicomFrame]:
    """The frames of a path; of one file that is a slice, those of its series beside it."""
    if is_disc_index(path):
        path = path.parent
    if path.is_dir():
        frames = frames_of_files(files_below(path), remarks)
        if not frames:
            raise InputError(
                f"The folder {path} holds no DICOM series; name the folder that has the slices, or"
                " an image file."
            )
        _check_disc(path, remarks)
        return frames
    own = frames_of_files([path], remarks)
    if not own:
        raise InputError(
            f"{path} is a DICOM file without a picture that can be read, such as a segmentation or"
            " a structure set; save these as .seg.nrrd in 3D Slicer, or name the folder that has"
            " the slices."
        )
    if len(own) > 1:
        return own
    beside = frames_of_files(_files_beside(path), [])
    series = [frame for frame in beside if frame.series == own[0].series]
    if len(series) < 2:
        raise InputError(
            f"{path} is one slice, a volume needs at least 2, and no other file in its folder is of"
            " its series; name the folder that has all slices."
        )
    remarks.append(
        f"{path.name} is one of {len(series)} images of its series in {path.parent}; all are read."
    )
    return series


def _files_beside(path: Path) -> Iterable[Path]:
    return sorted(other for other in path.parent.iterdir() if other.is_file())


def frames_of_files(files: Iterable[Path], remarks: list[str]) -> list[DicomFrame]:
    """The frames of all DICOM files among some.

    Args:
        files: any files.
        remarks: a sentence is added that names the damaged ones.

    Raises:
        InputError: one is an enhanced file, and pydicom is not installed.
    """
    read = dicom_headers.frames_of if has_pydicom() else dicom_itk.frames_of
    frames: list[DicomFrame] = []
    damaged = []
    with unpacking():
        for path in tell_count(list(files), "Reading headers"):
            try:
                frames += read(path) if has_dicom_start(path) else []
            except Exception as error:  # pydicom raises many kinds at what is damaged
                if isinstance(error, InputError) and not isinstance(error, CodecError):
                    raise
                log.debug("%s cannot be read.", path, exc_info=True)
                damaged.append(path.name)
    if damaged:
        named = ", ".join(damaged[:3])
        remarks.append(
            f"{len(damaged)} file(s) begin as DICOM and cannot be read, they are left out: {named}."
        )
    return frames


def has_pydicom() -> bool:
    """Whether pydicom is installed."""
    return importlib.util.find_spec("pydicom") is not None


def _check_disc(folder: Path, remarks: list[str]) -> None:
    """Remark on files that a disc's index lists and that are not there."""
    index = folder / "DICOMDIR"
    if not (has_pydicom() and index.is_file()):
        return
    try:
        listed = dicom_headers.files_of_index(index)
    except Exception:  # as above; the files themselves were found
        log.debug("%s cannot be read.", index, exc_info=True)
        return
    there = {str(path.relative_to(folder)).lower() for path in files_below(folder)}
    missing = [parts for parts in listed if os.path.join(*parts).lower() not in there]
    if missing:
        remarks.append(
            f"{index} lists {len(listed)} files, {len(missing)} of them are not there, such as"
            f" {'/'.join(missing[0])}; copy the whole disc."
        )


def _in_grid(values: np.ndarray, grid: DicomGrid) -> np.ndarray:
    """(K, J, I) of the grid from the slices that are there; the others between their neighbours."""
    if grid.shape == values.shape and not grid.is_shifted:
        return values
    whole = np.full(grid.shape, values.min(), values.dtype)
    for slot, corner, picture in zip(grid.slots, grid.corners, values, strict=True):
        whole[slot] = _moved(picture, corner, whole[slot])
    for index in grid.made_up:
        below = grid.slots[grid.slots < index].max()
        above = grid.slots[grid.slots > index].min()
        share = (index - below) / (above - below)
        mixed = (1 - share) * whole[below] + share * whole[above]
        whole[index] = np.rint(mixed) if values.dtype.kind in "iu" else mixed
    return whole


def _moved(
    picture: np.ndarray,
    corner: np.ndarray,
    ground: np.ndarray,
) -> np.ndarray:
    """A picture with its first pixel at a corner that may lie between pixels, on a ground."""
    if not corner.any():
        ground[: picture.shape[0], : picture.shape[1]] = picture
        return ground
    fill = float(ground[0, 0])
    room = [(0, large - small) for large, small in zip(ground.shape, picture.shape, strict=True)]
    padded = np.pad(picture.astype(np.float32), room, constant_values=fill)
    moved = ndimage.shift(padded, corner, order=1, cval=fill)
    return np.rint(moved) if picture.dtype.kind in "iu" else moved


def _step_ms(place: Sequence[DicomFrame]) -> float:
    """Milliseconds between the times of a place; 1 where they are not said."""
    told = [frame.facts.get(TIME) for frame in place]
    times = [time for time in told if isinstance(time, float)]
    if len(times) < 2:
        return 1.0
    step = float(np.median(np.diff(times)))
    return step if step > 0 else 1.0
