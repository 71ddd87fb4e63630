"""Shapes of the slice-by-slice networks of the pancreas paper and of its BiRNN, without torch."""

from dataclasses import dataclass

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.errors import ConfigError

ARCHITECTURES = ("pnet_msa", "pnet", "hnn", "unet")
WIRINGS = ("chain", "direct")
MOST_UNITS = 6
REFINED = ("all", "abnormal")


@dataclass(frozen=True)
class PNetConfig:
    """Shape of a network that segments one slice from itself and its neighbours.

    Stored inside every checkpoint.

    Attributes:
        architecture: "pnet_msa", "pnet" (side outputs without aggregation), "hnn" (side outputs of
            VGG-16) or "unet".
        in_channels: neighbouring slices that go in, the segmented one in the middle; odd.
        channels: width of every layer of the PNets, of the first level of the others.
        num_units: stacked units; of the "unet" one more than its halvings of the resolution; the
            "hnn" has 5.
        wiring: how a backward branch of "pnet_msa" brings features to full resolution: a "chain" of
            doublings, or one "direct" deconvolution each.
    """

    architecture: str = "pnet_msa"
    in_channels: int = 3
    channels: int = 64
    num_units: int = 5
    wiring: str = "chain"

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES or self.wiring not in WIRINGS:
            raise ConfigError(
                f"architecture must be one of {', '.join(ARCHITECTURES)} and wiring one of"
                f" {', '.join(WIRINGS)}, got '{self.architecture}' and '{self.wiring}'."
            )
        if self.in_channels < 1 or self.in_channels % 2 == 0:
            raise ConfigError(
                "in_channels must be odd, so that the segmented slice is in the middle, got"
                f" {self.in_channels}."
            )
        if self.channels < 1 or not 1 <= self.num_units <= MOST_UNITS:
            raise ConfigError(
                f"channels must be positive and num_units from 1 to {MOST_UNITS}, got"
                f" {self.channels} and {self.num_units}."
            )
        if self.architecture == "hnn" and self.num_units != 5:
            raise ConfigError(
                f"An hnn has the 5 stages of VGG-16, num_units is {self.num_units}; set it to 5."
            )
        if self.architecture == "unet" and self.num_units < 2:
            raise ConfigError(
                f"A unet needs num_units of at least 2 (one halving), got {self.num_units}."
            )

    @property
    def divisor(self) -> int:
        """What the height and the width of a slice must be divisible by."""
        return 2 ** (self.num_units - 1)


@dataclass(frozen=True)
class BiRNNConfig:
    """Shape of a bidirectional convolutional LSTM of one channel; stored inside every checkpoint.

    Attributes:
        has_biases: a number per gate; without them a pixel far from any probability comes out as
            0.5.
        has_peepholes: gates see the cell state of their pixel, times a number per gate.
        blends_hidden: the two directions blend their hidden states instead of their output gates.
    """

    has_biases: bool = True
    has_peepholes: bool = False
    blends_hidden: bool = False


@dataclass(frozen=True)
class RefinementConfig:
    """Which slices take what the BiRNN says; stored inside every checkpoint.

    The paper detects abnormal shape changes between neighbouring slices in what the network of
    slices says, and has these refined; an average distance of outlines (AVD) above 0.5 mm counts,
    after the 0.35 mm of its CT truths (Cai et al., section "Shape continuity", Table III).

    Attributes:
        slices: "all", or "abnormal" for those whose outline or area differs abnormally from a
            neighbour's.
        most_mm: an average distance of the outlines above that is abnormal; the paper's 0.5 mm is
            for CT slices 2 mm apart.
        most_area: areas that differ by at least that share of the larger one are abnormal, too; 1
            for a slice that is lost, which has no outline to measure by.
    """

    slices: str = "all"
    most_mm: float = 0.5
    most_area: float = 1.0

    def __post_init__(self) -> None:
        check_choice("slices", self.slices, REFINED)
        if not self.most_mm > 0 or not 0 < self.most_area <= 1:
            raise ConfigError(
                "most_mm must be above 0 and most_area above 0 and at most 1, got"
                f" {self.most_mm} and {self.most_area}."
            )


@dataclass(frozen=True)
class SlicesConfig:
    """What the networks see of a volume; stored inside every checkpoint.

    Attributes:
        size: side of the square grid that every slice is resized to, in pixels.
        window: lowest and highest Hounsfield units that are told apart; other images are stretched
            between their percentiles instead.
        label: the label that is the structure; 0 for everything that is labelled, as one structure.
    """

    size: int = 256
    window: tuple[float, ...] = (-100.0, 240.0)
    label: int = 0

    def __post_init__(self) -> None:
        if len(self.window) != 2 or not self.window[0] < self.window[1]:
            raise ConfigError(
                "window must be two numbers, the lower first, got"
                f" {', '.join(map(str, self.window))}."
            )
        if self.size < 1 or self.label < 0:
            raise ConfigError(
                f"size must be positive and label at least 0, got {self.size} and {self.label}."
            )
