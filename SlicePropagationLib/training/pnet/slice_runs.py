"""Runs of neighbouring slices of labelled volumes, and how they are varied: what the PNets (runs of one slice) and the BiRNN are trained on."""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.segmenters.pnet.neighbour_slices import (
    neighbour_indices,
    rescale_volume,
    resize_slices,
)

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
    """{"image": (T, C, S, S) float32, "truth": (T, S, S) float32} for runs of T slices, each with its neighbours as channels.

    Volumes without the label are left out: where an organ was not contoured, nothing is known about
        it.

    Args:
        cases: TrainingCases.
        slices: a SlicesConfig.
        num_channels: neighbouring slices that the network sees, odd.
        length: T; a run of a shorter volume repeats its last slice.
        is_random: runs begin at every slice; otherwise they follow each other and cover the
            volumes.
    """

    def __init__(self, cases, slices, num_channels, length=1, *, is_random=True):
        self.num_channels = num_channels
        self.length = length
        self.volumes = []
        self.places = []
        for case in cases:
            volume = read_volume(case.image)
            labels, _ = read_labels(case.label_map, volume)
            mask = labels == slices.label if slices.label else labels > 0
            if not mask.any():
                continue
            grid = (slices.size, slices.size)
            self.volumes.append(
                (
                    resize_slices(rescale_volume(volume.array, slices.window), grid).half(),
                    resize_slices(mask, grid, "nearest").bool(),
                )
            )
            last = max(0, len(mask) - length)
            starts = range(last + 1) if is_random else [*range(0, last, length), last]
            self.places += [(len(self.volumes) - 1, start) for start in starts]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, position):
        number, start = self.places[position]
        images, truth = self.volumes[number]
        indices = self._indices(number, start)
        return {
            "image": images[neighbour_indices(indices, self.num_channels, len(images))].float(),
            "truth": truth[indices].float(),
        }

    def weights(self):
        """How often each run is drawn: those that show the structure make up `SHOWN_SHARE`."""
        shown = torch.tensor(
            [
                bool(self.volumes[number][1][self._indices(number, start)].any())
                for number, start in self.places
            ]
        )
        share = torch.where(
            shown,
            SHOWN_SHARE / max(int(shown.sum()), 1),
            (1 - SHOWN_SHARE) / max(int((~shown).sum()), 1),
        )
        return share.tolist()

    def _indices(self, number, start):
        return torch.arange(start, start + self.length).clamp_max(len(self.volumes[number][1]) - 1)


def vary_runs(images, truth, config):
    """Turn, scale and shift runs, each by its own random amounts.

    Args:
        images: (B, T, C, H, W); what comes in from beyond the border repeats it.
        truth: (B, T, H, W) of 0 and 1; nothing comes in.
        config: a RunAugmentationConfig.

    Returns:
        The same shapes.
    """
    count = len(images)

    def even(width, *shape):
        return width * (2 * torch.rand(count, *shape, device=images.device) - 1)

    angle = even(math.radians(config.turn))
    scale = 1 + even(config.scale)
    turn = (
        torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(-1, 2, 2)
        / scale[:, None, None]
    )
    theta = torch.cat([turn, even(2 * config.shift, 2, 1)], dim=2)
    grid = F.affine_grid(theta, (count, 1, *images.shape[3:]), align_corners=False)
    moved = F.grid_sample(
        images.flatten(1, 2),
        grid,
        padding_mode="border",
        align_corners=False,
    )  # (B, T, C, H, W) -> (B, T*C, H, W)
    return moved.view_as(images), F.grid_sample(truth, grid, mode="nearest", align_corners=False)
