"""Cine images as DICOM.

A folder of single frames or of multi-frame files, of one or several slices over time, or one
multi-frame file. Of a multi-frame file SimpleITK gives the frames and the header that they share.
One that states a frame time or a cine rate is taken for times at one place. An enhanced file keeps
places and times in items of each frame, which SimpleITK does not give; it is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError

POSITION = "0020|0032"
ORIENTATION = "0020|0037"
TRIGGER_TIME = "0018|1060"
INSTANCE = "0020|0013"
SERIES = "0020|000e"
NUM_FRAMES = "0028|0008"
FRAME_TIME = "0018|1063"
CINE_RATE = "0018|0040"
SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class _Frame:
    """One frame, and what its header says.

    Attributes:
        array: (H, W) voxels.
        image: the SimpleITK image that it is of, for its geometry.
        position: (3,) mm, of its first voxel.
        normal: (3,) of its plane.
        series: the series that it belongs to.
        time: since the beat began, in milliseconds.
        instance: its number in the series.
    """

    array: np.ndarray
    image: sitk.Image
    position: np.ndarray
    normal: np.ndarray
    series: str
    time: float
    instance: float


def is_cine_file(reader: sitk.ImageFileReader) -> bool:
    """Whether a file is a multi-frame DICOM whose frames are times.

    Args:
        reader: a SimpleITK reader that has read the file's header.
    """
    return _number(reader, NUM_FRAMES) > 1 and _frame_time(reader) > 0


def read_dicom_cine(folder: Path | str) -> tuple[np.ndarray, sitk.Image, float]:
    """The frames of a cine series, in a folder or in one multi-frame file.

    Returns:
        ((T, K, J, I) voxels, a 3D SimpleITK image with their geometry, milliseconds between frames
        or 1 where the files do not say).

    Raises:
        InputError: the folder has no DICOM frame, several series, frames of unequal size or slices
            with unequal numbers of frames, or a multi-frame file that does not say that its frames
            are times.
    """
    folder = Path(folder)
    files = [folder]
    if folder.is_dir():
        files = sorted(path for path in folder.iterdir() if path.is_file())
    frames = [frame for path in files for frame in _read(path)]
    _check_series(frames, folder)
    places = _by_place(frames)
    counts = sorted({len(group) for group in places})
    if len(counts) > 1:
        raise InputError(
            f"{folder} has slices with {counts[0]} and with {counts[-1]} frames; all slices need"
            " equally many."
        )
    ordered = [sorted(group, key=lambda frame: (frame.time, frame.instance)) for group in places]
    times = [frame.time for frame in ordered[0]]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    by_place = [np.stack([frame.array for frame in group]) for group in ordered]
    return np.stack(by_place, axis=1), _geometry(ordered), step if step > 0 else 1.0


def _check_series(frames: list[_Frame], folder: Path) -> None:
    """Refuse frames that are not of one series, or not of one size."""
    if not frames:
        raise InputError(
            f"{folder} has no DICOM image with a position; give the folder of one cine series."
        )
    series = sorted({frame.series for frame in frames})
    if len(series) > 1:
        raise InputError(
            f"{folder} has {len(series)} series ({', '.join(series[:3])}); give a folder with one."
        )
    sizes = sorted({frame.array.shape for frame in frames})
    if len(sizes) > 1:
        raise InputError(
            f"{folder} has frames of unequal size, {sizes[0][1]}x{sizes[0][0]} and"
            f" {sizes[-1][1]}x{sizes[-1][0]}; give the frames of one series."
        )


def _read(path: Path) -> list[_Frame]:
    """The frames of one file; none of a file that is no image with a position."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.LoadPrivateTagsOff()
    try:
        reader.SetImageIO("GDCMImageIO")
        image = reader.Execute()
    except RuntimeError:
        return []
    series = reader.GetMetaData(SERIES) if reader.HasMetaDataKey(SERIES) else ""
    if _number(reader, NUM_FRAMES) > 1:
        return _frames_of(image, reader, path, series)
    try:
        position = _numbers(reader, POSITION)
        rows, columns = _numbers(reader, ORIENTATION).reshape(2, 3)
    except (RuntimeError, ValueError):
        return []
    frame = _Frame(
        array=sitk.GetArrayFromImage(image)[0],
        image=image,
        position=position,
        normal=np.cross(rows, columns),
        series=series,
        time=_number(reader, TRIGGER_TIME),
        instance=_number(reader, INSTANCE),
    )
    return [frame]


def _frames_of(
    image: sitk.Image, reader: sitk.ImageFileReader, path: Path, series: str
) -> list[_Frame]:
    """The frames of a multi-frame file, all at its place."""
    step = _frame_time(reader)
    if not step:
        raise InputError(
            f"{path} has {image.GetSize()[2]} frames and says neither their time nor their rate, so"
            " that they may as well be slices (an enhanced file says it for each frame, where it"
            " cannot be read); convert it to a 4D NIfTI file."
        )
    position = np.array(image.GetOrigin())
    normal = np.array(image.GetDirection()).reshape(3, 3)[:, 2]
    arrays = sitk.GetArrayFromImage(image)
    return [
        _Frame(array, image, position, normal, series, step * number, number)
        for number, array in enumerate(arrays)
    ]


def _numbers(reader: sitk.ImageFileReader, tag: str) -> np.ndarray:
    """The numbers that a header lists; RuntimeError or ValueError where it lists none."""
    return np.array([float(part) for part in reader.GetMetaData(tag).split("\\")])


def _number(reader: sitk.ImageFileReader, tag: str) -> float:
    """The number that a header states, 0 where it states none."""
    try:
        return float(reader.GetMetaData(tag)) if reader.HasMetaDataKey(tag) else 0.0
    except ValueError:
        return 0.0


def _frame_time(reader: sitk.ImageFileReader) -> float:
    """Milliseconds between frames, 0 where the header does not say."""
    rate = _number(reader, CINE_RATE)
    return _number(reader, FRAME_TIME) or (1000 / rate if rate else 0.0)


def _by_place(frames: list[_Frame]) -> list[list[_Frame]]:
    """Frames of each slice, slices in order along their common normal."""
    normal = frames[0].normal
    groups: dict[int, list[_Frame]] = {}
    for frame in frames:
        place = round(float(frame.position @ normal) / SAME_PLACE_MM)
        groups.setdefault(place, []).append(frame)
    return [groups[place] for place in sorted(groups)]


def _geometry(ordered: Sequence[Sequence[_Frame]]) -> sitk.Image:
    """A 3D image that has the geometry of all frames of one time."""
    first = ordered[0][0]
    last = ordered[-1][0]
    width, height = first.image.GetSize()[:2]
    *within, between = first.image.GetSpacing()[:3]
    if len(ordered) > 1:
        between = float(np.linalg.norm(last.position - first.position)) / (len(ordered) - 1)
    image = sitk.Image([width, height, len(ordered)], sitk.sitkUInt8)
    image.SetSpacing((*within, between))
    image.SetOrigin(tuple(first.position))
    image.SetDirection(first.image.GetDirection())
    return image
