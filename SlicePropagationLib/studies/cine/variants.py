"""The experiments of the cine papers, and what is trained for them."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    title: str
    columns: dict[str, str | None]


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
    ),
    UNSEEN: CineExperiment(
        "The same U-Nets on real volumes, by source: seen in training, or never",
        {
            "real": "real",
            "real + VoxelMorph": "warped",
            "real + pseudo": "pseudo",
            "real + weighted pseudo": "weighted",
        },
    ),
    "engines": CineExperiment(
        "The classical registration, VoxelMorph and baselines along time",
        {
            "registration": None,
            "VoxelMorph": "voxelmorph",
            "interpolation": None,
            "copy": None,
        },
    ),
}
