"""What the trainings of the slice-by-slice networks share: their settings, and the overlap on slices that judges them."""

from dataclasses import dataclass, field

import torch

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.pnet.config import PNetConfig, SlicesConfig
from SlicePropagationLib.training.pnet.slice_runs import RunAugmentationConfig


@dataclass(frozen=True)
class SliceTaskConfig:
    """What is trained.

    Attributes:
        network: shape of the network of slices.
        slices: what it sees.
        augmentation: how slices are varied.
        loss: "jaccard", "cross_entropy" or "balanced_cross_entropy".
    """

    network: PNetConfig = field(default_factory=PNetConfig)
    slices: SlicesConfig = field(default_factory=SlicesConfig)
    augmentation: RunAugmentationConfig = field(default_factory=RunAugmentationConfig)
    loss: str = "jaccard"

    def __post_init__(self):
        find_loss(self.loss)
        check_halves(self.slices.size, self.network.divisor)


def mean_slice_dice(probability, truth):
    """{"dice": mean over slices where there is something or something was found, "count": their number}.

    Args:
        probability, truth: (N, H, W); the structure is where they are at least 0.5.
    """
    found = probability >= 0.5
    truth = truth >= 0.5
    total = found.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
    dice = 2 * (found & truth).sum(dim=(1, 2)) / total.clamp_min(1)
    shown = total > 0
    return {
        "dice": dice[shown].mean() if shown.any() else torch.tensor(1.0),
        "count": int(shown.sum()),
    }
