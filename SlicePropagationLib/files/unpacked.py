"""Packed voxels, unpacked into a file that is gone again when nothing looks at it any more."""

from __future__ import annotations

import logging
import math
import os
import shutil
import sys
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import clear_away, own_prefix
from SlicePropagationLib.files.packed import PackedFile
from SlicePropagationLib.files.stored_voxels import StoredVoxels
from SlicePropagationLib.lazy_voxels import LazyVoxels
from SlicePropagationLib.stack import ODD_VALUES, finite_values

log = logging.getLogger(__name__)
FOLDER = "SLICE_PROPAGATION_CACHE"  # the variable of the environment that names another folder
BLOCK_BYTES = 16 * 2**20
Change = Callable[[np.ndarray], np.ndarray]


def cache_folder() -> Path:
    """Where voxels are unpacked: what the environment names, or the user's folder for caches."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "slice-propagation"


def unpacked(
    stored: StoredVoxels,
    name: Path,
    change: Change | None = None,
    dtype: np.dtype | None = None,
) -> np.memmap:
    """Voxels as a memory map of a file of their own, which goes with the map.

    Args:
        stored: where they are.
        name: of the image, for the messages.
        change: makes (n, J, I) voxels as they are meant of those that are stored.
        dtype: what it gives; None where it stays.

    Raises:
        InputError: the file is damaged, or the folder has no room.
    """
    kind = np.dtype(dtype or stored.dtype.newbyteorder("="))
    return _in_own_file(_blocks(stored, change), stored.shape, kind, name)


def finite_map(array: np.memmap | LazyVoxels, name: Path | str) -> Any:
    """A map whose NaN and infinite values are replaced by its smallest finite one, as a new map.

    With a warning; the same map where there are none. As `stack.finite_values`. Of floating-point
    voxels that come as they are looked at all are fetched.

    Raises:
        InputError: no value is finite, or there is no room for the new map.
    """
    if array.dtype.kind != "f":
        return array
    array = array.whole() if isinstance(array, LazyVoxels) else array
    counts = [int(np.count_nonzero(np.isfinite(part))) for part in array]
    num_odd = array.size - sum(counts)
    if num_odd in (0, array.size):
        return finite_values(array, name) if num_odd else array
    smallest = min(part[np.isfinite(part)].min() for part in array if np.isfinite(part).any())
    log.warning(ODD_VALUES, name, num_odd, float(smallest))
    filled = (np.where(np.isfinite(part), part, smallest) for part in array)
    return _in_own_file(filled, array.shape, array.dtype, name)


def sparse_map(shape: tuple[int, ...], kind: np.dtype, name: Path | str) -> np.memmap:
    """A volume of zeros as a writable memory map of a file of its own, which goes with the map.

    What is never written there takes no room where files may have holes.

    Raises:
        InputError: the folder cannot be written.
    """
    most = math.prod(shape) * kind.itemsize

    def fill(file: BinaryIO) -> None:
        log.warning(
            "What is looked at of %s lies in %s while it is used, up to %.1f GB.",
            name,
            cache_folder(),
            most / 1e9,
        )
        file.truncate(most)

    return _own_file(fill, shape, kind, name, "r+")


def check_room(needed: int, name: Path | str) -> None:
    """Refuse to unpack where the disk is full.

    Raises:
        InputError: the folder has no room for so many bytes.
    """
    base = cache_folder()
    free = shutil.disk_usage(base).free
    if free < needed:
        raise InputError(
            f"{name} takes {needed / 1e9:.1f} GB unpacked, and {base} has {free / 1e9:.1f} GB left;"
            f" free space there, or name another folder in the variable {FOLDER}."
        )


def _in_own_file(
    blocks: Iterable[np.ndarray],
    shape: tuple[int, ...],
    kind: np.dtype,
    name: Path | str,
) -> np.memmap:
    """Blocks of a volume, one behind the other, as a map of a file in the folder for that."""
    needed = math.prod(shape) * kind.itemsize

    def fill(file: BinaryIO) -> None:
        check_room(needed, name)
        log.warning(
            "%s takes %.1f GB unpacked; while it is used, that lies in %s.",
            name,
            needed / 1e9,
            cache_folder(),
        )
        for block in blocks:
            _append(file, np.ascontiguousarray(block, kind))
        file.truncate()

    return _own_file(fill, shape, kind, name, "r")


def _own_file(
    fill: Callable[[BinaryIO], None],
    shape: tuple[int, ...],
    kind: np.dtype,
    name: Path | str,
    mode: Literal["r", "r+"],
) -> np.memmap:
    """A map of a new file in the folder for that, which is gone when nothing looks at it any more."""
    folder = None
    try:
        folder = _own_folder()
        path = folder / "voxels"
        with open(path, "wb") as file:
            fill(file)
        found = np.memmap(path, kind, mode, 0, shape)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{name} cannot be unpacked into {cache_folder()} ({error}); copy the image again if it"
            f" is damaged, or name another folder in the variable {FOLDER}."
        ) from error
    finally:
        # at once where a file that is open may lose its name, and when something went wrong
        if folder is not None and (os.name == "posix" or sys.exc_info()[0]):
            shutil.rmtree(folder, ignore_errors=True)
    if os.name != "posix":
        weakref.finalize(found.base, shutil.rmtree, str(folder), True)
    return found


def _own_folder() -> Path:
    """A new folder; what killed programs left beside it is removed."""
    base = cache_folder()
    base.mkdir(parents=True, exist_ok=True)
    clear_away(base)
    folder = base / f"{own_prefix()}{os.urandom(8).hex()}"
    folder.mkdir(mode=0o700)
    return folder


def _append(file: BinaryIO, block: np.ndarray) -> None:
    """Write a block; zeros take no room where files may have holes."""
    if block.any():
        file.write(block.data)
    else:
        file.seek(block.nbytes, os.SEEK_CUR)


def _blocks(stored: StoredVoxels, change: Change | None) -> Iterator[np.ndarray]:
    """(n, J, I) voxels, a few slices at a time."""
    num_slices, height, width = stored.shape
    count = max(1, BLOCK_BYTES // (height * width * stored.dtype.itemsize))
    with open(stored.path, "rb") as source:
        stream = _at_voxels(source, stored)
        for first in range(0, num_slices, count):
            block = np.empty((min(count, num_slices - first), height, width), stored.dtype)
            _fill(stream, block, stored)
            yield change(block) if change else block
        if isinstance(stream, PackedFile):
            stream.check_end()


def _at_voxels(source: BinaryIO, stored: StoredVoxels) -> BinaryIO | PackedFile:
    """The voxels of an open file, from the first one on."""
    source.seek(0 if stored.has_packed_header else stored.offset)
    if not stored.is_packed:
        return source
    stream = PackedFile(source)
    if stored.has_packed_header:
        stream.read(stored.offset)
    return stream


def _fill(stream: BinaryIO | PackedFile, block: np.ndarray, stored: StoredVoxels) -> None:
    view = block.data.cast("B")
    got = 0
    while got < len(view) and (more := stream.readinto(view[got:])):  # type: ignore[union-attr]
        got += more
    if got < len(view):
        raise EOFError(f"its header promises {stored.num_bytes} bytes of voxels, it holds fewer")
