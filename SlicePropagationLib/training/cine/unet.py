"""`train cine_unet`: the first stage of Bai et al., the U-Net alone on annotated frames.

Presets: `default` (the paper's), `small`.
"""

from dataclasses import dataclass, field

from SlicePropagationLib.config import check_halves
from SlicePropagationLib.networks.cine.config import CineUNetConfig
from SlicePropagationLib.networks.cine.unet import CineUNet
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.training.cine.frame_task import FrameTask, FrameTraining
from SlicePropagationLib.training.cine.frames import (
    TRANSLATED,
    FrameAugmentationConfig,
    FramesConfig,
)
from SlicePropagationLib.training.loop_config import LoopConfig


@dataclass(frozen=True)
class CineUNetTaskConfig:
    """The network, what it sees (annotated frames only) and how that is varied."""

    network: CineUNetConfig = field(default_factory=CineUNetConfig)
    frames: FramesConfig = field(
        default_factory=lambda: FramesConfig(
            FrameGridConfig(256, 1.6, "zscore"),
            uses_pseudo_labels=False,
        )
    )
    augmentation: FrameAugmentationConfig = TRANSLATED

    def __post_init__(self) -> None:
        check_halves(self.frames.grid.size, self.network.divisor)


class CineUNetTask(FrameTask):
    """Segments frames each for itself."""

    family = "cine_unet"
    make_network = CineUNet


@dataclass(frozen=True)
class CineUNetTraining(FrameTraining):
    """20,000 batches of ten frames, Adam, 1e-3, divided by ten after 5,000."""

    task: CineUNetTaskConfig = field(default_factory=CineUNetTaskConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=40,
            batches_per_epoch=500,
            batch_size=10,
            learning_rate=1e-3,
            schedule="steps",
            milestones=(10,),
        )
    )

    task_class = CineUNetTask


SMALL_GRID = FrameGridConfig(96, 2.0, "zscore")
PRESETS = {
    "default": CineUNetTraining(),
    "small": CineUNetTraining(
        CineUNetTaskConfig(
            CineUNetConfig(widths=(8, 16, 32, 64)),
            FramesConfig(SMALL_GRID, uses_pseudo_labels=False),
        ),
        LoopConfig(
            epochs=20,
            batches_per_epoch=50,
            batch_size=10,
            # at the paper's 1e-3 so few batches end while everything is background still
            learning_rate=3e-3,
            schedule="cosine",
        ),
    ),
}
