"""Segmenters that look at slices or frames each for itself: the families unet2d and cine_unet."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from SlicePropagationLib.arrays import Labels, Slices
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.cine.config import CineUNetConfig
from SlicePropagationLib.networks.cine.unet import CineUNet
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet
from SlicePropagationLib.orientation import Turn
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.segmenters.parts import FoundSlices, expected_dice
from SlicePropagationLib.segmenters.square_grid import SquareGrid
from SlicePropagationLib.stack import SliceStack

BATCH = 8  # slices at a time: more is no faster on a CPU and takes memory


class FrameSegmenter:
    """Labels slices each for itself.

    Args:
        network: takes (B, 1, S, S), gives logits (B, C, S, S).
        grid: the FrameGridConfig that it was trained with.
        family: of its checkpoints.
        device: "cpu" or "cuda".
    """

    # of a sequence it sees one slice at all times: intensities are scaled over the series, as in
    # training
    sees_time = True
    # a volume that stays in its file is looked at a few slices at a time
    takes_mapped = True
    model_sha256: str

    def __init__(
        self,
        network: nn.Module,
        grid: FrameGridConfig,
        family: str,
        device: str = "cpu",
    ):
        self.network = network.to(device).eval()
        self.grid = grid
        self.family = family
        self.device = device

    def segment(self, stack: SliceStack) -> Labels:
        """(N, H, W) uint8 labels of a SliceStack."""
        return np.concatenate([part.labels for part in self.parts(stack)])

    def parts(self, stack: SliceStack) -> Iterator[FoundSlices]:
        """The labels of a SliceStack and the trust in them, some slices at a time."""
        turn = Turn.between(stack.towards, self.grid.orientation)
        scale = self.grid.scale_of(stack.images)
        shape = tuple(map(int, turn.pair(stack.slice_shape)))
        grid = self.grid.grid(shape, turn.pair(stack.spacing_mm[1:]))
        for first in range(0, len(stack), BATCH):
            images = turn.of(scale.of(stack.images[first : first + BATCH]))
            probabilities = spread_classes(self._probabilities(grid.sample(images)), grid, shape)
            yield found_by(turn.back(probabilities), first)

    def _probabilities(self, images: Slices) -> np.ndarray:
        """(B, C, S, S) float32 of (B, S, S) images."""
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(images)[:, None].to(self.device))
        return logits.float().softmax(dim=1).cpu().numpy()


def spread_labels(
    probabilities: np.ndarray,
    grid: SquareGrid,
    slice_shape: tuple[int, ...],
) -> Labels:
    """The most probable class on every pixel of the slices; background outside of the grid.

    Args:
        probabilities: (N, C, S, S) on the grid.
        grid: where they lie.
        slice_shape: (H, W).

    Returns:
        (N, H, W) uint8.
    """
    return spread_classes(probabilities, grid, slice_shape).argmax(axis=0).astype(np.uint8)


def spread_classes(
    probabilities: np.ndarray,
    grid: SquareGrid,
    slice_shape: tuple[int, ...],
) -> np.ndarray:
    """(C, N, H, W) float32: the probability of every class on the pixels of the slices.

    Args:
        probabilities: (N, C, S, S) on the grid.
        grid: where they lie.
        slice_shape: (H, W).
    """
    labels = range(1, probabilities.shape[1])
    spread = np.stack([grid.spread(probabilities[:, label], slice_shape) for label in labels])
    background = 1 - spread.sum(axis=0)
    return np.concatenate([background[None], spread])


def found_by(probabilities: np.ndarray, first: int) -> FoundSlices:
    """The FoundSlices of (C, n, H, W) probabilities, the first of which is of slice `first`."""
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    confidence = {
        label: expected_dice(probabilities[label], labels == label)
        for label in range(1, len(probabilities))
    }
    return FoundSlices(first, labels, confidence)


def make_unet2d(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> FrameSegmenter:
    """The segmenter of a checkpoint of family unet2d."""
    network = UNet(config_from_dict(UNetConfig, checkpoint.config["network"]))
    fill_network(network, checkpoint, path)
    return FrameSegmenter(network, grid_of(checkpoint), "unet2d", device)


def make_cine_unet(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> FrameSegmenter:
    """The segmenter of a checkpoint of family cine_unet."""
    network = CineUNet(config_from_dict(CineUNetConfig, checkpoint.config["network"]))
    fill_network(network, checkpoint, path)
    return FrameSegmenter(network, grid_of(checkpoint), "cine_unet", device)


def grid_of(checkpoint: Checkpoint) -> FrameGridConfig:
    """The FrameGridConfig that a checkpoint was trained with."""
    return config_from_dict(FrameGridConfig, checkpoint.config["frames"]["grid"])
