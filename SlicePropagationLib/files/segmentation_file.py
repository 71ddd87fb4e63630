"""Label maps and Slicer segmentations (`.seg.nrrd`) on a volume's grid, overlaps included."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.arrays import label_type
from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.label_blocks import can_write, write_in_blocks
from SlicePropagationLib.files.label_values import checked_labels, values_of
from SlicePropagationLib.files.lattice import on_same_voxels
from SlicePropagationLib.files.mapped_file import (
    MAPPED_BYTES,
    Image,
    MappedImage,
    copy_grid,
    voxels_of,
)
from SlicePropagationLib.files.nifti import has_form_of, is_nifti, write_nifti
from SlicePropagationLib.files.nrrd_header import say_list
from SlicePropagationLib.files.ome_zarr import is_ome_zarr
from SlicePropagationLib.files.ome_zarr_labels import write_ome_zarr
from SlicePropagationLib.files.segment_grid import laid_onto
from SlicePropagationLib.files.segments import (
    MAX_LABEL,
    Segment,
    Tags,
    describe_segments,
    described_segments,
)
from SlicePropagationLib.files.volume import Volume, read_image, read_or_map

log = logging.getLogger(__name__)
FORM = ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation")  # of a file
FEW = 16  # unknown values that are named one by one


@dataclass(frozen=True)
class Segmentation:
    """Segments on the grid of a volume; they may overlap.

    Attributes:
        layers: (K, J, I) uint8 or uint16 label maps, at least one.
        segments: what their values mean; each has the layer and the value that it is stored with.
        is_described: whether the file names its segments; those of a label map have numbers only.
    """

    layers: tuple[np.ndarray, ...]
    segments: tuple[Segment, ...]
    is_described: bool = False

    def mask(self, segment: Segment) -> np.ndarray:
        """(K, J, I) bool of a segment."""
        return self.layers[segment.layer] == segment.stored

    @cached_property
    def labels(self) -> np.ndarray:
        """(K, J, I) label map; where segments overlap, the smaller one lies on top."""
        if len(self.layers) == 1 and all(each.stored == each.label for each in self.segments):
            return self.layers[0]
        return self._flat[0]

    @cached_property
    def num_shared(self) -> int:
        """Voxels that more than one segment has."""
        return self._flat[1] if len(self.layers) > 1 else 0

    @cached_property
    def _flat(self) -> tuple[np.ndarray, int]:
        """The label map, and the number of voxels in which a segment lies on another."""
        highest = max((segment.label for segment in self.segments), default=0)
        labels = np.zeros(self.layers[0].shape, label_type(highest))
        shown = [index for index in range(len(labels)) if any(map(np.any, self._slice(index)))]
        sizes = dict.fromkeys((segment.label for segment in self.segments), 0)
        for index in shown:
            parts = self._slice(index)
            for segment in self.segments:
                count = np.count_nonzero(parts[segment.layer] == segment.stored)
                sizes[segment.label] += int(count)
        upwards = sorted(self.segments, key=lambda segment: -sizes[segment.label])
        num_shared = sum(_paint(labels[index], self._slice(index), upwards) for index in shown)
        return labels, num_shared

    def _slice(self, index: int) -> list[np.ndarray]:
        return [layer[index] for layer in self.layers]


def _paint(labels: np.ndarray, layers: Sequence[np.ndarray], upwards: Sequence[Segment]) -> int:
    """Put the segments of one slice of some layers over each other; the voxels that two claim."""
    num_shared = 0
    for segment in upwards:
        mask = layers[segment.layer] == segment.stored
        num_shared += int(np.count_nonzero(labels[mask]))
        labels[mask] = segment.label
    return num_shared


def is_segmentation(path: Path | str) -> bool:
    """Whether the name is that of a Slicer segmentation file."""
    return str(path).lower().endswith(".seg.nrrd")


def read_labels(path: Path | str, volume: Volume) -> tuple[np.ndarray, list[Segment]]:
    """Read a label map or a segmentation onto a volume's grid, as one label map.

    Where segments overlap, the smaller one lies on top, and a warning says so;
    `read_segmentation` keeps both.

    Args:
        path: the file.
        volume: the Volume whose grid it is on.

    Returns:
        ((K, J, I) uint8 label map, uint16 with labels beyond 255, [Segment] of the labels in it or
        described with it).

    Raises:
        InputError, GeometryMismatchError: as `read_segmentation`.
    """
    found = read_segmentation(path, volume)
    if found.num_shared:
        log.warning(
            "%s has %d voxels in which segments overlap; the smaller segment has them.",
            path,
            found.num_shared,
        )
    return found.labels, list(found.segments)


def read_segmentation(path: Path | str, volume: Volume) -> Segmentation:
    """Read a label map or a segmentation onto a volume's grid.

    A label map has the voxels of the volume, in any order of storage. A segmentation file may also
    be cropped to its segments, as Slicer writes it, reach beyond the volume, have smaller voxels,
    and several layers.

    Args:
        path: the file.
        volume: the Volume whose grid it is on.

    Raises:
        InputError: labels beyond 65535, negative or fractional, or not one value per voxel.
        GeometryMismatchError: the grids differ.
    """
    is_mapped = isinstance(volume.image, MappedImage)
    image = read_or_map(path) if is_mapped else read_image(path)
    if is_segmentation(path) or image.HasMetaDataKey("Segment0_ID"):
        return _read_described(image, path, volume)
    num_values = image.GetNumberOfComponentsPerPixel()
    if num_values > 1:
        raise InputError(
            f"{path} has {num_values} values per voxel, a label map has 1; export it as a label"
            " map."
        )
    if isinstance(image, sitk.Image) and image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]  # the one time of a 4D file is a volume, as read_volume has it
    array = voxels_of(image)
    try:
        placed = on_same_voxels(image, array, volume.image, path)
    except GeometryMismatchError:
        header = volume.nifti
        if not (header and array.shape == volume.array.shape and has_form_of(path, header)):
            raise
        log.warning(
            "%s lies where the image does by one of the image's two forms (qform, sform), which is"
            " not the one that counts; it is read as on the voxels of the image.",
            path,
        )
        placed = array
    labels = checked_labels(placed, path)
    return Segmentation((labels,), tuple(plain_segments(labels)))


def plain_segments(labels: np.ndarray, layer: int = 0) -> list[Segment]:
    """A segment that has only a number for each label of a label map, ascending."""
    return [Segment.plain(label) for label in values_of(labels)]


def _read_described(image: Image, path: Path | str, volume: Volume) -> Segmentation:
    """A segmentation file: its layers, and the segments that its header describes."""
    if any("Fractional" in image.GetMetaData(key) for key in FORM if image.HasMetaDataKey(key)):
        raise InputError(
            f"{path} holds a fractional label map, with shares of voxels; export it from 3D Slicer"
            " as a binary one."
        )
    stored, grid = _stored_layers(image, path)
    segments = described_segments(image, len(stored), path)
    is_described = bool(segments)
    layers = [checked_labels(layer, path) for layer in stored]
    if is_described:
        _tell_left_out(layers, segments, path)
    layers = laid_onto(layers, grid, volume.image, path)
    segments = segments or _undescribed(layers)
    return Segmentation(tuple(layers), tuple(segments), is_described)


def _stored_layers(
    image: Image,
    path: Path | str,
) -> tuple[list[np.ndarray], Image]:
    """The (K, J, I) layers of a file, and a 3D image that has their geometry."""
    array = voxels_of(image)
    if image.GetDimension() == 3:
        if image.GetNumberOfComponentsPerPixel() == 1:
            return [array], image
        return list(np.moveaxis(array, -1, 0)), image
    is_in_time = image.GetDimension() == 4 and image.GetNumberOfComponentsPerPixel() == 1
    if isinstance(image, sitk.Image) and is_in_time:
        return list(array), image[:, :, :, 0]  # layers along a fourth axis, as first written
    raise InputError(
        f"{path} is not a 3D segmentation (size {image.GetSize()}); save one time point."
    )


def _undescribed(layers: Sequence[np.ndarray]) -> list[Segment]:
    """Every value of every layer as a segment, as Slicer reads layers without a description."""
    places = [(layer, value) for layer, array in enumerate(layers) for value in values_of(array)]
    values = {value for _, value in places}
    free = (number for number in range(1, MAX_LABEL + 1) if number not in values)
    segments: list[Segment] = []
    used: set[int] = set()
    for layer, value in places:
        label = next(free) if value in used else value
        used.add(label)
        plain = Segment.plain(label)
        segments.append(Segment(label, plain.name, plain.id, plain.color, layer=layer, value=value))
    return segments


def _tell_left_out(
    layers: Sequence[np.ndarray],
    segments: Sequence[Segment],
    path: Path | str,
) -> None:
    """Say which values no segment stands for; Slicer does not show them, either."""
    known = {(segment.layer, segment.stored) for segment in segments}
    unknown = [
        f"{value} in layer {layer}"
        for layer, array in enumerate(layers)
        for value in values_of(array)
        if (layer, value) not in known
    ]
    if unknown:
        rest = " and others" if len(unknown) > FEW else ""
        log.warning(
            "%s has voxels of the value %s%s, which no segment of it stands for; they are left out.",
            path,
            ", ".join(unknown[:FEW]),
            rest,
        )


def write_labels(
    path: Path | str,
    labels: np.ndarray,
    volume: Volume,
    segments: Iterable[Segment],
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
    write_layers(path, [labels], volume, [_in_one_layer(segment) for segment in segments], tags)


def _in_one_layer(segment: Segment) -> Segment:
    return replace(segment, layer=0, value=0)


def write_layers(
    path: Path | str,
    layers: Sequence[np.ndarray],
    volume: Volume,
    segments: Iterable[Segment],
    tags: Tags | None = None,
) -> None:
    """Write (K, J, I) label maps on the volume's grid; more than one only to a `.seg.nrrd`.

    Args:
        path: the file; its ending says the format.
        layers: label maps.
        volume: the Volume whose grid they are on.
        segments: what their values mean.
        tags: as in `write_labels`.
    """
    kind = np.result_type(*(label_type(int(layer.max(initial=0))) for layer in layers))
    if is_ome_zarr(path):
        write_ome_zarr(path, layers[0], kind, volume.image, list(segments), tags or {})
        return
    if volume.nifti is not None and is_nifti(path):
        write_nifti(path, layers[0].astype(kind, copy=False), volume.nifti)
        return
    if can_write(path) and sum(layer.size for layer in layers) * kind.itemsize >= MAPPED_BYTES:
        _write_large(path, layers, kind, volume, segments, tags)
        return
    voxels = np.ascontiguousarray(layers[0], kind)
    if len(layers) > 1:
        voxels = np.stack([layer.astype(kind) for layer in layers], axis=-1)
    image = sitk.GetImageFromArray(voxels, isVector=len(layers) > 1)
    copy_grid(image, volume.image)
    if is_segmentation(path):
        describe_segments(image, segments, tags or {})
    sitk.WriteImage(image, str(path), True)
    if len(layers) > 1:
        say_list(path)


def _write_large(
    path: Path | str,
    layers: Sequence[np.ndarray],
    kind: np.dtype,
    volume: Volume,
    segments: Iterable[Segment],
    tags: Tags | None,
) -> None:
    """As `write_layers`, in blocks."""

    def prepare(image: sitk.Image) -> None:
        copy_grid(image, volume.image)
        if is_segmentation(path):
            describe_segments(image, segments, tags or {}, tuple(reversed(layers[0].shape)))

    write_in_blocks(path, layers, kind, prepare)
