"""Segmenters that look at slices or frames each for itself: the families unet2d and cine_unet."""

import numpy as np
import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.checkpoint import fill_network
from SlicePropagationLib.networks.cine.config import CineUNetConfig
from SlicePropagationLib.networks.cine.unet import CineUNet
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig

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

    def __init__(self, network, grid, family, device="cpu"):
        self.network = network.to(device).eval()
        self.grid = grid
        self.family = family
        self.device = device

    def segment(self, stack):
        """(N, H, W) uint8 labels of a SliceStack."""
        grid = self.grid.grid(stack.slice_shape, stack.spacing_mm[1:])
        images = self.grid.normalise(stack.images)
        found = np.zeros(images.shape, np.uint8)
        for first in range(0, len(images), BATCH):
            part = slice(first, first + BATCH)
            found[part] = spread_labels(
                self._probabilities(grid.sample(images[part])),
                grid,
                stack.slice_shape,
            )
        return found

    def _probabilities(self, images):
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(images)[:, None].to(self.device))
        return logits.float().softmax(dim=1).cpu().numpy()


def spread_labels(probabilities, grid, slice_shape):
    """(N, H, W) uint8: the most probable class on every pixel of the slices, from (N, C, S, S) on a SquareGrid; background outside of it."""
    spread = np.stack(
        [
            grid.spread(probabilities[:, label], slice_shape)
            for label in range(1, probabilities.shape[1])
        ]
    )
    background = 1 - spread.sum(axis=0)
    return np.concatenate([background[None], spread]).argmax(axis=0).astype(np.uint8)


def make_unet2d(checkpoint, path, device):
    """The segmenter of a checkpoint of family unet2d."""
    network = UNet(config_from_dict(UNetConfig, checkpoint.config["network"]))
    return FrameSegmenter(
        fill_network(network, checkpoint, path),
        grid_of(checkpoint),
        "unet2d",
        device,
    )


def make_cine_unet(checkpoint, path, device):
    """The segmenter of a checkpoint of family cine_unet."""
    network = CineUNet(config_from_dict(CineUNetConfig, checkpoint.config["network"]))
    return FrameSegmenter(
        fill_network(network, checkpoint, path),
        grid_of(checkpoint),
        "cine_unet",
        device,
    )


def grid_of(checkpoint):
    """The FrameGridConfig that a checkpoint was trained with."""
    return config_from_dict(FrameGridConfig, checkpoint.config["frames"]["grid"])
