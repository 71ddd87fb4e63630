"""Large label maps, written a few slices at a time: no copy of all of them is made."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

BLOCK_BYTES = 16 * 2**20
LEVEL = 6  # of compression
SUFFIXES = (".nrrd", ".mha")


def can_write(path: Path | str) -> bool:
    """Whether files of that ending are written in blocks."""
    return str(path).lower().endswith(SUFFIXES)


def write_in_blocks(
    path: Path | str,
    layers: Sequence[np.ndarray],
    kind: np.dtype,
    prepare: Callable[[sitk.Image], None],
) -> None:
    """Write label maps as ITK would, packed.

    Args:
        path: a NRRD or MetaImage file with the voxels in it.
        layers: (K, J, I) label maps, at least one; several become the values of each voxel.
        kind: of the voxels.
        prepare: gives an image of one voxel all that the header has to say.
    """
    image = sitk.GetImageFromArray(np.zeros((1, 1, 1, len(layers)), kind), isVector=True)
    if len(layers) == 1:
        image = sitk.GetImageFromArray(np.zeros((1, 1, 1), kind))
    prepare(image)
    write = _write_meta if str(path).lower().endswith(".mha") else _write_nrrd
    write(Path(path), _header(image, Path(path)), layers, kind)


def _header(image: sitk.Image, path: Path) -> bytes:
    """What ITK writes before the voxels of an image of one voxel."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        sample = Path(folder) / f"sample{path.suffix}"
        sitk.WriteImage(image, str(sample), True)
        return sample.read_bytes()


def _write_nrrd(path: Path, sample: bytes, layers: Sequence[np.ndarray], kind: np.dtype) -> None:
    header, mark, _ = sample.partition(b"\n\n")
    if len(layers) > 1:  # not the parts of a vector; Slicer needs that
        header = _with_value(header, b"kinds: ", b"list domain domain domain")
    sizes = [len(layers)] if len(layers) > 1 else []
    text = " ".join(map(str, [*sizes, *reversed(layers[0].shape)])).encode()
    with open(path, "wb") as file:
        file.write(_with_value(header, b"sizes: ", text) + mark)
        with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
            for block in _blocks(layers, kind):
                packed.write(block.data)


def _write_meta(path: Path, sample: bytes, layers: Sequence[np.ndarray], kind: np.dtype) -> None:
    """The header states how long the packed voxels are, so these are packed first."""
    header, mark, _ = sample.partition(b"ElementDataFile = LOCAL\n")
    with tempfile.TemporaryFile(dir=path.parent) as packed:
        num_bytes = _pack(packed, _blocks(layers, kind))
        text = " ".join(map(str, reversed(layers[0].shape))).encode()
        header = _with_value(header, b"DimSize = ", text)
        header = _with_value(header, b"CompressedDataSize = ", str(num_bytes).encode())
        packed.seek(0)
        with open(path, "wb") as file:
            file.write(header + mark)
            shutil.copyfileobj(packed, file, BLOCK_BYTES)


def _pack(file: BinaryIO, blocks: Iterator[np.ndarray]) -> int:
    packer = zlib.compressobj(LEVEL)
    for block in blocks:
        file.write(packer.compress(block.data))
    file.write(packer.flush())
    return file.seek(0, os.SEEK_CUR)


def _with_value(header: bytes, name: bytes, value: bytes) -> bytes:
    lines = header.split(b"\n")
    return b"\n".join(name + value if line.startswith(name) else line for line in lines)


def _blocks(layers: Sequence[np.ndarray], kind: np.dtype) -> Iterator[np.ndarray]:
    """(n, J, I) or (n, J, I, layers) voxels as they are stored, in order."""
    num_slices, height, width = layers[0].shape
    count = max(1, BLOCK_BYTES // (height * width * len(layers) * kind.itemsize))
    for first in range(0, num_slices, count):
        parts = [layer[first : first + count] for layer in layers]
        block = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
        yield np.ascontiguousarray(block, kind.newbyteorder("<"))
