"""What a `PropagationLogic` tells through its signal, one small class for each thing that happens.

`problem` is the error that ended something, or None. Tuples are made much faster than data classes,
of which a dozen would keep the panel's first showing waiting.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from SlicePropagationLib.patch import Patch
from SlicePropagationLib.propagation import SlicePrediction
from SlicePropagationMRML.run.change_log import Travel

Edits: TypeAlias = list[tuple[int, int]]  # (label, slice) pairs


class Stepped(NamedTuple):
    """A slice was predicted."""

    prediction: SlicePrediction


class Finished(NamedTuple):
    """A run through slices has ended: written, waiting for a decision, or ended by a problem."""

    problem: Exception | None = None


class Kept:
    """A result that waited is written."""


class Edited(NamedTuple):
    """A person changed the anchors or the hints of these (label, slice) pairs.

    Attributes:
        changed: the pairs.
        hints: {slice: pixels} of those that are hints, of all labels.
    """

    changed: Edits
    hints: Mapping[int, Patch] = MappingProxyType({})


class Travelled(NamedTuple):
    """A person undid or redid something."""

    travel: Travel


class Touched:
    """The segmentation changed, not by us; also segments that are not worked on."""


class Closed(NamedTuple):
    """A node or a segment that was worked on is gone."""

    problem: Exception


class Moved(NamedTuple):
    """The volume was moved, or its image replaced by one of another size, and was opened anew.

    Attributes:
        problem: what that ended: a run, or a result that waited.
    """

    problem: Exception | None = None


class FrameShown(NamedTuple):
    """The volume's sequence shows another frame; open again to go on there.

    Attributes:
        problem: says that a run, or a result that waited, ended with the frame before.
    """

    problem: Exception | None = None


class FramesStepped(NamedTuple):
    """Part of a slice was carried through all frames.

    Attributes:
        position: slice position, from 1 on.
        numPositions: how many there are.
        share: part of this position that is done, 0 to 1.
    """

    position: int
    numPositions: int
    share: float


class FramesFinished(NamedTuple):
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


class FramesReturned(NamedTuple):
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
