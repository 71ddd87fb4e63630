"""`MappedSlices`: slices of voxels that stay where they are, converted when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from SlicePropagationLib.lazy_voxels import LazyVoxels

BLOCK_BYTES = 16 * 2**20  # of the slices that are converted at a time
NUM_SAMPLED = 5  # slices, the first and the last one among them
NUM_KEPT = 4  # slices: an engine looks at one and its neighbours several times


class MappedSlices:
    """An (N, H, W) float32 array of which no more is in memory than what is looked at.

    It is indexed as an array is, and gives float32 arrays; `np.asarray` gives all of it.

    Args:
        voxels: (N, H, W) of any type of number, such as a memory map of a file, or `LazyVoxels`.
        replaced: (value, what is there in its place) pairs, one after the other.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(
        self,
        voxels: np.ndarray | LazyVoxels,
        replaced: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self._voxels = voxels
        self._replaced = replaced
        self._kept: dict[int, np.ndarray] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W)."""
        return self._voxels.shape

    @property
    def size(self) -> int:
        """Number of voxels."""
        return self._voxels.size

    def __len__(self) -> int:
        return len(self._voxels)

    def __getitem__(self, key: Any) -> np.ndarray:
        if not isinstance(key, (int, np.integer)):
            return self._converted(self._voxels[key])
        index = int(key)
        found = self._kept.pop(index, None)
        if found is None:
            found = self._converted(self._voxels[index])
            found.flags.writeable = False
        self._kept[index] = found  # the last one asked for goes last
        for oldest in list(self._kept)[:-NUM_KEPT]:  # a copy, as other threads may look, too
            self._kept.pop(oldest, None)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._converted(self._voxels).astype(dtype or np.float32, copy=False)

    def blocks(self) -> Iterator[np.ndarray]:
        """(n, H, W) float32 of a few slices at a time, in order."""
        for block in self._stored_blocks():
            yield self._converted(block)

    def counted(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(the float32 values of all voxels, ascending, how many have each), found block by block.

        None of voxels that have other than one or two bytes of a whole number: there may be as many
        values as voxels.
        """
        kind = self._voxels.dtype
        if kind.kind not in "ui" or kind.itemsize > 2:
            return None
        lowest = int(np.iinfo(kind).min)
        counts = np.zeros(1 << 8 * kind.itemsize, np.int64)
        for block in self._stored_blocks():
            shifted = block.astype(np.int32).ravel() - lowest
            counts += np.bincount(shifted, minlength=len(counts))
        values = self._converted(np.arange(len(counts)) + lowest)
        order = np.argsort(values, kind="stable")
        order = order[counts[order] > 0]
        return values[order], counts[order]

    def _stored_blocks(self) -> Iterator[np.ndarray]:
        """(n, H, W) of a few slices at a time, as they are stored."""
        _, height, width = self.shape
        count = max(1, BLOCK_BYTES // (4 * height * width))
        for first in range(0, len(self), count):
            yield self._voxels[first : first + count]

    def sample(self, step: int) -> np.ndarray:
        """Every voxel that is a multiple of `step` along each axis.

        Of voxels that are fetched when they are looked at, more of a few slices, as all chunks
        would be fetched otherwise.
        """
        if not isinstance(self._voxels, LazyVoxels):
            return self[::step, ::step, ::step]
        few = np.unique(np.linspace(0, len(self) - 1, NUM_SAMPLED).round().astype(int))
        finer = max(1, step // NUM_SAMPLED)
        parts = [self._voxels[int(index), ::finer, ::finer] for index in few]
        return np.stack([self._converted(part) for part in parts])

    def replacing(self, value: float, filled: float) -> MappedSlices:
        """The same slices with one value in the place of another."""
        return MappedSlices(self._voxels, (*self._replaced, (value, filled)))

    def _converted(self, voxels: Any) -> np.ndarray:
        converted = np.array(voxels, np.float32, order="C", subok=False)
        for value, filled in self._replaced:
            converted[converted == value] = np.float32(filled)
        return converted


def padding_in_blocks(
    images: MappedSlices,
    sign: int,
    smallest_share: float,
    num_sampled: int,
) -> tuple[float, float, np.ndarray] | None:
    """What tells whether the least value of an image is padding, found block by block.

    Args:
        images: the slices.
        sign: -1 for the greatest value.
        smallest_share: of the voxels that padding is.
        num_sampled: about how many of the other voxels are given.

    Returns:
        (the least value, the least of the others, a sample of the others as the whole array would
        give it); None where no other voxel is there, or fewer than that share have the value.
    """
    extreme = np.min if sign > 0 else np.max
    value = extreme([extreme(block) for block in images.blocks()])
    count = sum(int(np.count_nonzero(block != value)) for block in images.blocks())
    if count == 0 or images.size - count < smallest_share * images.size:
        return None
    step = max(1, count // num_sampled)
    sampled, least, passed = [], [], 0
    for block in images.blocks():
        others = block[block != value]
        if others.size:
            least.append(extreme(others))
        sampled.append(others[-passed % step :: step])
        passed += others.size
    return float(value), float(extreme(least)), np.concatenate(sampled)
