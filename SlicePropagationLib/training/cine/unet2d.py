"""`train unet2d`: the 2D U-Net of the label-propagation paper (M&Ms).

It learns from real labels, or from real and pseudo-labels together. Presets: `default` (all labels
that there are, each alike), `real` (annotated slices only), `weighted` (pseudo-labels count (1 -
d/R)^r), `small`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.temporal_window import WindowConfig
from SlicePropagationLib.training.cine.frame_task import FrameTask, FrameTraining
from SlicePropagationLib.training.cine.frames import FrameAugmentationConfig, FramesConfig
from SlicePropagationLib.training.contracts import Losses
from SlicePropagationLib.training.loop_config import LoopConfig

ANY_DISTANCE = 10**6  # as a radius: every pseudo-label counts


@dataclass(frozen=True)
class UNet2dTaskConfig:
    """What is trained.

    Attributes:
        network: its shape; 32 channels at first, four halvings, four classes.
        frames: what it sees.
        augmentation: how that is varied.
        dice_weight: of the Dice loss of the structures of a batch, beside cross-entropy; without it
            structures of few pixels are found late.
    """

    network: UNetConfig = field(
        default_factory=lambda: UNetConfig(
            in_channels=1,
            out_channels=4,
            depth=4,
            base_channels=32,
        )
    )
    frames: FramesConfig = field(
        default_factory=lambda: FramesConfig(window=WindowConfig(ANY_DISTANCE, 0.0))
    )
    augmentation: FrameAugmentationConfig = field(
        default_factory=lambda: FrameAugmentationConfig(
            shift=0.1,
            mirrors=True,
            gain=0.1,
        )
    )
    dice_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.network.in_channels != 1:
            raise ConfigError(
                f"in_channels must be 1, a frame by itself, got {self.network.in_channels}."
            )
        check_halves(self.frames.grid.size, 2**self.network.depth)
        if not self.dice_weight >= 0:
            raise ConfigError(f"dice_weight must be at least 0, got {self.dice_weight}.")


class UNet2dTask(FrameTask):
    """Segments slices each for itself."""

    family = "unet2d"
    make_network = UNet

    def losses(self, logits: Tensor, truth: Tensor, weights: Tensor) -> Losses:
        """{"total", "cross_entropy", "dice_loss"}, of frames that weigh something."""
        losses = super().losses(logits, truth, weights)
        if not self.config.dice_weight:
            return losses
        from monai.losses.dice import DiceLoss  # takes seconds, and other presets do without

        if not truth.is_floating_point():
            truth = F.one_hot(truth, logits.shape[1]).movedim(-1, 1)
        is_known = weights > 0
        dice_loss = logits.new_zeros(())
        if is_known.any():
            overlap = DiceLoss(include_background=False, softmax=True, batch=True)
            dice_loss = overlap(logits[is_known].float(), truth[is_known].float())
        return {
            "total": losses["total"] + self.config.dice_weight * dice_loss,
            "cross_entropy": losses["total"],
            "dice_loss": dice_loss,
        }


@dataclass(frozen=True)
class UNet2dTraining(FrameTraining):
    """Adam, 1e-3, divided by ten where the validation Dice stays for five epochs."""

    task: UNet2dTaskConfig = field(default_factory=UNet2dTaskConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=100,
            batch_size=16,
            learning_rate=1e-3,
            schedule="plateau",
            patience=5,
        )
    )

    task_class = UNet2dTask


def _with_frames(**changes: Any) -> UNet2dTraining:
    task = UNet2dTaskConfig()
    return UNet2dTraining(task=replace(task, frames=replace(task.frames, **changes)))


PRESETS = {
    "default": UNet2dTraining(),
    "real": _with_frames(uses_pseudo_labels=False),
    "weighted": _with_frames(window=WindowConfig()),
}
PRESETS["small"] = replace(
    PRESETS["default"],
    task=UNet2dTaskConfig(
        network=UNetConfig(
            in_channels=1,
            out_channels=4,
            depth=4,
            base_channels=8,
        ),
        frames=FramesConfig(FrameGridConfig(96, 2.0), WindowConfig(ANY_DISTANCE, 0.0)),
    ),
)
