"""The batches of an epoch: in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader, RandomSampler, Sampler, WeightedRandomSampler

from SlicePropagationLib.training.loop_config import LoopConfig

SEEDS_APART = 100003  # between the orders of one seed and those of the next


def train_batches(
    data: Any,
    config: LoopConfig,
    epoch: int,
) -> DataLoader:
    """The batches of an epoch, so that an epoch done again is the same.

    Args:
        data: a Dataset with a length; it may have `weights()`, one for each sample, by which
            samples are drawn with replacement.
        config: how many batches, how large, and how many processes load them.
        epoch: its number, from 0.
    """
    generator = torch.Generator().manual_seed(config.seed * SEEDS_APART + epoch)
    wanted = config.batches_per_epoch * config.batch_size or len(data)
    return DataLoader(
        data,
        config.batch_size,
        sampler=_sampler(data, wanted, generator),
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
