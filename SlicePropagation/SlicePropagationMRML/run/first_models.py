"""What *Segment first* runs: a model that needs no seed, and the order to take over what it finds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import util
from typing import Any, ClassVar

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.planning import Run as PlannedRun
from SlicePropagationLib.propagation import SlicePrediction
from SlicePropagationLib.session import AnnotationSession


def checkTorch() -> None:
    """Raise where PyTorch is not installed; looked up, not imported.

    Raises:
        ConfigError: it is not.
    """
    if util.find_spec("torch") is None:
        raise ConfigError(
            "A model that needs no seed needs PyTorch, which is not installed; install it, or draw"
            " one slice and propagate."
        )


class ModelChoice:
    """A model by its name or file; it is read on the worker, as importing PyTorch takes seconds.

    Args:
        name: of a shipped model, or a model file.
        device: "auto", "cpu" or "cuda".
    """

    def __init__(self, name: str, device: str = "auto") -> None:
        self.name = name
        self.device = device
        self._made: Any = None

    def make(self) -> Any:
        """The `Segmenter`, made at the first call.

        Raises:
            CheckpointError: there is no such model, or its file is of another kind.
            ConfigError: PyTorch is not installed, or cannot be loaded.
        """
        if self._made is None:
            self._made = self._load()
            self._made.name = self.name
        return self._made

    def _load(self) -> Any:
        from SlicePropagationLib.pipelines.segment_file import load_segmenter

        try:
            return load_segmenter(self.name, self.device)
        except (ImportError, OSError) as error:
            raise ConfigError(
                "Model '{name}' cannot be loaded ({error}); it needs PyTorch.",
                name=self.name,
                error=error,
            ) from error


@dataclass(frozen=True)
class FirstOrder:
    """What a model shall fill.

    Attributes:
        structures: {label of the model's results: label of the session}.
        holdsResult: whether the result waits for `keep` or `discard` in any case.
    """

    comesAtOnce: ClassVar[bool] = True

    structures: dict[int, int]
    holdsResult: bool = False

    def plan(self, session: AnnotationSession) -> list[PlannedRun]:
        """No walk: a model looks at the image alone, whatever is drawn meanwhile."""
        return []

    def steps(
        self,
        session: AnnotationSession,
        engine: Any,
        runs: Iterable[PlannedRun],
        *,
        allow_overlap: bool,
        is_stopped: Callable[[], bool],
    ) -> Iterator[SlicePrediction]:
        """What the model finds, as `suggest_structures` yields it."""
        from SlicePropagationLib.pipelines.segment_first import suggest_structures

        return suggest_structures(
            session, engine, self.structures, name=engine.name, allow_overlap=allow_overlap
        )
