"""Label maps as OME-Zarr 0.5: an image-label group with levels, which napari and neuroglancer open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.files.ngff import ORIENTATIONS, OWN
from SlicePropagationLib.files.segments import Segment, Tags, segment_fields

if TYPE_CHECKING:
    from SlicePropagationLib.files.mapped_file import Image

CHUNK = (32, 128, 128)  # voxels along K, J, I
SMALL = 256  # voxels along each axis: the coarsest level has no more
MOST_LEVELS = 8
NEAR = 1e-6  # an axis runs along one of the patient


def write_ome_zarr(
    path: Path | str,
    labels: np.ndarray,
    kind: np.dtype,
    image: Image,
    segments: Sequence[Segment],
    tags: Tags,
) -> None:
    """Write a label map, a few slices at a time.

    Coarser levels have every second voxel of the one before along the axes that are finest: a label
    is never mixed with another one.

    Args:
        path: the folder, which is not there yet.
        labels: (K, J, I) labels.
        kind: of the voxels.
        image: whose grid they are on.
        segments: names and colours.
        tags: {label: {tag name: value}} to add to those of the segments.
    """
    import zarr

    group = zarr.open_group(str(path), mode="w-", zarr_format=3)
    steps = np.ones(3, int)  # of a level, in voxels of the finest, along K, J, I
    source: Any = labels
    scales = []
    for number in range(MOST_LEVELS):
        factors = _factors(source.shape, steps, image) if number else np.ones(3, int)
        steps = steps * factors
        source = _write_level(group, str(number), source, factors, kind)
        scales.append(steps)
        if max(source.shape) <= SMALL:
            break
    group.attrs.update(_attributes(Path(path).name, scales, image, segments, tags))


def _factors(shape: Sequence[int], steps: np.ndarray, image: Image) -> np.ndarray:
    """How the next level is coarser along K, J, I: thick slices stay until pixels are as large."""
    spacing = steps * np.array(image.GetSpacing())[::-1]
    is_long = np.array(shape) > SMALL // 2
    finest = spacing[is_long].min()
    return np.where(is_long & (spacing < 2 * finest), 2, 1)


def _write_level(group: Any, name: str, source: Any, factors: np.ndarray, kind: np.dtype) -> Any:
    """An array of every `factors`-th voxel of another one, along each axis."""
    shape = tuple(-(-size // factor) for size, factor in zip(source.shape, factors, strict=True))
    target = group.create_array(
        name,
        shape=shape,
        chunks=tuple(map(min, CHUNK, shape)),
        dtype=kind,
        dimension_names=("z", "y", "x"),
        fill_value=0,
    )
    along, rows, columns = map(int, factors)
    for first, last in _slabs(shape[0], CHUNK[0]):
        block = np.asarray(source[first * along : last * along])[::along, ::rows, ::columns]
        if block.any():  # chunks of background are not stored
            target[first:last] = block.astype(kind, copy=False)
    return target


def _slabs(count: int, step: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, step):
        yield first, min(first + step, count)


def _attributes(
    name: str,
    scales: Sequence[np.ndarray],
    image: Image,
    segments: Sequence[Segment],
    tags: Tags,
) -> dict[str, Any]:
    direction = np.reshape(image.GetDirection(), (3, 3))
    own: dict[str, Any] = {"segments": [segment_fields(segment, tags) for segment in segments]}
    stated = _orientations(direction)
    if stated is None:
        own["direction"] = direction.ravel().tolist()
    axes: list[dict[str, Any]] = [
        {"name": axis, "type": "space", "unit": "millimeter"} for axis in "zyx"
    ]
    for axis, value in zip(axes, stated or (), strict=False):
        axis["orientation"] = {"type": "anatomical", "value": value}
    multiscales = {
        "name": name,
        "axes": axes,
        "datasets": [_dataset(number, steps, image) for number, steps in enumerate(scales)],
        "type": "nearest",
    }
    return {
        "ome": {
            "version": "0.5",
            "multiscales": [multiscales],
            "image-label": {
                "colors": [_color(segment) for segment in segments],
                "properties": [_properties(segment) for segment in segments],
            },
        },
        OWN: own,
    }


def _orientations(direction: np.ndarray) -> list[str] | None:
    """Where the axes K, J, I count towards; None where one lies between those of the patient."""
    names = {vector: name for name, vector in ORIENTATIONS.items()}
    whole = np.round(direction)
    if np.abs(direction - whole).max() > NEAR:
        return None
    return [names[int(x), int(y), int(z)] for x, y, z in whole.T[::-1]]


def _dataset(number: int, steps: np.ndarray, image: Image) -> dict[str, Any]:
    scale = steps * np.array(image.GetSpacing())[::-1]
    origin = list(image.GetOrigin())[::-1]  # every level has the first voxel of the finest
    return {
        "path": str(number),
        "coordinateTransformations": [
            {"type": "scale", "scale": scale.tolist()},
            {"type": "translation", "translation": origin},
        ],
    }


def _color(segment: Segment) -> dict[str, Any]:
    rgba = [round(255 * part) for part in segment.color]
    return {"label-value": segment.stored, "rgba": [*rgba, 255]}


def _properties(segment: Segment) -> dict[str, Any]:
    return {"label-value": segment.stored, "name": segment.name, "id": segment.id}
