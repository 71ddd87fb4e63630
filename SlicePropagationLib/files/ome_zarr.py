"""OME-Zarr images, in a folder or at a URL: read as a whole, or chunk by chunk as they are looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError, in_one_line
from SlicePropagationLib.files.ngff import (
    Level,
    channel_names,
    described_fields,
    finest_level,
    placement_of,
)
from SlicePropagationLib.files.nifti_forms import Placement
from SlicePropagationLib.files.reading import check_wanted, tell_stage
from SlicePropagationLib.files.series_choice import Choice, SeriesChoiceError
from SlicePropagationLib.files.unpacked import check_room, sparse_map
from SlicePropagationLib.files.urls import is_url
from SlicePropagationLib.lazy_voxels import Block, BlockStore, LazyVoxels

SUFFIXES = (".ome.zarr", ".zarr")
MARKS = ("zarr.json", ".zattrs", ".zgroup")  # of a group, in zarr 3 and 2
NEEDED = ("zarr", "fsspec")


@dataclass(frozen=True)
class ZarrImage:
    """An OME-Zarr image whose voxels have not been read.

    Attributes:
        name: what messages call it.
        stored: the zarr array of the finest level.
        order: the axes of that array that are K, J, I.
        fixed: {axis: index} of the others.
        placement: where the voxels lie.
        remarks: sentences about how it was read.
        fields: segments that it describes, as `MappedImage.fields`.
    """

    name: str
    stored: Any
    order: tuple[int, ...]
    fixed: Mapping[int, int]
    placement: Placement
    remarks: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """(K, J, I)."""
        return tuple(self.stored.shape[axis] for axis in self.order)

    @property
    def dtype(self) -> np.dtype:
        """Of a voxel as it is read."""
        return _read_type(np.dtype(self.stored.dtype))

    @property
    def num_bytes(self) -> int:
        """Of all voxels, unpacked."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, box: Block | None = None) -> np.ndarray:
        """The (k, j, i) voxels of a box; None for all.

        Raises:
            InputError: a chunk is damaged, or cannot be reached.
        """
        parts: list[Any] = [0] * self.stored.ndim
        for axis, index in self.fixed.items():
            parts[axis] = index
        for axis, part in zip(self.order, box or (slice(None),) * 3, strict=True):
            parts[axis] = part
        try:
            voxels = np.asarray(self.stored[tuple(parts)])
        except Exception as error:  # whatever a codec or a store far away raises
            raise InputError(
                f"The voxels of {self.name} cannot be read ({in_one_line(error)}); copy the image"
                " again if it is damaged, or try again if it is on another machine."
            ) from error
        left = [axis for axis in range(self.stored.ndim) if axis not in self.fixed]
        order = [left.index(axis) for axis in self.order]
        return voxels.transpose(order).astype(self.dtype, copy=False)

    def on_demand(self) -> LazyVoxels:
        """The voxels, whose chunks are fetched into a file when they are looked at."""
        kept = sparse_map(self.shape, self.dtype, self.name)
        chunks = tuple(
            min(self.stored.chunks[axis], self.stored.shape[axis]) for axis in self.order
        )
        return LazyVoxels(BlockStore(kept, chunks, partial(_fetched, self)))


def _fetched(image: ZarrImage, box: Block) -> np.ndarray:
    check_wanted()
    voxels = image.read(box)
    check_room(voxels.nbytes, image.name)
    return voxels


def is_ome_zarr(place: Path | str) -> bool:
    """Whether a folder or a URL is that of zarr data, by its name or by what lies in it.

    A group in it counts as well, such as `image.ome.zarr/labels/liver`.
    """
    *above, name = re.split(r"[/\\]", str(place).lower().rstrip("/\\"))
    is_inside = "." not in name and any(part.endswith(".zarr") for part in above)
    if is_inside or name.endswith(".zarr"):
        return is_url(place) or not Path(place).is_file()
    return not is_url(place) and any((Path(place) / mark).is_file() for mark in MARKS)


def open_ome_zarr(
    place: Path | str,
    frame: int | None = None,
    channel: str | None = None,
) -> ZarrImage:
    """Open the finest level of an image; only metadata are read.

    Args:
        place: its folder or URL.
        frame: the time that is wanted, from 0; None where it has one.
        channel: the number, from 1, or the name of the channel that is wanted; None where it has one.

    Raises:
        ConfigError: the packages that read it are not installed.
        SeriesChoiceError: it has several channels, and none of them is chosen.
        InputError: it is not there, is no 3D image, or has several times and none is chosen.
    """
    name = str(place)
    group, metadata = _group(place)
    level = finest_level(metadata, name)
    try:
        stored = group[level.path]
    except KeyError as error:
        raise InputError(
            f"{name} names {level.path} as its finest level, which is not there; copy it again."
        ) from error
    except Exception as error:  # whatever damaged metadata raise
        raise InputError(
            f"The level {level.path} of {name} cannot be opened ({in_one_line(error)}); copy the"
            " image again."
        ) from error
    spatial = level.spatial
    _check_axes(level, stored.shape, name)
    fixed = dict.fromkeys((axis for axis in range(stored.ndim) if axis not in spatial), 0)
    for axis in level.numbers_of("time"):
        fixed[axis] = _chosen_time(stored.shape[axis], frame, name)
    if frame and not level.numbers_of("time"):
        _chosen_time(1, frame, name)
    for axis in level.numbers_of("channel"):
        names = channel_names(metadata, stored.shape[axis])
        fixed[axis] = _chosen_channel(names, channel, name)
    _check_type(np.dtype(stored.dtype), name)
    placement = placement_of(level, metadata, name)
    fields = described_fields(metadata)
    return ZarrImage(name, stored, tuple(spatial), fixed, placement, placement.remarks, fields)


