"""`OutlineRefiner`: corrects the outline that a walk found, at the resolution of the image."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.arrays import Anchors, Probability
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.distance import probability_of
from SlicePropagationLib.engines.outline.view import outline_view
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.files.shipped_weights import find_model
from SlicePropagationLib.networks.checkpoint import (
    Checkpoint,
    fill_network,
    load_checkpoint,
    make_from,
)
from SlicePropagationLib.networks.on_one_thread import on_one_thread
from SlicePropagationLib.networks.outline.config import OutlineUNetConfig
from SlicePropagationLib.networks.outline.outline_unet import OutlineUNet
from SlicePropagationLib.stack import SliceStack

log = logging.getLogger(__name__)
MODEL = "outline_unet"


class OutlineRefiner:
    """Asks a trained network where the outline of a slice lies.

    A slice on which something was found never becomes empty by it, so that the end of a walk stays
    where it was.

    Args:
        network: an OutlineUNet with its weights.
        device: "cpu" or "cuda".

    Attributes:
        model_sha256: hash of its weights; "" of weights of no file.
    """

    model_sha256 = ""

    def __init__(self, network: OutlineUNet, device: str = "cpu") -> None:
        # torch's types leave `memory_format` out.
        network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.network = network.eval()

    def refined(
        self,
        stack: SliceStack,
        index: int,
        probability: Probability,
        anchors: Anchors,
    ) -> Probability:
        """The probability on a slice, corrected near what was found.

        Args:
            stack: the read-only SliceStack.
            index: the slice.
            probability: (H, W) float32, what a walk found there.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Returns:
            (H, W) float32; the same where nothing was found, or nothing would be left of it.
        """
        is_found = probability >= 0.5
        if not is_found.any():
            return probability
        view = outline_view(stack, index, probability, anchors)
        if view is None:
            return probability
        found = probability_of(self._log_odds(view.maps, view.facts), 1.0)
        if not (found >= 0.5).any():
            return probability
        refined = probability.copy()
        view.window.crop(refined)[...] = found
        return refined

    def _log_odds(self, maps: np.ndarray, facts: np.ndarray) -> np.ndarray:
        """(h, w) float32."""
        height, width = maps.shape[1:]
        multiple = self.network.config.multiple
        device = next(self.network.parameters()).device
        is_half = device.type == "cuda"
        half = torch.autocast(device.type, enabled=is_half)
        with on_one_thread(), torch.inference_mode(), half:
            values = torch.from_numpy(np.ascontiguousarray(maps[None])).to(device)
            padding = (0, -width % multiple, 0, -height % multiple)
            values = F.pad(values, padding, mode="replicate")
            found = self.network.limited(values, torch.from_numpy(facts[None]).to(device))
        return found[0, :height, :width].cpu().numpy()


def load_refiner(path: Path | str, device: str = "cpu") -> OutlineRefiner:
    """The refiner of a model file of `train outline_unet`.

    Raises:
        CheckpointError: as `load_checkpoint`, or the weights do not fit.
    """
    path = Path(path)
    checkpoint = load_checkpoint(path, {MODEL})
    refiner = make_from(_make_refiner, checkpoint, path, device)
    refiner.model_sha256 = checkpoint.sha256
    return refiner


def _make_refiner(checkpoint: Checkpoint, path: Path, device: str) -> OutlineRefiner:
    network = OutlineUNet(config_from_dict(OutlineUNetConfig, checkpoint.config["network"]))
    return OutlineRefiner(fill_network(network, checkpoint, path), device)


@lru_cache(maxsize=2)
def shipped_refiner(device: str) -> OutlineRefiner | None:
    """The one that came with the program; None, with a warning, where it cannot be used."""
    try:
        return load_refiner(find_model(MODEL), device)
    except CheckpointError as error:
        log.warning("Outlines are not looked at at the resolution of the image: %s", error)
        return None
