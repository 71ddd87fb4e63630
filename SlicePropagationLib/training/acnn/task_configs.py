"""What the trainings of the anatomically constrained networks are told; without torch's modules."""

from dataclasses import dataclass, field

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.shape import CODE_FORMS, ENTROPIES
from SlicePropagationLib.networks.acnn.config import (
    AutoencoderConfig,
    PlaceConfig,
    PredictorConfig,
    SubpixelConfig,
)
from SlicePropagationLib.training.acnn.degradation import AffineConfig, DegradationConfig


@dataclass(frozen=True)
class AutoencoderTaskConfig:
    """What an auto-encoder learns.

    Attributes:
        network: its shape; the number of classes follows from the labels.
        labels: the labels that it is about.
        swap: probability that a voxel of the input has another class, drawn at random (denoising;
            .1 in section III-B of the paper).
        augmentation: how shapes are varied.
        place: where the grid lies in a case.
    """

    network: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    labels: tuple[int, ...] = ()
    swap: float = 0.1
    augmentation: AffineConfig = field(default_factory=AffineConfig)
    place: PlaceConfig = field(default_factory=PlaceConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.swap < 1:
            raise ConfigError(f"swap must be at least 0 and below 1, got {self.swap}.")


@dataclass(frozen=True)
class PredictorTaskConfig:
    """What a predictor learns.

    Attributes:
        network: its shape; the auto-encoder's is that of the prior.
        labels: those of the prior.
        alone: share of the training in which the predictor learns alone; afterwards both learn in
            one update.
        swap: as in AutoencoderTaskConfig, for the joint part.
        noise: standard deviation of noise in the image.
        augmentation: how image and shape are varied together.
        place: where the grid lies in a case.
    """

    network: PredictorConfig = field(default_factory=PredictorConfig)
    labels: tuple[int, ...] = ()
    alone: float = 0.5
    swap: float = 0.1
    noise: float = 0.02
    augmentation: AffineConfig = field(default_factory=AffineConfig)
    place: PlaceConfig = field(default_factory=PlaceConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.alone <= 1:
            raise ConfigError(f"alone must be from 0 to 1, got {self.alone}.")


@dataclass(frozen=True)
class SubpixelTaskConfig:
    """What a segmentation or super-resolution network learns.

    Attributes:
        network: its shape; its numbers of maps follow from the labels.
        labels: the labels that it is about.
        gives_labels: give the labels of the thick slices too: a network that refines annotations.
        code_weight: weight of the distance of codes (lambda 1); 0 for a training without a prior.
        code_form: how that distance is counted, "printed" as in equation 1 (segmentation) and
            equation 2 (super-resolution), or "relative"; see `losses.shape.code_loss`.
        entropy: what the cross-entropy is the mean over, "voxels" or "classes"; see
            `losses.shape.class_entropy`.
        augmentation: how volumes are varied.
        degradation: how thick slices are made of them.
        place: where the grid lies in a case.
    """

    network: SubpixelConfig = field(default_factory=SubpixelConfig)
    labels: tuple[int, ...] = ()
    gives_labels: bool = False
    code_weight: float = 0.01
    code_form: str = "relative"
    entropy: str = "voxels"
    augmentation: AffineConfig = field(default_factory=AffineConfig)
    degradation: DegradationConfig = field(default_factory=DegradationConfig)
    place: PlaceConfig = field(default_factory=PlaceConfig)

    def __post_init__(self) -> None:
        check_choice("code_form", self.code_form, CODE_FORMS)
        check_choice("entropy", self.entropy, ENTROPIES)
        if not self.code_weight >= 0:
            raise ConfigError(f"code_weight must not be negative, got {self.code_weight}.")
