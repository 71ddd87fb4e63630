"""The batches of an epoch: in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, RandomSampler, Sampler, WeightedRandomSampler

from SlicePropagationLib.training.loop_config import LoopConfig

SEEDS_APART = 100003  # between the orders of one seed and those of the next


def train_batches(
    data: Any,
    config: LoopConfig,
    epoch: int,
    rank: int = 0,
    world_size: int = 1,
) -> DataLoader:
    """The batches of an epoch, so that an epoch done again is the same.

    The batches of several processes are together those of one whose batches are so many times as
    large.

    Args:
        data: a Dataset with a length; it may have `weights()`, one for each sample, by which
            samples are drawn with replacement.
        config: how many batches, how large, and how many processes load them.
        epoch: its number, from 0.
        rank: the number of this process,
        world_size: and how many share the samples.
    """
    generator = torch.Generator().manual_seed(config.seed * SEEDS_APART + epoch)
    wanted = config.batches_per_epoch * config.batch_size or len(data)
    sampler = _sampler(data, wanted, generator)
    return DataLoader(
        data,
        config.batch_size,
        sampler=_Share(sampler, rank, world_size) if world_size > 1 else sampler,
        num_workers=config.workers,
        generator=generator,
        drop_last=wanted > config.batch_size,
    )


def _sampler(
    data: Any,
    wanted: int,
    generator: torch.Generator,
) -> Sampler:
    """What draws that many samples."""
    if not hasattr(data, "weights"):
        count = min(wanted, len(data))
        return RandomSampler(data, num_samples=count, generator=generator)
    weights: Any = torch.as_tensor(data.weights(), dtype=torch.float64)
    return WeightedRandomSampler(
        weights,
        wanted,
        replacement=True,
        generator=generator,
    )


class _Share(Sampler):
    """Every so many-th sample of what a sampler draws, which is the same in all processes."""

    def __init__(self, sampler: Any, rank: int, world_size: int) -> None:
        self._sampler = sampler
        self._rank = rank
        self._world_size = world_size

    def __len__(self) -> int:
        return len(self._sampler) // self._world_size

    def __iter__(self) -> Iterator[int]:
        drawn = list(self._sampler)
        return iter(drawn[self._rank :: self._world_size][: len(self)])
