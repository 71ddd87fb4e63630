"""Recorded walks as a torch dataset: files of walks in memory, segments of a walk as samples."""

from dataclasses import dataclass

import numpy as np
import torch

from SlicePropagationLib.engines.roi import Roi
from SlicePropagationLib.training.walks import STORED_CELLS


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
    """The Shard of a file that `save_walks` wrote."""
    with np.load(path) as stored:
        starts = np.concatenate([[0], np.cumsum(stored["lengths"])])
        return Shard(group, starts, stored["maps"], stored["facts"], stored["squares"], stored["truth"], stored["seed"])


class WalkDataset(torch.utils.data.Dataset):
    """Segments of `steps` slices of recorded walks.

    Args:
        shards: the Shards.
        steps: slices per sample; shorter walks are filled up with slices of weight 0.
        inner_share: how often a segment begins in the middle of a walk, from the true mask of the slice before.
    """

    def __init__(self, shards, steps, inner_share=0.4):
        self.shards, self.steps, self.inner_share = shards, steps, inner_share
        self.places = [(shard, number) for shard in shards for number in range(len(shard.seeds))]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, position):
        shard, number = self.places[position]
        first, last = shard.starts[number], shard.starts[number + 1]
        start = first
        if last - first > 1 and torch.rand(()) < self.inner_share:
            start = first + 1 + int(torch.randint(last - first - 1, ()))
        chosen = np.minimum(np.arange(start, start + self.steps), last - 1)
        return {"maps": shard.maps[chosen], "facts": shard.facts[chosen], "squares": shard.squares[chosen], "truth": shard.truth[chosen],
                "previous": shard.seeds[number] if start == first else _seen_on_next(shard, start - 1),
                "is_annotated": start == first, "weight": (np.arange(start, start + self.steps) < last).astype(np.float32)}

    def weights(self):
        """(number of walks,) float64 weights of drawing: every group of shards as often, every walk by the root of its length."""
        groups = {}
        for shard in self.shards:
            groups.setdefault(shard.group, []).append(np.sqrt(np.diff(shard.starts)))
        totals = {group: np.concatenate(lengths).sum() for group, lengths in groups.items()}
        return np.concatenate([np.sqrt(np.diff(shard.starts)) / totals[shard.group] for shard in self.shards])


def _seen_on_next(shard, index):
    """(S, S) uint8: the truth of one slice on the square of the next."""
    here, there = (Roi(*map(float, shard.squares[place]), STORED_CELLS) for place in (index, index + 1))
    row = (there.row - here.row) / here.pitch + (STORED_CELLS - 1) / 2
    column = (there.column - here.column) / here.pitch + (STORED_CELLS - 1) / 2
    return np.round(Roi(row, column, there.pitch / here.pitch, STORED_CELLS).sample(shard.truth[index])).astype(np.uint8)
