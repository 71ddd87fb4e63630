"""Recorded walks as a torch dataset.

Files of walks are read where they are needed; segments of a walk are the samples.
"""

import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.training.contracts import Sample
from SlicePropagationLib.training.slice.walks import STORED_CELLS


@dataclass(frozen=True)
class Shard:
    """The walks of one file, one behind the other; see `walks.Walk`.

    A process that loads data gets the file, not what is in it.

    Attributes:
        path: the file.
        group: how often it is drawn is said of its group.
        starts: (walks + 1,) where each walk begins, and where the last one ends.
        maps, scalar_features, squares, truth: of the slices of all walks.
        seeds: (walks, S, S).
    """

    path: Path
    group: str
    starts: np.ndarray
    maps: np.ndarray
    scalar_features: np.ndarray
    squares: np.ndarray
    truth: np.ndarray
    seeds: np.ndarray

    def __reduce__(self) -> tuple[Any, ...]:
        return load_shard, (self.path, self.group)


def load_shard(path: Path, group: str) -> Shard:
    """The Shard of a file that `prepare_walks` wrote.

    What is large stays in the file until it is used, so that any number of cases can be learnt
    from.
    """
    stored = _mapped(path)
    return Shard(
        path,
        group,
        starts=np.concatenate([[0], np.cumsum(stored["lengths"])]),
        maps=stored["maps"],
        scalar_features=stored["facts"],
        squares=stored["squares"],
        truth=stored["truth"],
        seeds=stored["seeds"],
    )


def _mapped(path: Path) -> dict[str, np.ndarray]:
    """{name: read-only array in the file} of an .npz that is not compressed.

    One mapping for each file, as systems limit their number.
    """
    content = np.memmap(path, np.uint8, "r")
    arrays = {}
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for member in archive.infolist():
            # the two lengths there say where the local header ends
            file.seek(member.header_offset + 26)
            file.seek(sum(struct.unpack("<HH", file.read(4))), 1)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            name = member.filename.removesuffix(".npy")
            arrays[name] = np.ndarray(shape, dtype, content, file.tell())
    return arrays


class WalkDataset(torch.utils.data.Dataset):
    """Segments of recorded walks.

    Args:
        shards: the Shards.
        steps: slices per sample; shorter walks are filled up with slices of weight 0.
        inner_share: how often a segment begins in the middle of a walk, from the true mask of the
            slice before.
        shares: {group: how often it is drawn}; the other groups share the rest.
        balance: how they share it: by their number of files to the power of it, so 0 is equally.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        steps: int,
        inner_share: float = 0.4,
        shares: dict[str, float] | None = None,
        balance: float = 0.0,
    ) -> None:
        self.shards = shards
        self.balance = balance
        self.most_steps = steps
        self.steps = steps
        self.inner_share = inner_share
        groups = {shard.group for shard in shards}
        wanted = shares or {}
        self.shares = {group: share for group, share in wanted.items() if group in groups}
        self.places = [(shard, number) for shard in shards for number in range(len(shard.seeds))]

    def set_progress(self, fraction: float) -> None:
        """Longer segments as the training goes on.

        One slice at first, where samples differ most, and all `steps` before its end.
        """
        grown = min(1.0, max(0.0, (fraction - 0.3) / 0.5))
        self.steps = 1 + round((self.most_steps - 1) * grown)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, position: int) -> Sample:
        shard, number = self.places[position]
        first = shard.starts[number]
        last = shard.starts[number + 1]
        start = first
        if last - first > 1 and torch.rand(()) < self.inner_share:
            start = first + 1 + int(torch.randint(last - first - 1, ()))
        places = np.arange(start, start + self.steps)
        chosen = np.minimum(places, last - 1)
        is_first = start == first
        previous = shard.seeds[number].copy() if is_first else _seen_on_next(shard, start - 1)
        return {
            "maps": shard.maps[chosen],
            "scalar_features": shard.scalar_features[chosen],
            "squares": shard.squares[chosen],
            "truth": shard.truth[chosen],
            "previous": previous,
            "is_annotated": is_first,
            "weight": (places < last).astype(np.float32),
        }

    def weights(self) -> np.ndarray:
        """(number of walks,) float64 weights of drawing.

        Within a group, every walk by the root of its length.
        """
        roots = [np.sqrt(np.diff(shard.starts)) for shard in self.shards]
        of_group = {}
        for shard, values in zip(self.shards, roots, strict=True):
            of_group.setdefault(shard.group, []).append(values)
        drawn = self._group_shares({group: len(values) for group, values in of_group.items()})
        scale = {
            group: drawn[group] / np.concatenate(values).sum() for group, values in of_group.items()
        }
        pairs = zip(self.shards, roots, strict=True)
        return np.concatenate([values * scale[shard.group] for shard, values in pairs])

    def _group_shares(self, files: dict[str, int]) -> dict[str, float]:
        """{group: how often it is drawn} from the number of files of each group."""
        others = {
            group: count**self.balance for group, count in files.items() if group not in self.shares
        }
        rest = 1 - sum(self.shares.values())
        total = sum(others.values())
        return self.shares | {group: rest * size / total for group, size in others.items()}


def _seen_on_next(shard: Shard, index: int) -> np.ndarray:
    """(S, S) uint8: the truth of one slice on the square of the next."""
    here = _roi_of(shard, index)
    there = _roi_of(shard, index + 1)
    middle = (STORED_CELLS - 1) / 2
    row = (there.row - here.row) / here.pitch + middle
    column = (there.column - here.column) / here.pitch + middle
    seen = Roi(row, column, there.pitch / here.pitch, STORED_CELLS).sample(shard.truth[index])
    return np.round(seen).astype(np.uint8)


def _roi_of(shard: Shard, index: int) -> Roi:
    row, column, pitch = map(float, shard.squares[index])
    return Roi(row, column, pitch, STORED_CELLS)
