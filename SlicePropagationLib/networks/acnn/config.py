"""Shapes of the anatomically constrained networks, without torch.

Every grid that a network cannot halve is refused here, with the sizes that fit.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.errors import ConfigError

CODE_STEPS = (12, 24, 24)  # what the auto-encoder divides slices, rows and columns by
CODE_REASONS = ("1*2*2*3", "2*2*2*3", "2*2*2*3")
AXES = ("fine slices", "rows", "columns")
SEGMENTATION_STEP = 8  # the segmentation network halves rows and columns three times
KINDS = ("subpixel", "unet", "cascade")
PLACES = ("structure", "image")


@dataclass(frozen=True)
class FineGridConfig:
    """The fine grid that thick slices are brought to; every network of one prior shares it.

    Attributes:
        shape: fine slices, rows and columns; the paper's 60 x 120 x 120.
        spacing_mm: distance of fine slices, rows and columns in millimetres.
        factor: fine slices for each thick slice. Thick slice j is fine slice j * factor + factor //
            2.
    """

    shape: tuple[int, int, int] = (60, 120, 120)
    spacing_mm: tuple[float, float, float] = (2.0, 1.25, 1.25)
    factor: int = 5

    def __post_init__(self) -> None:
        are_sizes = all(isinstance(size, int) and size >= 1 for size in self.shape)
        if len(self.shape) != 3 or not are_sizes:
            raise ConfigError(
                "shape must be three positive numbers (fine slices, rows, columns), got"
                f" {list(self.shape)}."
            )
        if len(self.spacing_mm) != 3 or any(not spacing > 0 for spacing in self.spacing_mm):
            raise ConfigError(
                "spacing_mm must be three positive distances (fine slices, rows, columns), got"
                f" {list(self.spacing_mm)}."
            )
        if self.factor < 2:
            raise ConfigError(
                f"factor must be at least 2 fine slices for a thick one, got {self.factor}; with 1"
                " there is nothing to refine."
            )

    @property
    def thick_mm(self) -> float:
        """Distance of thick slices in millimetres."""
        return self.spacing_mm[0] * self.factor

    @property
    def num_thick(self) -> int:
        """Number of thick slices."""
        return self.shape[0] // self.factor

    def check_code(self) -> None:
        """Refuse a shape that the auto-encoder cannot divide down to whole cells.

        Raises:
            ConfigError: with the nearest sizes that fit.
        """
        axes = zip(AXES, self.shape, CODE_STEPS, CODE_REASONS, strict=True)
        for name, size, step, factors in axes:
            reason = f"the auto-encoder divides it by {factors}"
            _check_divisible(self.shape, name, size, step, reason)

    def check_segmentation(self) -> None:
        """Refuse a shape that the segmentation network cannot work on.

        It halves slices in plane, and needs a whole number of thick slices.

        Raises:
            ConfigError: with the nearest sizes that fit.
        """
        reason = f"each thick slice stands for {self.factor} of them"
        _check_divisible(self.shape, AXES[0], self.shape[0], self.factor, reason)
        reason = "the network halves it three times"
        for name, size in zip(AXES[1:], self.shape[1:], strict=True):
            _check_divisible(self.shape, name, size, SEGMENTATION_STEP, reason)


@dataclass(frozen=True)
class PlaceConfig:
    """Where the fine grid lies in a volume.

    Attributes:
        by: "structure" for the middle of the labelled structures' box, which takes the truth; or
            "image" for `centre` alone, as a user of the network has it.
        centre: slices, rows and columns of the grid's middle, as shares of the volume.
    """

    by: str = "structure"
    centre: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        check_choice("by", self.by, PLACES)
        if not all(0 <= share <= 1 for share in self.centre):
            raise ConfigError(
                f"centre must be three shares of the volume from 0 to 1, got {list(self.centre)}."
            )


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of the auto-encoder of label maps; stored inside every checkpoint.

    Attributes:
        grid: the fine grid.
        num_classes: maps of the one-hot label map, background first.
        base_channels: width of the first level; 16 in the paper, twice and four times that below.
        bottleneck_channels: maps of the coarsest cells, before the code. The paper's grid has 125
            cells in one map; a smaller grid needs more maps, or its code has fewer degrees of
            freedom than numbers.
        code_size: numbers of a code.
    """

    grid: FineGridConfig = field(default_factory=FineGridConfig)
    num_classes: int = 3
    base_channels: int = 16
    bottleneck_channels: int = 1
    code_size: int = 64

    def __post_init__(self) -> None:
        self.grid.check_code()
        _check_positive(self, ("base_channels", "bottleneck_channels", "code_size"))
        _check_classes(self.num_classes)

    @property
    def cells(self) -> tuple[int, ...]:
        """Slices, rows and columns of the coarsest level."""
        return tuple(size // step for size, step in zip(self.grid.shape, CODE_STEPS, strict=True))

    @property
    def num_cells(self) -> int:
        """Cells of the coarsest level."""
        return math.prod(self.cells)


@dataclass(frozen=True)
class PredictorConfig:
    """Shape of the predictor from an image to a code, and of the auto-encoder whose code that is.

    Attributes:
        autoencoder: the auto-encoder; its grid and code size are the predictor's.
        base_channels: width of the first scale; 32 in the paper, doubled at each of the next three.
    """

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    base_channels: int = 32

    def __post_init__(self) -> None:
        _check_positive(self, ("base_channels",))

    @property
    def num_cells(self) -> int:
        """Cells of the coarsest level, which is the auto-encoder's."""
        return self.autoencoder.num_cells


@dataclass(frozen=True)
class SubpixelConfig:
    """Shape of a network from thick slices to the fine grid; stored inside every checkpoint.

    Attributes:
        grid: the fine grid.
        kind: "subpixel" (3D-Seg, ACNN), "unet" (3D-UNet) or "cascade" (AE-Seg: a 3D-UNet, then an
            auto-encoder).
        in_channels: maps of a thick slice: 1 for the image, more where its labels are given too.
        out_channels: classes, background first; 1 for intensities (super-resolution).
        base_channels: width of the first level; 24 gives the paper's number of parameters to within
            7 %.
        has_additive_skips: add skips instead of concatenating them.
        bottleneck_channels: as in AutoencoderConfig, for a cascade.
        autoencoder_channels: width of the first level of a cascade's auto-encoder; 16 for AE-Seg,
            20 for AE-Seg-M, the paper's largest.
    """

    grid: FineGridConfig = field(default_factory=FineGridConfig)
    kind: str = "subpixel"
    in_channels: int = 1
    out_channels: int = 3
    base_channels: int = 24
    has_additive_skips: bool = False
    bottleneck_channels: int = 1
    autoencoder_channels: int = 16

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"kind must be one of {', '.join(KINDS)}, got '{self.kind}'.")
        self.grid.check_segmentation()
        _check_positive(
            self,
            (
                "in_channels",
                "out_channels",
                "base_channels",
                "bottleneck_channels",
                "autoencoder_channels",
            ),
        )
        if self.kind == "cascade":
            self.grid.check_code()
            _check_classes(self.out_channels)

    @property
    def num_cells(self) -> int:
        """Cells of the coarsest level; a cascade's is its auto-encoder's."""
        if self.kind == "cascade":
            return AutoencoderConfig(self.grid, self.out_channels).num_cells
        return self.grid.num_thick * math.prod(
            size // SEGMENTATION_STEP for size in self.grid.shape[1:]
        )


def _check_divisible(
    shape: tuple[int, ...],
    name: str,
    size: int,
    step: int,
    reason: str,
) -> None:
    if size % step:
        below = size // step * step
        above = (size // step + 1) * step
        choice = f"{below} or {above}" if below else str(above)
        raise ConfigError(
            f"The grid {'x'.join(map(str, shape))} has {size} {name}, which {step} does not divide,"
            f" and {reason}; use {choice}."
        )


def _check_positive(config: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ConfigError(f"{name} must be positive, got {getattr(config, name)}.")


def _check_classes(count: int) -> None:
    if count < 2:
        raise ConfigError(
            f"There must be at least 2 classes (background and a structure), got {count}."
        )
