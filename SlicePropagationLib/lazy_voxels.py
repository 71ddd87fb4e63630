"""`LazyVoxels`: voxels that are fetched in blocks when they are looked at, and stay in a file then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Block = tuple[slice, ...]


@dataclass
class BlockStore:
    """Voxels in blocks, of which each is fetched once.

    Attributes:
        kept: what was fetched, zeros elsewhere; a writable memory map of the whole shape.
        block_shape: of a block along each axis; the last ones may be smaller.
        fetch: gives the voxels of a box of blocks.
    """

    kept: np.memmap
    block_shape: tuple[int, ...]
    fetch: Callable[[Block], np.ndarray]
    _is_here: np.ndarray = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin with no block."""
        counts = [
            -(-size // step) for size, step in zip(self.kept.shape, self.block_shape, strict=True)
        ]
        self._is_here = np.zeros(counts, bool)

    def share(self) -> float:
        """How many of the blocks are here, 0 to 1."""
        return float(self._is_here.mean())

    def bring(self, wanted: Sequence[np.ndarray]) -> None:
        """Fetch what is missing of the blocks with these numbers along each axis.

        Blocks that follow each other along the last axis are fetched together, so that a store
        far away is asked for several at a time.
        """
        with self._lock:
            missing = ~self._is_here[np.ix_(*wanted)]
            for place in zip(*np.nonzero(missing.any(axis=-1)), strict=True):
                row = tuple(int(numbers[at]) for numbers, at in zip(wanted, place, strict=False))
                columns = wanted[-1][missing[place]]
                self._fetch_row(row, int(columns[0]), int(columns[-1]))

    def _fetch_row(self, row: tuple[int, ...], first: int, last: int) -> None:
        starts = (*row, first)
        stops = (*(number + 1 for number in row), last + 1)
        box = tuple(
            slice(start * step, min(stop * step, size))
            for start, stop, step, size in zip(
                starts, stops, self.block_shape, self.kept.shape, strict=True
            )
        )
        voxels = self.fetch(box)
        if voxels.any():  # zeros take no room where files may have holes
            self.kept[box] = voxels
        self._is_here[(*row, slice(first, last + 1))] = True


class LazyVoxels:
    """A (K, J, I) array of which no more is fetched than what is looked at.

    It is indexed as an array is; what it gives is a read-only memory map.

    Args:
        store: the blocks.
        order: for each axis of this array, the axis of the store.
    """

    def __init__(self, store: BlockStore, order: tuple[int, ...] = (0, 1, 2)) -> None:
        self._store = store
        self._order = order
        self._shown = store.kept.transpose(order)
        self._shown.flags.writeable = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(K, J, I)."""
        return self._shown.shape

    @property
    def dtype(self) -> np.dtype:
        """Of a voxel."""
        return self._shown.dtype

    @property
    def ndim(self) -> int:
        """3."""
        return self._shown.ndim

    @property
    def size(self) -> int:
        """Number of voxels."""
        return self._shown.size

    def __len__(self) -> int:
        return len(self._shown)

    def __getitem__(self, key: Any) -> np.ndarray:
        self._bring(key if isinstance(key, tuple) else (key,))
        return self._shown[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.whole(), dtype or self.dtype)

    def transpose(self, order: Sequence[int]) -> LazyVoxels:
        """The same voxels with other axes first; nothing is fetched."""
        return LazyVoxels(self._store, tuple(self._order[axis] for axis in order))

    def share(self) -> float:
        """How much of the voxels is here, 0 to 1."""
        return self._store.share()

    def whole(self) -> np.memmap:
        """All voxels, fetched, as a read-only memory map."""
        self._bring(())
        return self._shown

    def _bring(self, key: tuple[Any, ...]) -> None:
        """Fetch the blocks that an index touches; all of them for one that is not whole numbers and slices."""
        is_plain = all(isinstance(part, (int, np.integer, slice)) for part in key)
        parts = key if is_plain else ()
        wanted = [np.arange(0)] * self.ndim
        for axis, size in enumerate(self.shape):
            part = parts[axis] if axis < len(parts) else slice(None)
            indices = np.atleast_1d(np.arange(size)[part])
            own = self._order[axis]
            wanted[own] = np.unique(indices // self._store.block_shape[own])
        self._store.bring(wanted)


def stays_in_file(array: Any) -> bool:
    """Whether the voxels of an array are in a file, so that no copy of all of them is made."""
    return isinstance(array, (np.memmap, LazyVoxels))
