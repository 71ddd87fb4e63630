"""Label maps and Slicer's `.seg.nrrd` segmentations.

Names and colours of segments are read and kept.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.nifti import is_nifti, write_nifti
from SlicePropagationLib.files.volume import TOLERANCE, Volume, check_same_grid, read_image

log = logging.getLogger(__name__)
Tags = Mapping[int, Mapping[str, str]]  # {label: {tag name: value}}
COLORS = (
    (0.90, 0.62, 0.0),
    (0.34, 0.71, 0.91),
    (0.0, 0.62, 0.45),
    (0.94, 0.89, 0.26),
    (0.0, 0.45, 0.70),
    (0.84, 0.37, 0.0),
    (0.80, 0.47, 0.65),
)


@dataclass(frozen=True)
class Segment:
    """A segment of a label map.

    Attributes:
        label: its number, 1..255.
        name, id: as Slicer shows and stores them.
        color: red, green, blue in [0, 1].
        tags: Slicer's tag string, kept as it is.
    """

    label: int
    name: str
    id: str
    color: tuple[float, float, float]
    tags: str = ""

    @classmethod
    def plain(cls, label: int) -> Segment:
        """A segment that has only a number."""
        name = f"Segment_{label}"
        return cls(label, name, name, COLORS[(label - 1) % len(COLORS)])


def is_segmentation(path: Path | str) -> bool:
    """Whether the name is that of a Slicer segmentation file."""
    return str(path).lower().endswith(".seg.nrrd")


def read_labels(path: Path | str, volume: Volume) -> tuple[np.ndarray, list[Segment]]:
    """Read a label map or a segmentation onto a volume's grid.

    A segmentation file may be cropped to its segments, as Slicer writes it, and may have several
    layers; where segments overlap, the later one is on top, and a warning says so.

    Args:
        path: the file.
        volume: the Volume whose grid it is on.

    Returns:
        ((K, J, I) uint8 label map, [Segment] of the labels in it or described with it).

    Raises:
        InputError: labels beyond 255, negative or fractional, or not one value per voxel.
        GeometryMismatchError: the grids differ.
    """
    image = read_image(path)
    if is_segmentation(path):
        return _read_segmentation(image, path, volume)
    num_values = image.GetNumberOfComponentsPerPixel()
    if num_values > 1:
        raise InputError(
            f"{path} has {num_values} values per voxel, a label map has 1; export it as a label"
            " map."
        )
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]  # the one time of a 4D file is a volume, as read_volume has it
    check_same_grid(volume.image, image, "the image", str(path))
    labels = checked_labels(sitk.GetArrayFromImage(image), path)
    return labels, plain_segments(labels)


def plain_segments(labels: np.ndarray) -> list[Segment]:
    """A segment that has only a number for each label of a label map, ascending."""
    return [Segment.plain(int(label)) for label in np.unique(labels[labels > 0])]


def write_labels(
    path: Path | str,
    labels: np.ndarray,
    volume: Volume,
    segments: Sequence[Segment],
    tags: Tags | None = None,
) -> None:
    """Write a (K, J, I) label map on the volume's grid.

    `.seg.nrrd` also carries names, colours and tags.

    Args:
        path: the file; its ending says the format.
        labels: (K, J, I) labels.
        volume: the Volume whose grid they are on.
        segments: names and colours.
        tags: {label: {tag name: value}} to add to the segments of a `.seg.nrrd`.
    """
    if volume.nifti is not None and is_nifti(path):
        write_nifti(path, labels.astype(np.uint8), volume.nifti)
        return
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels, dtype=np.uint8))
    image.CopyInformation(volume.image)
    if is_segmentation(path):
        _describe(image, segments, tags or {})
    sitk.WriteImage(image, str(path), True)


def checked_labels(array: np.ndarray, path: Path | str) -> np.ndarray:
    """The values of a label file as uint8; InputError where they are no labels."""
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    if low < 0 or high > 255:
        raise InputError(
            f"{path} has label values from {low:g} to {high:g}, labels must lie between 0 and 255;"
            " renumber them."
        )
    if np.issubdtype(array.dtype, np.floating) and not np.array_equal(array, np.round(array)):
        raise InputError(
            f"{path} has fractional values between {low:g} and {high:g}, labels are whole numbers;"
            " is it an image?"
        )
    return array.astype(np.uint8)


def _read_segmentation(
    image: sitk.Image, path: Path | str, volume: Volume
) -> tuple[np.ndarray, list[Segment]]:
    array = sitk.GetArrayFromImage(image)
    is_single = image.GetNumberOfComponentsPerPixel() == 1
    layers = array[..., None] if is_single else array  # (K, J, I, layers)
    if layers.ndim != 4:
        raise InputError(
            f"{path} is not a 3D segmentation (size {image.GetSize()}); save one time point."
        )
    labels = np.zeros(layers.shape[:3], np.uint8)
    segments: list[Segment] = []
    num_shared = 0
    for number, fields in enumerate(_segment_fields(image)):
        used = {segment.label for segment in segments}
        try:
            value = int(fields.get("LabelValue", number + 1))
            layer = layers[..., int(fields.get("Layer", 0))]
            segment = _segment(fields, number, used, value)
        except (ValueError, IndexError, StopIteration) as error:
            raise InputError(
                f"{path} describes its segment {number + 1} in a way that cannot be read ({error});"
                " save it again in 3D Slicer."
            ) from error
        mask = layer == value
        num_shared += np.count_nonzero(labels[mask])
        labels[mask] = segment.label
        segments.append(segment)
    if num_shared:
        log.warning(
            "%s has %d voxels in which segments overlap; the later segment has them.",
            path,
            num_shared,
        )
    if not segments:
        labels = checked_labels(layers[..., 0], path)
        segments = plain_segments(labels)
    return _onto_grid(labels, image, volume, path), segments


def _segment_fields(image: sitk.Image) -> Iterator[dict[str, str]]:
    """One dict of header fields a segment, in file order."""
    keys = image.GetMetaDataKeys()
    for number in itertools.count():
        prefix = f"Segment{number}_"
        own = [key for key in keys if key.startswith(prefix)]
        if not own:
            return
        yield {key.removeprefix(prefix): image.GetMetaData(key) for key in own}


def _segment(
    fields: dict[str, str],
    number: int,
    used: set[int],
    value: int,
) -> Segment:
    label = value
    if value in used or not 1 <= value <= 255:
        label = next(free for free in range(1, 256) if free not in used)
    color = COLORS[number % len(COLORS)]
    parts = [float(part) for part in fields.get("Color", "").split()]
    if len(parts) == 3:
        red, green, blue = parts
        color = (red, green, blue)
    name = fields.get("Name", f"Segment_{label}")
    return Segment(label, name, fields.get("ID", name), color, fields.get("Tags", ""))


def _onto_grid(
    labels: np.ndarray, image: sitk.Image, volume: Volume, path: Path | str
) -> np.ndarray:
    """Lay a segmentation that Slicer cropped to its segments back into the volume's grid."""
    is_same_lattice = _is_close(image.GetSpacing(), volume.image.GetSpacing()) and _is_close(
        image.GetDirection(), volume.image.GetDirection()
    )
    offset = np.array(volume.image.TransformPhysicalPointToContinuousIndex(image.GetOrigin()))
    start = np.round(offset).astype(int)[::-1]  # K, J, I
    stop = start + labels.shape
    if not is_same_lattice or np.abs(offset - np.round(offset)).max() > 0.01:
        check_same_grid(volume.image, image, "the image", str(path))
    if (start < 0).any() or (stop > volume.array.shape).any():
        check_same_grid(volume.image, image, "the image", str(path))
    whole = np.zeros(volume.array.shape, np.uint8)
    window = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    whole[window] = labels
    return whole


def _is_close(first: Sequence[float], second: Sequence[float]) -> bool:
    return np.allclose(first, second, rtol=0, atol=TOLERANCE)


def _describe(
    image: sitk.Image,
    segments: Sequence[Segment],
    tags: Tags,
) -> None:
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    image.SetMetaData("Segmentation_ContainedRepresentationNames", "Binary labelmap|")
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    size = image.GetSize()
    extent = f"0 {size[0] - 1} 0 {size[1] - 1} 0 {size[2] - 1}"
    for number, segment in enumerate(segments):
        stored = [part.split(":", 1) for part in segment.tags.split("|") if ":" in part]
        own = dict(stored) | dict(tags.get(segment.label, {}))
        values = {
            "ID": segment.id,
            "Name": segment.name,
            "NameAutoGenerated": "0",
            "ColorAutoGenerated": "0",
            "LabelValue": segment.label,
            "Layer": 0,
            "Color": " ".join(f"{part:g}" for part in segment.color),
            "Extent": extent,
            "Tags": "".join(f"{name}:{value}|" for name, value in own.items()),
        }
        for name, value in values.items():
            image.SetMetaData(f"Segment{number}_{name}", str(value))
