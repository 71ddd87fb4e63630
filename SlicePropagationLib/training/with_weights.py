"""Weights of a model file to begin a training with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint

AnyTask = TypeVar("AnyTask", bound=Any)


def with_weights(task: AnyTask, init: Path | str | None) -> AnyTask:
    """The task, with the weights of a model file of its family where one is given.

    Args:
        task: see `contracts.Task`; its network is filled.
        init: the model file, or None.

    Raises:
        CheckpointError: the weights do not fit.
    """
    if init:
        fill_network(task.network, load_checkpoint(init, {task.family}), init)
    return task
