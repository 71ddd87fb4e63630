"""What the trainings of the slice-by-slice networks share: settings, and what judges them."""

from dataclasses import dataclass, field

from torch import Tensor

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.pnet.config import PNetConfig, SlicesConfig
from SlicePropagationLib.training.contracts import Metrics
from SlicePropagationLib.training.mask_dice import mean_mask_dice
from SlicePropagationLib.training.pnet.slice_runs import RunAugmentationConfig


@dataclass(frozen=True)
class SliceTaskConfig:
    """What is trained.

    Attributes:
        network: shape of the network of slices.
        slices: what it sees.
        augmentation: how slices are varied.
        loss: "jaccard", "jaccard_printed" (without smoothing), "cross_entropy" or
            "balanced_cross_entropy".
    """

    network: PNetConfig = field(default_factory=PNetConfig)
    slices: SlicesConfig = field(default_factory=SlicesConfig)
    augmentation: RunAugmentationConfig = field(default_factory=RunAugmentationConfig)
    loss: str = "jaccard"

    def __post_init__(self) -> None:
        find_loss(self.loss)
        check_halves(self.slices.size, self.network.divisor)


def mean_slice_dice(probability: Tensor, truth: Tensor) -> Metrics:
    """{"dice", "count"} of slices where there is something or something was found.

    Args:
        probability: (N, H, W); the structure is where it is at least 0.5.
        truth: the same shape.
    """
    return mean_mask_dice(probability >= 0.5, truth >= 0.5)
