"""state.ckpt: everything that a training needs to go on after it was killed.

Nothing random is kept, because every epoch begins with a seed of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch

from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.files.atomic import atomic_folder

STATE = "state.ckpt"


@dataclass
class Counters:
    """How far a training has come.

    Attributes:
        epoch: finished epochs.
        seconds: training time.
        best: the highest score so far.
        since_best: epochs since then.
        num_batches: batches that were learnt from.
        num_drops: how often the schedule "plateau" has lowered the learning rate.
    """

    epoch: int = 0
    seconds: float = 0.0
    best: float = float("-inf")
    since_best: int = 0
    num_batches: int = 0
    num_drops: int = 0


class Stateful(Protocol):
    """Something that can be put down and taken up again."""

    def state_dict(self) -> dict[str, Any]:
        """What it is now."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Be what it was."""
        ...


def save_state(
    folder: Path,
    parts: dict[str, Stateful],
    counters: Counters,
) -> None:
    """Write the state of a training, all of it or nothing.

    Args:
        folder: of the training.
        parts: what changes in a training, by name.
        counters: how far it has come.

    Raises:
        OutputError: the folder cannot be written.
    """
    state = {name: part.state_dict() for name, part in parts.items()}
    with atomic_folder(folder) as partial:
        torch.save({**state, "counters": asdict(counters)}, partial / STATE)


def load_state(folder: Path, parts: dict[str, Stateful]) -> Counters | None:
    """Take up what `save_state` wrote; returns how far that had come, None where there is nothing.

    Args:
        folder: of the training.
        parts: as in `save_state`; they are changed.

    Raises:
        CheckpointError: the file is damaged, or of another training.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return Counters(**{field.name: state["counters"][field.name] for field in fields(Counters)})
    except Exception as error:
        # flipped bits make torch's reader fail with any error: IndexError, TypeError,
        # AttributeError, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path} is not the state of this training ({reason}); delete {folder} to begin again."
        ) from error
