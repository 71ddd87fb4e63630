"""Runs of neighbouring slices of labelled volumes, and how they are varied.

The PNets (runs of one slice) and the BiRNN are trained on them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.networks.pnet.config import SlicesConfig
from SlicePropagationLib.segmenters.pnet.neighbour_slices import (
    neighbour_indices,
    rescale_volume,
    resize_slices,
)
from SlicePropagationLib.training.contracts import Cases, Sample

SHOWN_SHARE = 0.6  # of what is drawn shows the structure


@dataclass(frozen=True)
class RunAugmentationConfig:
    """How runs are varied, all slices of a run alike.

    Attributes:
        turn: largest rotation in degrees, scale: largest change of size, shift: largest shift as a
            share of the slice.
    """

    turn: float = 10.0
    scale: float = 0.1
    shift: float = 0.05


class SliceRuns(torch.utils.data.Dataset):
    """{"image": (T, C, S, S) float32, "truth": (T, S, S) float32} for runs of T slices.

    Each slice has its neighbours as channels. Volumes without the label are left out: where an
    organ was not contoured, nothing is known about it.

    Args:
        cases: TrainingCases.
        slices: a SlicesConfig.
        num_channels: neighbouring slices that the network sees, odd.
        length: T; a run of a shorter volume repeats its last slice.
        is_random: runs begin at every slice; otherwise they follow each other and cover the
            volumes.
    """

    def __init__(
        self,
        cases: Cases,
        slices: SlicesConfig,
        num_channels: int,
        length: int = 1,
        *,
        is_random: bool = True,
    ) -> None:
        self.num_channels = num_channels
        self.length = length
        self.volumes = []
        self.places = []
        for case in cases:
            volume = read_volume(case.image)
            labels, _ = read_labels(case.label_map, volume)
            mask = labels == slices.label if slices.label else labels > 0
            if mask.any():
                self._add(volume.array, mask, slices)
                last = max(0, len(mask) - length)
                starts = range(last + 1) if is_random else [*range(0, last, length), last]
                self.places += [(len(self.volumes) - 1, start) for start in starts]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, position: int) -> Sample:
        number, start = self.places[position]
        images, truth = self.volumes[number]
        indices = self._indices(number, start)
        return {
            "image": images[neighbour_indices(indices, self.num_channels, len(images))].float(),
            "truth": truth[indices].float(),
        }

    def _add(
        self,
        array: np.ndarray,
        mask: np.ndarray,
        slices: SlicesConfig,
    ) -> None:
        """Keep a volume as the network sees it."""
        grid = (slices.size, slices.size)
        images = resize_slices(rescale_volume(array, slices.window), grid).half()
        self.volumes.append((images, resize_slices(mask, grid, "nearest").bool()))

    def weights(self) -> list[float]:
        """How often each run is drawn: those that show the structure make up `SHOWN_SHARE`."""
        shown = torch.tensor([self._is_shown(*place) for place in self.places])
        share = SHOWN_SHARE / max(int(shown.sum()), 1)
        rest = (1 - SHOWN_SHARE) / max(int((~shown).sum()), 1)
        return torch.where(shown, share, rest).tolist()

    def _is_shown(
        self,
        number: int,
        start: int,
    ) -> bool:
        """Whether a run shows the structure."""
        return bool(self.volumes[number][1][self._indices(number, start)].any())

    def _indices(
        self,
        number: int,
        start: int,
    ) -> Tensor:
        return torch.arange(start, start + self.length).clamp_max(len(self.volumes[number][1]) - 1)


def vary_runs(
    images: Tensor,
    truth: Tensor,
    config: RunAugmentationConfig,
) -> tuple[Tensor, Tensor]:
    """Turn, scale and shift runs, each by its own random amounts.

    Args:
        images: (B, T, C, H, W); what comes in from beyond the border repeats it.
        truth: (B, T, H, W) of 0 and 1; nothing comes in.
        config: a RunAugmentationConfig.

    Returns:
        The same shapes.
    """
    count = len(images)

    def even(width: float, *shape: int) -> Tensor:
        return width * (2 * torch.rand(count, *shape, device=images.device) - 1)

    angle = even(math.radians(config.turn))
    scale = 1 + even(config.scale)
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    turn = rotation.view(-1, 2, 2) / scale[:, None, None]
    theta = torch.cat([turn, even(2 * config.shift, 2, 1)], dim=2)
    grid = F.affine_grid(theta, [count, 1, *images.shape[3:]], align_corners=False)
    planes = images.flatten(1, 2)  # (B, T, C, H, W) -> (B, T*C, H, W)
    moved = F.grid_sample(
        planes,
        grid,
        padding_mode="border",
        align_corners=False,
    )
    moved_truth = F.grid_sample(
        truth,
        grid,
        mode="nearest",
        align_corners=False,
    )
    return moved.view_as(images), moved_truth
