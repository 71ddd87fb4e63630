"""Which engine walks, on which device.

Checked when it is chosen, made when the first step is asked for, kept for the next run.
"""

from SlicePropagationLib.engines import ENGINES, MODEL_SUFFIXES, default_engine, make_engine
from SlicePropagationLib.engines.brought import is_brought
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.propagation import Engine


class EngineChoice:
    """An engine by name; making it may import PyTorch and read weights, so that the worker does it.

    Attributes:
        engine: the engine, None until it was made.
    """

    def __init__(
        self,
        name: str | None = None,
        device: str = "auto",
    ) -> None:
        self.name = name
        self.device = device
        self.engine: Engine | None = None

    def changedTo(
        self,
        name: str | None,
        device: str,
    ) -> "EngineChoice":
        """This choice, or another one when name or device differ.

        Raises:
            ConfigError: no engine has that name, or a package it needs is not installed.
        """
        name = str(name or default_engine())
        if name in ENGINES:  # asked first: to look for what packages bring takes 50 ms
            if ENGINES[name].missing:
                raise ConfigError(
                    "Engine '{name}' needs {missing}, which is not installed; install"
                    " it or choose another engine.",
                    name=name,
                    missing=", ".join(ENGINES[name].missing),
                )
        elif not (name.endswith(MODEL_SUFFIXES) or is_brought(name)):
            raise ConfigError(
                "There is no engine '{name}'; choose one of {engines}, or a model"
                " file that ends in .pt.",
                name=name,
                engines=", ".join(sorted(ENGINES)),
            )
        return self if (name, device) == (self.name, self.device) else EngineChoice(name, device)

    def make(self) -> Engine:
        """The engine, made at the first call.

        Raises:
            ConfigError: a package that it needs is installed but cannot be loaded.
        """
        if self.engine is None:
            try:
                self.engine = make_engine(self.name, self.device)
            except (ImportError, OSError) as error:
                raise ConfigError(
                    "Engine '{name}' cannot be loaded ({error}); a package it needs is"
                    " damaged. Install it anew, or choose another engine.",
                    name=self.name,
                    error=error,
                ) from error
        return self.engine
