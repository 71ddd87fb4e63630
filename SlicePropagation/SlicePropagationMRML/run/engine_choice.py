"""Which engine walks, on which device.

Checked when it is chosen, made when the first step is asked for, kept for the next run.
"""

from SlicePropagationLib.engines import ENGINES, MODEL_SUFFIXES, default_engine, make_engine
from SlicePropagationLib.engines.adaptation import ADAPT
from SlicePropagationLib.engines.brought import is_brought
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.propagation import Engine


class EngineChoice:
    """An engine by name; making it may import PyTorch and read weights, so that the worker does it.

    Attributes:
        engine: the engine, None until it was made.

    Args:
        name: of the engine, or a model file.
        device: "auto", "cpu" or "cuda".
        adapts: whether it learns from annotated slices before it walks.
    """

    def __init__(
        self,
        name: str | None = None,
        device: str = "auto",
        *,
        adapts: bool = False,
    ) -> None:
        self.name = name
        self.device = device
        self.adapts = adapts
        self.engine: Engine | None = None

    def changedTo(
        self,
        name: str | None,
        device: str,
        *,
        adapts: bool = False,
    ) -> "EngineChoice":
        """This choice, or another one when anything differs.

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
        if (name, device, adapts) == (self.name, self.device, self.adapts):
            return self
        return EngineChoice(name, device, adapts=adapts)

    def make(self) -> Engine:
        """The engine, made at the first call.

        Raises:
            ConfigError: a package that it needs is installed but cannot be loaded.
        """
        if self.engine is None:
            try:
                name = f"{self.name}+{ADAPT}" if self.adapts else self.name
                self.engine = make_engine(name, self.device)
            except (ImportError, OSError) as error:
                raise ConfigError(
                    "Engine '{name}' cannot be loaded ({error}); a package it needs is"
                    " damaged. Install it anew, or choose another engine.",
                    name=self.name,
                    error=error,
                ) from error
        return self.engine
