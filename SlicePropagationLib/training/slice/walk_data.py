"""Recorded walks as a torch dataset: files of walks, read where they are needed, segments of a walk as samples."""

import struct
import zipfile
from dataclasses import dataclass

import numpy as np
import torch

from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.training.slice.walks import STORED_CELLS


@dataclass(frozen=True)
class Shard:
    """The walks of one file, one behind the other; see `walks.Walk`."""

    group: str
    starts: np.ndarray
    maps: np.ndarray
    facts: np.ndarray
    squares: np.ndarray
    truth: np.ndarray
    seeds: np.ndarray


def load_shard(path, group):
    """The Shard of a file that `prepare_walks` wrote.

    What is large stays in the file until it is used, so that any number of cases can be learnt
    from.
    """
    stored = _mapped(path)
    starts = np.concatenate([[0], np.cumsum(stored["lengths"])])
    return Shard(
        group,
        starts,
        stored["maps"],
        stored["facts"],
        stored["squares"],
        stored["truth"],
        stored["seeds"],
    )


def _mapped(path):
    """{name: read-only array in the file} of an .npz that is not compressed.

    One mapping for each file, as systems limit their number.
    """
    content = np.memmap(path, np.uint8, "r")
    arrays = {}
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for member in archive.infolist():
            file.seek(
                member.header_offset + 26
            )  # of the two lengths that say where the local header ends
            file.seek(sum(struct.unpack("<HH", file.read(4))), 1)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            arrays[member.filename.removesuffix(".npy")] = np.ndarray(
                shape,
                dtype,
                content,
                file.tell(),
            )
    return arrays


class WalkDataset(torch.utils.data.Dataset):
    """Segments of recorded walks.

    Args:
        shards: the Shards.
        steps: slices per sample; shorter walks are filled up with slices of weight 0.
        inner_share: how often a segment begins in the middle of a walk, from the true mask of the
            slice before.
        shares: {group: how often it is drawn}; the other groups share the rest equally.
    """

    def __init__(self, shards, steps, inner_share=0.4, shares=None):
        self.shards = shards
        self.most_steps = steps
        self.steps = steps
        self.inner_share = inner_share
        self.shares = {
            group: share
            for group, share in (shares or {}).items()
            if group in {shard.group for shard in shards}
        }
        self.places = [(shard, number) for shard in shards for number in range(len(shard.seeds))]

    def set_progress(self, fraction):
        """Longer segments as the training goes on: one slice at first, where samples differ most, and all `steps` before its end."""
        self.steps = 1 + round((self.most_steps - 1) * min(1.0, max(0.0, (fraction - 0.3) / 0.5)))

    def __len__(self):
        return len(self.places)

    def __getitem__(self, position):
        shard, number = self.places[position]
        first = shard.starts[number]
        last = shard.starts[number + 1]
        start = first
        if last - first > 1 and torch.rand(()) < self.inner_share:
            start = first + 1 + int(torch.randint(last - first - 1, ()))
        chosen = np.minimum(np.arange(start, start + self.steps), last - 1)
        return {
            "maps": shard.maps[chosen],
            "facts": shard.facts[chosen],
            "squares": shard.squares[chosen],
            "truth": shard.truth[chosen],
            "previous": (
                shard.seeds[number].copy() if start == first else _seen_on_next(shard, start - 1)
            ),
            "is_annotated": start == first,
            "weight": (np.arange(start, start + self.steps) < last).astype(np.float32),
        }

    def weights(self):
        """(number of walks,) float64 weights of drawing: within a group, every walk by the root of its length."""
        roots = {}
        for shard in self.shards:
            roots.setdefault(shard.group, []).append(np.sqrt(np.diff(shard.starts)))
        rest = (1 - sum(self.shares.values())) / max(1, len(set(roots) - set(self.shares)))
        scale = {
            group: self.shares.get(group, rest) / np.concatenate(values).sum()
            for group, values in roots.items()
        }
        return np.concatenate(
            [np.sqrt(np.diff(shard.starts)) * scale[shard.group] for shard in self.shards]
        )


def _seen_on_next(shard, index):
    """(S, S) uint8: the truth of one slice on the square of the next."""
    here, there = (
        Roi(*map(float, shard.squares[place]), STORED_CELLS) for place in (index, index + 1)
    )
    row = (there.row - here.row) / here.pitch + (STORED_CELLS - 1) / 2
    column = (there.column - here.column) / here.pitch + (STORED_CELLS - 1) / 2
    return np.round(
        Roi(row, column, there.pitch / here.pitch, STORED_CELLS).sample(shard.truth[index])
    ).astype(np.uint8)
