"""The optimizer of a training, and how its learning rate changes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch

from SlicePropagationLib.training.loop_config import LoopConfig

MAKERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}


def make_optimizer(task: Any, config: LoopConfig) -> torch.optim.Optimizer:
    """The optimizer of a task's parameters, in the groups that it asks for.

    Args:
        task: see `contracts.Task`.
        config: which optimizer, with which learning rate and weight decay.
    """
    return MAKERS[config.optimizer](
        _groups(task),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )


def _groups(task: Any) -> list[dict[str, Any]]:
    """One group with the full learning rate, or those of the task."""
    if hasattr(task, "parameter_groups"):
        return task.parameter_groups()
    return [{"params": list(task.parameters()), "rate": 1.0}]


def rate_factor(
    config: LoopConfig,
    fraction: float,
    *,
    num_drops: int,
    num_batches: int,
) -> float:
    """The learning rate as a share of the configured one.

    Args:
        config: with the schedule.
        fraction: how much of the training is done, from 0 to 1.
        num_drops: how often the score has stayed for too long, for "plateau".
        num_batches: batches that were learnt from so far.
    """
    factor = _scheduled(config, fraction, num_drops)
    if config.warmup_batches:
        factor *= min(1.0, (num_batches + 1) / config.warmup_batches)
    return factor


def _scheduled(
    config: LoopConfig,
    fraction: float,
    num_drops: int,
) -> float:
    if config.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * fraction))
    if config.schedule == "steps":
        epochs = fraction * config.epochs
        return config.factor ** sum(epochs >= milestone for milestone in config.milestones)
    if config.schedule == "plateau":
        return config.factor**num_drops
    return 1.0


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group to its share of `rate`.

    Args:
        optimizer: made by `make_optimizer`.
        rate: the full learning rate.
    """
    for group in optimizer.param_groups:
        # a state of an earlier version has no rate
        group["lr"] = rate * group.get("rate", 1.0)
