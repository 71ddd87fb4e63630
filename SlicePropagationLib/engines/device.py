"""Where engines compute: a device that exists, and how many threads of the processor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import DeviceError

if TYPE_CHECKING:
    from SlicePropagationLib.propagation import Engine

DEVICES = ("auto", "cpu", "cuda")


def choose_engine(name: Path | str | None = None, device: str = "auto") -> Engine:
    """The engine that a person named, by name or by model file, on a device that exists.

    Args:
        name: as `make_engine` takes it; None for the default.
        device: "auto", "cpu" or "cuda".

    Raises:
        ConfigError, CheckpointError, DeviceError: with what to do instead.
    """
    check_device(device)
    return make_engine(name, device)


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        DeviceError: CUDA was asked for in vain.
    """
    if device == "cuda" and not has_cuda():
        raise DeviceError(
            "CUDA was asked for, but this machine has no CUDA device that PyTorch can use; use"
            " --device auto or cpu."
        )


def has_cuda() -> bool:
    """Whether PyTorch is installed and sees a CUDA device; imports PyTorch."""
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


def one_thread() -> None:
    """Keep a worker to one thread, set before it imports torch.

    Workers that each use all cores hold one another up.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
