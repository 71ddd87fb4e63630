"""Label maps and Slicer's `.seg.nrrd` segmentations: names and colours of segments are read and kept."""

import logging
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.volume import TOLERANCE, check_same_grid, read_image

log = logging.getLogger(__name__)
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
    def plain(cls, label):
        """A segment that has only a number."""
        return cls(label, f"Segment_{label}", f"Segment_{label}", COLORS[(label - 1) % len(COLORS)])


def is_segmentation(path):
    """Whether the name is that of a Slicer segmentation file."""
    return str(path).lower().endswith(".seg.nrrd")


def read_labels(path, volume):
    """Read a label map or a segmentation onto a volume's grid.

    A segmentation file may be cropped to its segments, as Slicer writes it, and may have several
    layers; where segments
    overlap, the later one is on top, and a warning says so.

    Returns:
        ((K, J, I) uint8 label map, [Segment] of the labels in it or described with it).

    Raises:
        InputError: labels beyond 255, negative or fractional, or not one value per voxel.
        GeometryMismatchError: the grids differ.
    """
    image = read_image(path)
    if is_segmentation(path):
        return _read_segmentation(image, path, volume)
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(
            f"{path} has {image.GetNumberOfComponentsPerPixel()} values per voxel, a label map has"
            " 1; export it as a label map."
        )
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]  # the one time of a 4D file is a volume, as read_volume has it
    check_same_grid(volume.image, image, "the image", str(path))
    labels = checked_labels(sitk.GetArrayFromImage(image), path)
    return labels, [Segment.plain(int(label)) for label in np.unique(labels[labels > 0])]


def write_labels(path, labels, volume, segments, tags=None):
    """Write a (K, J, I) label map on the volume's grid.

    `.seg.nrrd` also carries names, colours and tags.

    Args:
        tags: {label: {tag name: value}} to add to the segments of a `.seg.nrrd`.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels, dtype=np.uint8))
    image.CopyInformation(volume.image)
    if is_segmentation(path):
        _describe(image, segments, tags or {})
    sitk.WriteImage(image, str(path), True)


def checked_labels(array, path):
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


def _read_segmentation(image, path, volume):
    array = sitk.GetArrayFromImage(image)
    layers = (
        array[..., None] if image.GetNumberOfComponentsPerPixel() == 1 else array
    )  # (K, J, I, layers)
    if layers.ndim != 4:
        raise InputError(
            f"{path} is not a 3D segmentation (size {image.GetSize()}); save one time point."
        )
    labels = np.zeros(layers.shape[:3], np.uint8)
    segments = []
    num_shared = 0
    for number, fields in enumerate(_segment_fields(image)):
        try:
            value = int(fields.get("LabelValue", number + 1))
            layer = layers[..., int(fields.get("Layer", 0))]
            segment = _segment(fields, number, {segment.label for segment in segments}, value)
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
        segments = [Segment.plain(int(label)) for label in np.unique(labels[labels > 0])]
    return _onto_grid(labels, image, volume, path), segments


def _segment_fields(image):
    """One dict of header fields a segment, in file order."""
    number = 0
    while any(key.startswith(f"Segment{number}_") for key in image.GetMetaDataKeys()):
        prefix = f"Segment{number}_"
        yield {
            key[len(prefix) :]: image.GetMetaData(key)
            for key in image.GetMetaDataKeys()
            if key.startswith(prefix)
        }
        number += 1


def _segment(fields, number, used, value):
    label = (
        value
        if value not in used and 1 <= value <= 255
        else next(free for free in range(1, 256) if free not in used)
    )
    color = tuple(float(part) for part in fields.get("Color", "").split())
    color = color if len(color) == 3 else COLORS[number % len(COLORS)]
    name = fields.get("Name", f"Segment_{label}")
    return Segment(label, name, fields.get("ID", name), color, fields.get("Tags", ""))


def _onto_grid(labels, image, volume, path):
    """Lay a segmentation that Slicer cropped to its segments back into the volume's grid."""
    same_lattice = np.allclose(
        image.GetSpacing(),
        volume.image.GetSpacing(),
        rtol=0,
        atol=TOLERANCE,
    ) and np.allclose(image.GetDirection(), volume.image.GetDirection(), rtol=0, atol=TOLERANCE)
    offset = np.array(volume.image.TransformPhysicalPointToContinuousIndex(image.GetOrigin()))
    start = np.round(offset).astype(int)[::-1]  # K, J, I
    stop = start + labels.shape
    if not same_lattice or np.abs(offset - np.round(offset)).max() > 0.01:
        check_same_grid(volume.image, image, "the image", str(path))
    if (start < 0).any() or (stop > volume.array.shape).any():
        check_same_grid(volume.image, image, "the image", str(path))
    whole = np.zeros(volume.array.shape, np.uint8)
    whole[tuple(slice(a, b) for a, b in zip(start, stop))] = labels
    return whole


def _describe(image, segments, tags):
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    image.SetMetaData("Segmentation_ContainedRepresentationNames", "Binary labelmap|")
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    size = image.GetSize()
    extent = f"0 {size[0] - 1} 0 {size[1] - 1} 0 {size[2] - 1}"
    for number, segment in enumerate(segments):
        own = {
            name: value
            for name, value in (
                part.split(":", 1) for part in segment.tags.split("|") if ":" in part
            )
        }
        own |= tags.get(segment.label, {})
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
