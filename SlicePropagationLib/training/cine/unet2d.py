"""`train unet2d`: the 2D U-Net of the label-propagation paper (M&Ms).

It learns from real labels, or from real and pseudo-labels together. Presets: `default` (all labels
that there are, each alike), `real` (annotated slices only), `weighted` (pseudo-labels count (1 -
d/R)^r), `small`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.temporal_window import WindowConfig
from SlicePropagationLib.training.cine.frame_task import FrameTask, FrameTraining
from SlicePropagationLib.training.cine.frames import FrameAugmentationConfig, FramesConfig
from SlicePropagationLib.training.loop_config import LoopConfig

ANY_DISTANCE = 10**6  # as a radius: every pseudo-label counts


@dataclass(frozen=True)
class UNet2dTaskConfig:
    """What is trained.

    Attributes:
        network: its shape; 32 channels at first, four halvings, four classes.
        frames: what it sees.
        augmentation: how that is varied.
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

    def __post_init__(self) -> None:
        if self.network.in_channels != 1:
            raise ConfigError(
                f"in_channels must be 1, a frame by itself, got {self.network.in_channels}."
            )
        check_halves(self.frames.grid.size, 2**self.network.depth)


class UNet2dTask(FrameTask):
    """Segments slices each for itself."""

    family = "unet2d"
    make_network = UNet


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