def _group(place: Path | str) -> tuple[Any, Mapping[str, Any]]:
    """The zarr group of an image, and its metadata."""
    check_packages(place)
    import zarr

    tell_stage("Reading the metadata")
    try:
        found = zarr.open(str(place), mode="r")
    except FileNotFoundError as error:
        raise InputError(
            f"There is no OME-Zarr image at {place}; check the name, and name the folder that has"
            " its `.zattrs` or `zarr.json`."
        ) from error
    except Exception as error:  # whatever a store far away raises
        raise InputError(
            f"{place} cannot be opened ({in_one_line(error)}); check the name, and whether the"
            " machine that has it answers."
        ) from error
    attributes: dict[str, Any] = dict(found.attrs.asdict())
    own = attributes.get("ome")  # of version 0.5
    metadata = {**attributes, **(own if isinstance(own, dict) else {})}
    if isinstance(found, zarr.Array) or "multiscales" not in metadata:
        raise InputError(_no_image(place, found, metadata))
    return found, metadata


def check_packages(place: Path | str) -> None:
    """Refuse OME-Zarr where what reads it is not installed.

    Raises:
        ConfigError: it is not.
    """
    missing = [name for name in NEEDED if util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{place} is OME-Zarr, which needs {' and '.join(missing)}; install"
            " slice-propagation[zarr]."
        )


def _no_image(place: Path | str, found: Any, metadata: Mapping[str, Any]) -> str:
    """Why a group or array of zarr is no image, and what to name in its place."""
    if "plate" in metadata or "well" in metadata:
        return (
            f"{place} is a plate with many images, a volume is one; name the folder of one of its"
            " fields, such as A/1/0 in it."
        )
    inside = metadata.get("labels") or ["0"] if "bioformats2raw.layout" in metadata else []
    inside = inside or metadata.get("labels") or []
    if inside:
        named = " or ".join(f"{str(place).rstrip('/')}/{each}" for each in inside[:3])
        return f"{place} holds images, and is none itself; name one of them: {named}."
    what = "an array" if not hasattr(found, "members") else "a group"
    return (
        f"{place} is {what} of zarr without `multiscales`, which OME-Zarr images have; name the"
        " folder of an image, or write it as OME-Zarr, for example with ngff-zarr."
    )


def _check_axes(level: Level, shape: Sequence[int], name: str) -> None:
    if len(shape) != len(level.axes):
        raise InputError(
            f"{name} has {len(shape)} axes, and its metadata describe {len(level.axes)}; write it"
            " again."
        )
    sizes = [shape[number] for number in level.spatial]
    if len(sizes) != 3:
        said = "x".join(map(str, sizes))
        raise InputError(
            f"{name} has {len(sizes)} axes of space (size {said}), a volume needs 3; stack the"
            " slices first."
        )


def _chosen_time(count: int, frame: int | None, name: str) -> int:
    if frame is None and count > 1:
        raise InputError(
            f"{name} has {count} times, a volume has one; name one of them with --frame 0 to"
            f" {count - 1}."
        )
    if not 0 <= (frame or 0) < count:
        last = f"frames 0 to {count - 1}" if count > 1 else "one frame, 0"
        raise InputError(
            f"{name} has {last}, and frame {frame} was asked for; choose one of these, or leave"
            " --frame out."
        )
    return frame or 0


def _chosen_channel(names: Sequence[str], channel: str | None, name: str) -> int:
    if len(names) == 1 and channel is None:
        return 0
    numbers = {str(number): number - 1 for number in range(1, len(names) + 1)}
    found = {each: number for number, each in enumerate(names) if each} | numbers
    if channel in found:
        return found[channel]
    listed = ", ".join(f"{number} {each}".strip() for number, each in enumerate(names, 1))
    asked = f", and {channel} was asked for" if channel else ", a volume has one"
    raise SeriesChoiceError(
        f"{name} has the channels {listed}{asked}; choose one with --series and its number or name.",
        [Choice(str(number), each or f"channel {number}") for number, each in enumerate(names, 1)],
        "channels",
    )


def _check_type(kind: np.dtype, name: str) -> None:
    if kind.kind not in "buif":
        raise InputError(
            f"{name} has voxels of the type {kind}, a volume has whole or floating-point numbers;"
            " convert it."
        )


def _read_type(kind: np.dtype) -> np.dtype:
    """What voxels are read as: truth values and short floats are no types of images."""
    if kind.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if kind == np.float16 else kind.newbyteorder("=")
