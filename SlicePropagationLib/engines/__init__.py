"""What a propagation can walk with; engines are imported when they are asked for."""

from dataclasses import dataclass
from importlib import import_module, util

from SlicePropagationLib.errors import ConfigError


@dataclass(frozen=True)
class EngineInfo:
    """One engine, described without importing it.

    Attributes:
        name: what a person types.
        module, class_name: where it is.
        summary: one sentence for people.
        requires: packages it needs beyond numpy, scipy and SimpleITK.
    """

    name: str
    module: str
    class_name: str
    summary: str
    requires: tuple[str, ...] = ()

    @property
    def missing(self):
        """The required packages that are not installed here; looked up, never imported."""
        return tuple(package for package in self.requires if util.find_spec(package) is None)


ENGINES = {info.name: info for info in (
    EngineInfo("registration", "SlicePropagationLib.engines.registration", "RegistrationEngine",
               "Follows the structure from slice to slice by image registration; the default, needs no training."),
    EngineInfo("interpolation", "SlicePropagationLib.engines.interpolation", "InterpolationEngine",
               "Interpolates the shape between annotated slices and shrinks it beyond them; does not look at the image."),
    EngineInfo("copy", "SlicePropagationLib.engines.copy", "CopyEngine",
               "Repeats the nearest annotated mask; a baseline for comparisons."),
)}
DEFAULT_ENGINE = "registration"


def make_engine(name=DEFAULT_ENGINE):
    """The engine of that name.

    Raises:
        ConfigError: no engine has that name, or a package it needs is not installed.
    """
    if name not in ENGINES:
        raise ConfigError(f"There is no engine '{name}'; choose one of {', '.join(sorted(ENGINES))}.")
    info = ENGINES[name]
    if info.missing:
        raise ConfigError(f"Engine '{name}' needs {', '.join(info.missing)}, which is not installed; install it or use '{DEFAULT_ENGINE}'.")
    return getattr(import_module(info.module), info.class_name)()
