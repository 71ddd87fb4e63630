"""Cine MR as DICOM: a folder of single frames, of one or several slices over time."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError

POSITION, ORIENTATION, TRIGGER_TIME, INSTANCE, SERIES = "0020|0032", "0020|0037", "0018|1060", "0020|0013", "0020|000e"
SAME_PLACE_MM = 0.01


def read_dicom_cine(folder):
    """The frames of a cine series.

    Returns:
        ((T, K, J, I) voxels, a 3D SimpleITK image with their geometry, milliseconds between frames or 1 where the files do not say).

    Raises:
        InputError: the folder has no DICOM frame, several series, frames of unequal size or slices with unequal numbers of frames.
    """
    folder = Path(folder)
    frames = [frame for frame in map(_read, sorted(path for path in folder.iterdir() if path.is_file())) if frame]
    if not frames:
        raise InputError(f"{folder} has no DICOM image with a position; give the folder of one cine series.")
    series = sorted({frame["series"] for frame in frames})
    if len(series) > 1:
        raise InputError(f"{folder} has {len(series)} series ({', '.join(series[:3])}); give a folder with one.")
    sizes = sorted({frame["array"].shape for frame in frames})
    if len(sizes) > 1:
        raise InputError(f"{folder} has frames of unequal size, {sizes[0][1]}x{sizes[0][0]} and {sizes[-1][1]}x{sizes[-1][0]}; give the frames of one series.")
    places = _by_place(frames)
    counts = sorted({len(group) for group in places})
    if len(counts) > 1:
        raise InputError(f"{folder} has slices with {counts[0]} and with {counts[-1]} frames; all slices need equally many.")
    ordered = [sorted(group, key=lambda frame: (frame["time"], frame["instance"])) for group in places]
    times = [frame["time"] for frame in ordered[0]]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    array = np.stack([np.stack([group[index]["array"] for group in ordered]) for index in range(counts[0])])
    return array, _geometry(ordered), step if step > 0 else 1.0


def _read(path):
    """What is needed of one file; None for a file that is no image with a position."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.LoadPrivateTagsOff()
    try:
        reader.SetImageIO("GDCMImageIO")
        image = reader.Execute()
        position = np.array([float(part) for part in reader.GetMetaData(POSITION).split("\\")])
        axes = np.array([float(part) for part in reader.GetMetaData(ORIENTATION).split("\\")]).reshape(2, 3)
    except (RuntimeError, ValueError):
        return None

    def number(tag):
        return float(reader.GetMetaData(tag)) if reader.HasMetaDataKey(tag) and reader.GetMetaData(tag).strip() else 0.0

    series = reader.GetMetaData(SERIES) if reader.HasMetaDataKey(SERIES) else ""
    return {"array": sitk.GetArrayFromImage(image)[0], "image": image, "position": position, "normal": np.cross(*axes), "series": series,
            "time": number(TRIGGER_TIME), "instance": number(INSTANCE)}


def _by_place(frames):
    """Frames of each slice, slices in order along their common normal."""
    groups = {}
    for frame in frames:
        groups.setdefault(round(float(frame["position"] @ frames[0]["normal"]) / SAME_PLACE_MM), []).append(frame)
    return [groups[key] for key in sorted(groups)]


def _geometry(ordered):
    first, last = ordered[0][0], ordered[-1][0]
    image = sitk.Image([*first["image"].GetSize()[:2], len(ordered)], sitk.sitkUInt8)
    between = float(np.linalg.norm(last["position"] - first["position"])) / (len(ordered) - 1) if len(ordered) > 1 else first["image"].GetSpacing()[2]
    image.SetSpacing((*first["image"].GetSpacing()[:2], between))
    image.SetOrigin(tuple(first["position"]))
    image.SetDirection(first["image"].GetDirection())
    return image
