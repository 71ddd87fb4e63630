"""The experiments by name, and which module does each; nothing heavy is imported to know that."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from SlicePropagationLib.studies.request import Report, StudyRequest


class Run(Protocol):
    """What does an experiment: `run` of its module."""

    def __call__(
        self,
        request: StudyRequest,
        report: Report | None = None,
    ) -> str:
        """Do it, write its tables and plots, return the report as Markdown.

        Raises:
            SlicePropagationError: something about the request, the cases or the folder.
        """
        ...


@dataclass(frozen=True)
class Study:
    """A module of experiments.

    Attributes:
        module: its name below `SlicePropagationLib.studies`.
        no_use_for: fields of a `StudyRequest` that its experiments ignore.
        trains: whether it needs the packages of training.
    """

    module: str
    no_use_for: tuple[str, ...] = ()
    trains: bool = True

    def load(self) -> Run:
        """The function that does its experiments."""
        module = import_module(f"SlicePropagationLib.studies.{self.module}")
        return cast(Run, module.run)


THESIS = Study(
    "thesis.experiments",
    no_use_for=("label", "engine", "without"),
)
PNET = Study(
    "pnet.experiments",
    no_use_for=("engine",),
)
JUMP = Study(
    "pnet.jump",
    no_use_for=("scale", "max_hours", "epochs", "config", "folds", "without", "seed"),
    trains=False,
)
ACNN = Study(
    "acnn.experiments",
    no_use_for=("epochs", "label", "engine"),
)
CINE = Study("cine.experiments")

EXPERIMENTS = {
    "baselines": THESIS,
    "prior-mask": THESIS,
    "depth": THESIS,
    "architecture": THESIS,
    "unseen": THESIS,
    "corrections": THESIS,
    "ablation": THESIS,
    "pnet-jump": JUMP,
    "acnn-segmentation": ACNN,
    "acnn-prior-weight": ACNN,
    "acnn-plausibility": ACNN,
    "acnn-superresolution": ACNN,
    "acnn-classification": ACNN,
    "pnet-losses": PNET,
    "pnet-architectures": PNET,
    "pnet-birnn": PNET,
    "pnet-curriculum": PNET,
}  # of the command `experiment`
CINE_EXPERIMENTS = {
    "models": CINE,
    "window": CINE,
    "power": CINE,
    "pseudo-labels": CINE,
    "unseen": CINE,
    "engines": CINE,
}  # of the command `cine-experiment`


def find_study(name: str) -> Study:
    """The module of an experiment of the thesis, the pancreas paper or the ACNN paper.

    Raises:
        ConfigError: no experiment has that name; with those that there are.
    """
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    known = list(EXPERIMENTS)
    if name.startswith("acnn-"):
        known = [other for other in known if other.startswith("acnn-")]
    raise ConfigError(f"There is no experiment '{name}'; choose one of {', '.join(known)}.")


def find_cine_study(name: str) -> Study:
    """The module of an experiment of the cine papers.

    Raises:
        ConfigError: no experiment has that name; with those that there are.
    """
    if name in CINE_EXPERIMENTS:
        return CINE_EXPERIMENTS[name]
    known = ", ".join(CINE_EXPERIMENTS)
    raise ConfigError(f"There is no cine experiment '{name}'; choose one of {known}.")
