"""What a training computes on, and with which numbers."""

from __future__ import annotations

import logging
from typing import Any

import torch
from lightning.fabric import Fabric

from SlicePropagationLib.training.loop_config import LoopConfig


def make_fabric(config: LoopConfig, device: str) -> Fabric:
    """The processes of a training; started where there are several.

    Args:
        config: how many, and in which precision.
        device: "auto", "cpu" or "cuda".
    """
    fabric = Fabric(
        accelerator=_accelerator(device),
        devices=config.devices,
        num_nodes=config.nodes,
        precision=_precision(config, device),
    )
    if config.num_processes > 1:
        for name in ("lightning.fabric", "lightning.pytorch"):  # they tell each step of the start
            logging.getLogger(name).setLevel(logging.WARNING)
        fabric.launch()
    return fabric


def _accelerator(device: str) -> str:
    """CUDA or the CPU; Fabric's own "auto" would take a Mac's GPU, which lacks what tasks need."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _precision(config: LoopConfig, device: str) -> Any:
    if config.precision != "auto":
        return config.precision
    is_gpu = device != "cpu" and torch.cuda.is_available()
    if is_gpu and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16-mixed"
    return "32-true"
