"""What a `PropagationLogic` tells through its signal, one small class for each thing that happens.

`problem` is the error that ended something, or None.
"""

from dataclasses import dataclass
from typing import TypeAlias

from SlicePropagationLib.propagation import SlicePrediction
from SlicePropagationMRML.run.change_log import Travel

Edits: TypeAlias = list[tuple[int, int]]  # (label, slice) pairs


@dataclass(frozen=True)
class Stepped:
    """A slice was predicted."""

    prediction: SlicePrediction


@dataclass(frozen=True)
class Finished:
    """A run through slices has ended: written, waiting for a decision, or ended by a problem."""

    problem: Exception | None = None


@dataclass(frozen=True)
class Kept:
    """A result that waited is written."""


@dataclass(frozen=True)
class Edited:
    """A person changed the anchors of these (label, slice) pairs."""

    changed: Edits


@dataclass(frozen=True)
class Travelled:
    """A person undid or redid something."""

    travel: Travel


@dataclass(frozen=True)
class Touched:
    """The segmentation changed, not by us; also segments that are not worked on."""


@dataclass(frozen=True)
class Closed:
    """A node or a segment that was worked on is gone."""

    problem: Exception


@dataclass(frozen=True)
class Moved:
    """The volume was moved, or its image replaced by one of another size, and was opened anew.

    Attributes:
        problem: what that ended: a run, or a result that waited.
    """

    problem: Exception | None = None


@dataclass(frozen=True)
class FrameShown:
    """The volume's sequence shows another frame; open again to go on there.

    Attributes:
        problem: says that a run, or a result that waited, ended with the frame before.
    """

    problem: Exception | None = None


@dataclass(frozen=True)
class FramesStepped:
    """Part of a slice was carried through all frames.

    Attributes:
        position: slice position, from 1 on.
        numPositions: how many there are.
        share: part of this position that is done, 0 to 1.
    """

    position: int
    numPositions: int
    share: float


@dataclass(frozen=True)
class FramesFinished:
    """A run through all frames has ended.

    Attributes:
        written: indices of the frames that were written.
        skipped: of those that a person changed meanwhile; they stay as they are.
        numMissing: slice positions that a kept part lacks.
    """

    written: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    numMissing: int = 0
    problem: Exception | None = None


@dataclass(frozen=True)
class FramesReturned:
    """Frames have what they held before they were carried, or what carrying made of them.

    Attributes:
        isUndo: whether it was the way back.
        written, skipped: frames, as in `FramesFinished`.
    """

    isUndo: bool
    written: tuple[int, ...]
    skipped: tuple[int, ...]


Event: TypeAlias = (
    Stepped
    | Finished
    | Kept
    | Edited
    | Travelled
    | Touched
    | Closed
    | Moved
    | FrameShown
    | FramesStepped
    | FramesFinished
    | FramesReturned
)
