"""The experiments of the cine papers, and what is trained for them."""

from __future__ import annotations

from dataclasses import dataclass

from SlicePropagationLib.studies.first_page import Claim
from SlicePropagationLib.studies.request import Settings


@dataclass(frozen=True)
class CineVariant:
    """One thing that is trained.

    Attributes:
        task: of `train`.
        settings: that differ from the preset's.
        sees_pseudo_labels: train on the pseudo-labelled sequences; otherwise on annotated frames
            only.
        starts_from: the variant whose weights it begins with.
        is_warped: the pseudo-labels are the pure warp of the variant "voxelmorph", as in the paper
            on M&Ms, not those of --engine.
    """

    task: str
    settings: Settings
    sees_pseudo_labels: bool = True
    starts_from: str | None = None
    is_warped: bool = False


@dataclass(frozen=True)
class CineExperiment:
    """Variants that are compared.

    Attributes:
        title: what is asked, and where in the papers.
        columns: {column: variant, or None for an engine of that name}.
        asked: the question, a sentence.
        claims: what the papers say about the columns.
    """

    title: str
    columns: dict[str, str | None]
    asked: str = ""
    claims: tuple[Claim, ...] = ()


AT_ENDS = "dice_ed_es"  # Bai et al. measure on the annotated frames


def _smoother(ahead: str, behind: str, paper: str) -> Claim:
    """A statement about the curvature of the time-area curve."""
    return Claim(ahead, behind, paper, "curvature", True, "curvature")


def _frames(**values: object) -> Settings:
    """Settings of the frames that a task learns from."""
    return {"task": {"frames": values}}


def _window(**values: object) -> CineVariant:
    """The second stage with another window of frames."""
    return CineVariant("cine_bilstm", _frames(window=values), starts_from="unet")


# T = 2R - 1: 5, 9, 13, 17, 21 frames are R = 3, 5, 7, 9, 11.
VARIANTS = {
    "unet": CineVariant("cine_unet", {}, sees_pseudo_labels=False),
    # It has the second stage's data and no recurrence.
    "trained_on": CineVariant(
        "cine_unet",
        _frames(uses_pseudo_labels=True),
        starts_from="unet",
    ),
    "bilstm": _window(),
    "T5": _window(radius=3),
    "T13": _window(radius=7),
    "T17": _window(radius=9),
    "T21": _window(radius=11),
    "r0": _window(power=0.0),
    "r1": _window(power=1.0),
    "r10": _window(power=10.0),
    "r100": _window(power=100.0),
    "frozen": CineVariant(
        "cine_bilstm",
        {"task": {"updates_unet": False}},
        starts_from="unet",
    ),
    "real": CineVariant("unet2d", {}, sees_pseudo_labels=False),
    "warped": CineVariant("unet2d", {}, is_warped=True),
    "pseudo": CineVariant("unet2d", {}),
    "weighted": CineVariant("unet2d", _frames(window={"radius": 5, "power": 1.0})),
    "soft": CineVariant("unet2d", _frames(uses_soft_labels=True)),
    "voxelmorph": CineVariant(
        "registration",
        {"pairs": {"kind": "times"}},
        sees_pseudo_labels=False,
    ),
}
UNSEEN = "unseen"
EXPERIMENTS = {
    "models": CineExperiment(
        "U-Net against U-Net with BiConvLSTM (Bai et al., Table 2)",
        {
            "U-Net": "unet",
            "U-Net trained on": "trained_on",
            "U-Net + BiConvLSTM": "bilstm",
            "frozen U-Net + BiConvLSTM": "frozen",
        },
        asked="Does recurrence over time make segmentations of a beating heart better and smoother?",
        claims=(
            Claim("U-Net + BiConvLSTM", "U-Net", "+.007 / +.009", AT_ENDS, unit="Dice at ED, ES"),
            _smoother("U-Net + BiConvLSTM", "U-Net", "0.06 / 0.10"),
            Claim(
                "U-Net + BiConvLSTM",
                "U-Net trained on",
                "not measured",
                AT_ENDS,
                unit="Dice at ED, ES",
            ),
            _smoother("U-Net + BiConvLSTM", "U-Net trained on", "not measured"),
        ),
    ),
    "window": CineExperiment(
        "Frames of a window, r = 0.1 (Bai et al., Table 1a)",
        {
            "T = 9": "bilstm",
            "T = 5": "T5",
            "T = 13": "T13",
            "T = 17": "T17",
            "T = 21": "T21",
        },
        asked="How many frames should a window have?",
        claims=(
            Claim("T = 9", "T = 5", "+.001 / +.001", AT_ENDS, unit="Dice at ED, ES"),
            Claim("T = 9", "T = 21", "+.002 / +.002", AT_ENDS, unit="Dice at ED, ES"),
        ),
    ),
    "power": CineExperiment(
        "Power of the weights, T = 9 (Bai et al., Table 1b)",
        {
            "r = 0.1": "bilstm",
            "r = 0": "r0",
            "r = 1": "r1",
            "r = 10": "r10",
            "r = 100": "r100",
        },
        asked="How much should frames count that lie far from an annotated one?",
        claims=(
            Claim("r = 0.1", "r = 0", "+.005 / +.004", AT_ENDS, unit="Dice at ED, ES"),
            Claim("r = 0.1", "r = 100", ".000 / +.004", AT_ENDS, unit="Dice at ED, ES"),
        ),
    ),
    "pseudo-labels": CineExperiment(
        "A U-Net on real labels, with pseudo-labels, with weighted pseudo-labels (label"
        " propagation on M&Ms)",
        {
            "real": "real",
            "real + VoxelMorph": "warped",
            "real + pseudo": "pseudo",
            "real + weighted pseudo": "weighted",
            "real + soft pseudo": "soft",
        },
        asked="Do labels that registration carried to other frames help a U-Net?",
        claims=(
            Claim("real + VoxelMorph", "real", "+.026"),
            Claim("real + pseudo", "real", "not measured"),
            Claim("real + weighted pseudo", "real", "not measured"),
        ),
    ),
    UNSEEN: CineExperiment(
        "The same U-Nets on real volumes, by source: seen in training, or never",
        {
            "real": "real",
            "real + VoxelMorph": "warped",
            "real + pseudo": "pseudo",
            "real + weighted pseudo": "weighted",
        },
        asked="Do carried labels help on sources that training never saw?",
        claims=(
            Claim("real + VoxelMorph", "real", "+.026; unseen vendors +.024, +.061"),
            Claim("real + pseudo", "real", "not measured"),
        ),
    ),
    "engines": CineExperiment(
        "The classical registration, VoxelMorph and baselines along time",
        {
            "registration": None,
            "VoxelMorph": "voxelmorph",
            "interpolation": None,
            "copy": None,
        },
        asked="What carries annotated frames along time best?",
        claims=(
            Claim("VoxelMorph", "interpolation", "no figure"),
            Claim("VoxelMorph", "registration", "no figure"),
        ),
    ),
}
