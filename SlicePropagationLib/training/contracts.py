"""What a training is made of: names for what travels, and what a task and a training offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import nn

    from SlicePropagationLib.files.training_cases import TrainingCase
    from SlicePropagationLib.training.loop_config import LoopConfig

Cases: TypeAlias = "Sequence[TrainingCase]"
Report: TypeAlias = "Callable[[str], object] | None"  # called with a line of text now and then
Sample: TypeAlias = "dict[str, Any]"  # what a Dataset gives: arrays, tensors and numbers by name
Batch: TypeAlias = "dict[str, torch.Tensor]"  # samples, the batch axis first
Losses: TypeAlias = "dict[str, torch.Tensor]"  # scalars; "total" is minimised
Metrics: TypeAlias = "dict[str, Any]"  # numbers, and "count": how many samples they are a mean of


class Task(Protocol):
    """A torch module whose `forward(batch)` returns the losses: all of a method's own ideas.

    It may have `parameter_groups()`, each group with its "rate" as a share of the learning rate,
    and `after_epoch(losses)`, called with the mean losses of every epoch.

    Attributes:
        family: of the checkpoint.
        score: name of the metric to maximise.
        config: a dataclass, stored in the checkpoint.
        network: the module whose weights are stored.
    """

    family: str
    score: str

    @property
    def config(self) -> Any:
        """A dataclass, stored in the checkpoint."""
        ...

    @property
    def network(self) -> nn.Module:
        """The module whose weights are stored."""
        ...

    def metrics(self, batch: Batch) -> Metrics:
        """Metrics of a batch and their "count"."""
        ...


class Training(Protocol):
    """A frozen dataclass with all settings of a training, and what carries it out.

    It may have `with_prior(path)` and `with_labels(labels)`, which return it with the shape model
    and the labels of a request; `learns_from_val`, whether it learns from its validation cases in
    the end; and its `train` may take `walks`, a folder of recorded walks.
    """

    @property
    def loop(self) -> LoopConfig:
        """How long and how fast."""
        ...

    def new_task(self, init: Path | str | None = None) -> Task:
        """The task at its beginning, with the weights of the model file `init`.

        Raises:
            CheckpointError: they do not fit.
        """
        ...

    # any further option is `walks`
    def train(
        self,
        train_cases: Cases,
        val_cases: Cases,
        out: Path,
        **options: Any,
    ) -> Path:
        """Read the cases, train, return the path of the best weights.

        Args:
            train_cases: to learn from.
            val_cases: to choose the best weights by.
            out: folder of the weights and logs.
            options: init, device, workers and report, as in `TrainRequest`.
        """
        ...
