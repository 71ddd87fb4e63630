"""The experiments of the slice-propagation thesis, and what is trained for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from SlicePropagationLib.studies.first_page import Claim
from SlicePropagationLib.studies.request import Settings

INTENSITIES = (
    "invert",
    "gamma",
    "gain",
    "offset",
    "slice_jitter",
    "noise",
    "blur",
    "texture",
)  # augmentations of the image's intensities


@dataclass(frozen=True)
class Variant:
    """A training: a preset, and what differs from it.

    Attributes:
        preset: of the task slice_unet.
        changes: {"dotted.name": value} of the settings that differ.
        is_per_structure: whether every structure gets a network of its own.
        is_automatic: whether it is given no slice, so that it is scored without one.
    """

    preset: str = "thesis"
    changes: dict[str, object] = field(default_factory=dict)
    is_per_structure: bool = False
    is_automatic: bool = False

    @property
    def is_guided(self) -> bool:
        """Whether it is of the `default` preset, which learns from recorded walks."""
        return self.preset == "default"

    def settings(self) -> Settings:
        """Nested settings as `train --config` reads them."""
        settings: Settings = {}
        for path, value in self.changes.items():
            *parts, name = path.split(".")
            inner = settings
            for part in parts:
                inner = inner.setdefault(part, {})
            inner[name] = value
        return settings


@dataclass(frozen=True)
class Experiment:
    """Variants that are compared.

    Attributes:
        title: what is asked, and where in the thesis.
        columns: {column of the table: variant}.
        shots: numbers of annotated slices, the middle one first, then corrections at every tenth of
            the extent.
        is_unseen: walk the data sets that were not trained on.
        asked: the question, a sentence.
        claims: what the thesis says about the columns; its figures are means of five organs.
    """

    title: str
    columns: dict[str, str]
    shots: tuple[int, ...] = (1,)
    is_unseen: bool = False
    asked: str = ""
    claims: tuple[Claim, ...] = ()


def _claim(ahead: str, behind: str, paper: str) -> Claim:
    """A statement of the thesis about its own score."""
    return Claim(ahead, behind, paper, "dice_thesis")


def _prior(turn: float, scale: float) -> Variant:
    """The thesis's network with another augmentation of the prior mask."""
    return Variant(
        changes={
            "task.augmentation.prior_turn": turn,
            "task.augmentation.prior_scale": scale,
        }
    )


def _network(name: str, value: object) -> Variant:
    """The thesis's network with another setting of its architecture."""
    return Variant(changes={f"task.network.{name}": value})


def _guided(changes: dict[str, object]) -> Variant:
    """The `default` preset with parts of it at 0 or off."""
    return Variant("default", changes)


VARIANTS = {
    "thesis": Variant(),
    "basic": Variant("basic"),
    "image_augmentation": Variant("image_augmentation"),
    "automatic": Variant("automatic", is_per_structure=True, is_automatic=True),
    "turn1_scale1": _prior(1.0, 0.01),
    "turn5_scale5": _prior(5.0, 0.05),
    "turn10_scale1": _prior(10.0, 0.01),
    "turn10_scale10": _prior(10.0, 0.1),
    "depth2": _network("depth", 2),
    "depth3": _network("depth", 3),
    "depth5": _network("depth", 5),
    "residual": _network("is_residual", True),
    "guided": Variant("default"),
    "one_step": _guided({"task.is_rolled_out": False}),
    "no_spoiling": _guided(
        {
            "task.augmentation.spoil_first": 0.0,
            "task.augmentation.spoil_later": 0.0,
        }
    ),
    "no_carrying": _guided(
        {
            "task.augmentation.carry": 0.0,
            "task.augmentation.carry_past": 0.0,
        }
    ),
    "same_intensity": _guided({f"task.augmentation.{name}": 0.0 for name in INTENSITIES}),
    "no_phantoms": _guided({"phantom_share": 0.0}),
    "no_pseudo_objects": _guided({"pseudo_share": 0.0}),
    "mask_at_the_input": _guided({"task.network.injects_mask": False}),
    "no_averaging": _guided({"loop.averaging": 0.0}),
}
DEPTHS = {
    "depth 2": "depth2",
    "depth 3": "depth3",
    "depth 4": "thesis",
    "depth 5": "depth5",
}

