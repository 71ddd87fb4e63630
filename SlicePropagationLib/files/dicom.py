"""Cine images as DICOM: a folder of single frames or of multi-frame files, of one or several slices over time, or one multi-frame file.

Of a multi-frame file SimpleITK gives the frames and the header that they share. One that states a
frame time or a cine rate is taken for
times at one place. An enhanced file keeps places and times in items of each frame, which SimpleITK
does not give; it is refused.
"""

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


def is_cine_file(reader):
    """Whether a file, whose header a SimpleITK reader has read, is a multi-frame DICOM whose frames are times."""
    return _number(reader, NUM_FRAMES) > 1 and _frame_time(reader) > 0


def read_dicom_cine(folder):
    """The frames of a cine series, in a folder or in one multi-frame file.

    Returns:
        ((T, K, J, I) voxels, a 3D SimpleITK image with their geometry, milliseconds between frames
        or 1 where the files do not say).

    Raises:
        InputError: the folder has no DICOM frame, several series, frames of unequal size or slices
            with unequal numbers of frames, or a
            multi-frame file that does not say that its frames are times.
    """
    folder = Path(folder)
    files = (
        sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else [folder]
    )
    frames = [frame for path in files for frame in _read(path)]
    if not frames:
        raise InputError(
            f"{folder} has no DICOM image with a position; give the folder of one cine series."
        )
    series = sorted({frame["series"] for frame in frames})
    if len(series) > 1:
        raise InputError(
            f"{folder} has {len(series)} series ({', '.join(series[:3])}); give a folder with one."
        )
    sizes = sorted({frame["array"].shape for frame in frames})
    if len(sizes) > 1:
        raise InputError(
            f"{folder} has frames of unequal size, {sizes[0][1]}x{sizes[0][0]} and"
            f" {sizes[-1][1]}x{sizes[-1][0]}; give the frames of one series."
        )
    places = _by_place(frames)
    counts = sorted({len(group) for group in places})
    if len(counts) > 1:
        raise InputError(
            f"{folder} has slices with {counts[0]} and with {counts[-1]} frames; all slices need"
            " equally many."
        )
    ordered = [
        sorted(group, key=lambda frame: (frame["time"], frame["instance"])) for group in places
    ]
    times = [frame["time"] for frame in ordered[0]]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    array = np.stack(
        [np.stack([group[index]["array"] for group in ordered]) for index in range(counts[0])]
    )
    return array, _geometry(ordered), step if step > 0 else 1.0


def _read(path):
    """What is needed of the frames of one file, a list.

    Empty for a file that is no image with a position.
    """
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
        position = np.array([float(part) for part in reader.GetMetaData(POSITION).split("\\")])
        axes = np.array(
            [float(part) for part in reader.GetMetaData(ORIENTATION).split("\\")]
        ).reshape(2, 3)
    except (RuntimeError, ValueError):
        return []
    return [
        {
            "array": sitk.GetArrayFromImage(image)[0],
            "image": image,
            "position": position,
            "normal": np.cross(*axes),
            "series": series,
            "time": _number(reader, TRIGGER_TIME),
            "instance": _number(reader, INSTANCE),
        }
    ]


def _frames_of(image, reader, path, series):
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
    return [
        {
            "array": array,
            "image": image,
            "position": position,
            "normal": normal,
            "series": series,
            "time": step * number,
            "instance": number,
        }
        for number, array in enumerate(sitk.GetArrayFromImage(image))
    ]


def _number(reader, tag):
    """The number that a header states, 0 where it states none."""
    try:
        return float(reader.GetMetaData(tag)) if reader.HasMetaDataKey(tag) else 0.0
    except ValueError:
        return 0.0


def _frame_time(reader):
    """Milliseconds between frames, 0 where the header does not say."""
    rate = _number(reader, CINE_RATE)
    return _number(reader, FRAME_TIME) or (1000 / rate if rate else 0.0)


def _by_place(frames):
    """Frames of each slice, slices in order along their common normal."""
    groups = {}
    for frame in frames:
        groups.setdefault(
            round(float(frame["position"] @ frames[0]["normal"]) / SAME_PLACE_MM),
            [],
        ).append(frame)
    return [groups[key] for key in sorted(groups)]


def _geometry(ordered):
    first = ordered[0][0]
    last = ordered[-1][0]
    image = sitk.Image([*first["image"].GetSize()[:2], len(ordered)], sitk.sitkUInt8)
    between = (
        float(np.linalg.norm(last["position"] - first["position"])) / (len(ordered) - 1)
        if len(ordered) > 1
        else first["image"].GetSpacing()[2]
    )
    image.SetSpacing((*first["image"].GetSpacing()[:2], between))
    image.SetOrigin(tuple(first["position"]))
    image.SetDirection(first["image"].GetDirection())
    return image
