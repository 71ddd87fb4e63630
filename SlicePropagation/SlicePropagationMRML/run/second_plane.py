"""Which drawings lie in another plane than the slices: hints for these, and no annotated ones."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from SlicePropagationLib.patch import EMPTY_MASK, Patch
from SlicePropagationLib.session import AnnotationSession

Box = tuple[slice, slice, slice]


def hintedSlices(
    session: AnnotationSession,
    label: int,
    shown: Sequence[Patch],
    before: Sequence[Patch],
) -> set[int]:
    """Slices of a label on which all that was added was drawn in another plane.

    An act on a single slice is a drawing of it, whatever it looks like.

    Args:
        session: what is known; nobody vouches for such slices, and nothing else is on them.
        label: what was drawn.
        shown: N patches, as the segment is now.
        before: N patches, as it was before.
    """
    added = {
        index: patch.without(before[index])
        for index, patch in enumerate(shown)
        if not patch.equals(before[index])
    }
    free = {
        index: patch
        for index, patch in added.items()
        if not patch.is_empty and _isFree(session, label, index, before[index])
    }
    if len(free) < 2:
        return set()
    if _isFlat(free) and _isOneAct(free, shown):
        return set(free)
    return free.keys() & _lines(shown)


def hintsOf(session: AnnotationSession, changed: Iterable[tuple[int, int]]) -> dict[int, Patch]:
    """{slice: pixels} of the hints of some (label, slice) pairs, of all labels together."""
    found: dict[int, Patch] = {}
    for label, index in changed:
        hint = session.state(label, index).hint
        if not hint.is_empty:
            found[index] = found.get(index, EMPTY_MASK).joined(hint)
    return found


def hintPlanes(hints: Mapping[int, Patch], axis: int) -> list[tuple[int, int]]:
    """The planes that hold some hints: (axis, index) of each, the one with most pixels first.

    Args:
        hints: {slice: pixels}.
        axis: the array axis (0, 1, 2 for K, J, I) that slices run along.
    """
    others = [other for other in range(3) if other != axis]
    left, box = _volume(hints)
    planes = []
    while left.any():
        sums = [left.sum(axis=(0, 2)), left.sum(axis=(0, 1))]  # of each row, of each column
        place = int(sums[1].max() > sums[0].max())
        index = int(sums[place].argmax())
        np.moveaxis(left, place + 1, 0)[index] = False
        planes.append((others[place], index + box[place + 1].start))
    return planes


def _isFree(session: AnnotationSession, label: int, index: int, before: Patch) -> bool:
    """Whether nobody vouches for a slice, and it showed nothing but hints."""
    hint = session.state(label, index).hint
    return not session.is_anchor(label, index) and before.without(hint).is_empty


def _isFlat(patches: Mapping[int, Patch]) -> bool:
    """Whether some pixels of several slices lie in one plane across these."""
    return any(stop - start == 1 for start, stop in _reach(patches))


def _isOneAct(patches: Mapping[int, Patch], shown: Sequence[Patch]) -> bool:
    """Whether slices lie side by side, but for such that show more already."""
    between = range(min(patches), max(patches) + 1)
    return all(not shown[index].is_empty for index in between)


def _lines(shown: Sequence[Patch]) -> set[int]:
    """Slices on which nothing but lines of other planes is."""
    # SciPy, which a panel that is only shown does not wait for
    from SlicePropagationLib.files.drawn_planes import other_planes

    volume, box = _volume(dict(enumerate(shown)))
    found = other_planes(volume, 0, [part.start for part in box])
    return set(found.lines) if found is not None else set()


def _reach(patches: Mapping[int, Patch]) -> list[tuple[int, int]]:
    """((first row, end), (first column, end)) of some patches that are not empty."""
    windows = [patch.window for patch in patches.values()]
    return [
        (min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*windows, strict=True)
    ]


def _volume(patches: Mapping[int, Patch]) -> tuple[np.ndarray, Box]:
    """(slices, rows, columns) bool of some patches, and where in the stack it lies."""
    filled = {index: patch for index, patch in patches.items() if not patch.is_empty}
    if not filled:
        return np.zeros((0, 0, 0), bool), (slice(0), slice(0), slice(0))
    rows, columns = (slice(*ends) for ends in _reach(filled))
    box = slice(min(filled), max(filled) + 1), rows, columns
    volume = np.zeros([part.stop - part.start for part in box], bool)
    for index, patch in filled.items():
        window = patch.moved(-rows.start, -columns.start).window
        volume[index - box[0].start][window] = patch.crop
    return volume, box