EXPERIMENTS = {
    "baselines": Experiment(
        "An automatic U-Net of each structure against one propagation network of all (thesis,"
        " Table 1)",
        {
            "automatic U-Net": "automatic",
            "basic propagation": "basic",
        },
        asked="Is one network that propagates any structure as good as an automatic one of each?",
        claims=(_claim("basic propagation", "automatic U-Net", "+.034 (.843, .809)"),),
    ),
    "prior-mask": Experiment(
        "Rotation and scale of the prior mask alone (thesis, Table 2)",
        {
            "1°/1 %": "turn1_scale1",
            "1°/10 %": "thesis",
            "5°/5 %": "turn5_scale5",
            "10°/1 %": "turn10_scale1",
            "10°/10 %": "turn10_scale10",
        },
        asked="How much should the prior mask alone be turned and scaled in training?",
        claims=(
            _claim("1°/10 %", "1°/1 %", "+.012 (.853, .841)"),
            _claim("1°/10 %", "5°/5 %", "+.012 (.853, .840)"),
            _claim("1°/10 %", "10°/1 %", "+.006 (.853, .847)"),
            _claim("1°/10 %", "10°/10 %", "+.039 (.853, .814)"),
        ),
    ),
    "depth": Experiment(
        "Depth of the U-Net (thesis, Table 3)",
        DEPTHS,
        asked="How often should the U-Net halve its resolution?",
        claims=(
            _claim("depth 4", "depth 2", "+.020 (.853, .833)"),
            _claim("depth 4", "depth 3", "+.005 (.853, .848)"),
            _claim("depth 5", "depth 4", "+.003 (.855, .853)"),
        ),
    ),
    "architecture": Experiment(
        "U-Net against residual units with strided convolutions (thesis, Table 4)",
        {
            "U-Net": "thesis",
            "residual": "residual",
        },
        asked="Are residual units with strided convolutions better than a plain U-Net?",
        claims=(_claim("U-Net", "residual", "+.069 (.853, .783)"),),
    ),
    "unseen": Experiment(
        "Structures that were not trained on (thesis, Table 5)",
        {
            "basic": "basic",
            "+ image augmentation": "image_augmentation",
            "+ prior-mask augmentation": "thesis",
        },
        is_unseen=True,
        asked="Does augmentation help with structures that were not trained on?",
        claims=(
            _claim("+ image augmentation", "basic", "+.074 (.602, .528)"),
            _claim("+ prior-mask augmentation", "basic", "+.134 (.662, .528)"),
        ),
    ),
    "corrections": Experiment(
        "Corrections at every tenth of the extent, propagated outwards, by depth (thesis, Figures 4"
        " and 5)",
        DEPTHS,
        tuple(range(1, 12)),
        asked="Do corrections pay whatever the depth, and are shallow networks behind throughout?",
        claims=(
            _claim("depth 4", "depth 2", "a plot only"),
            _claim("depth 4", "depth 3", "a plot only"),
        ),
    ),
    "ablation": Experiment(
        "What each part of the `default` preset is worth",
        {
            "default": "guided",
            "true masks fed back": "one_step",
            "clean masks": "no_spoiling",
            "never the carried mask": "no_carrying",
            "intensities as they are": "same_intensity",
            "no phantoms": "no_phantoms",
            "no pseudo-objects": "no_pseudo_objects",
            "mask at the input only": "mask_at_the_input",
            "last weights": "no_averaging",
        },
        asked="What is each part of the `default` preset worth?",
    ),
}
