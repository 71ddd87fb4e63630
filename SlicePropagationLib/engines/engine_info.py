"""`EngineInfo`: an engine described without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import util

from SlicePropagationLib.files.shipped_weights import has_model


@dataclass(frozen=True)
class EngineInfo:
    """One engine, described without importing it.

    Attributes:
        name: what a person types.
        title: what a person reads in a list.
        module, maker: where it is: a class, or a function that takes the device.
        summary: one sentence for people.
        requires: packages it needs beyond numpy, scipy and SimpleITK.
        has_weights: whether it walks with trained weights, and on a device of choice.
        learns: whether it can learn from annotated slices before it walks.
        weights: name of the shipped weights that it walks with, where it is not its own.
    """

    name: str
    title: str
    module: str
    maker: str
    summary: str
    requires: tuple[str, ...] = ()
    has_weights: bool = False
    learns: bool = False
    weights: str = ""

    @property
    def weights_name(self) -> str:
        """Name of the shipped weights that it walks with."""
        return self.weights or self.name

    @property
    def missing(self) -> tuple[str, ...]:
        """The required packages that are not installed here; looked up, never imported."""
        return tuple(package for package in self.requires if util.find_spec(package) is None)

    @property
    def is_ready(self) -> bool:
        """Whether it can walk here: packages and weights are there."""
        return not self.missing and (not self.has_weights or has_model(self.weights_name))
