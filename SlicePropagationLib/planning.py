"""Which slices are walked, from which anchor, in which order: pure functions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from SlicePropagationLib.errors import ConfigError, NoAnchorError

DIRECTIONS = ("both", "up", "down")

# Two neighbouring anchors, or None for the end of the stack.
Gap = tuple[int | None, int | None]


@dataclass(frozen=True)
class Run:
    """A walk outward from one anchor: the slices to predict, nearest first.

    Attributes:
        anchor: index of the annotated slice that the walk starts from.
        targets: indices to predict, in walking order.
        label: the label that walks.
    """

    anchor: int
    targets: tuple[int, ...]
    label: int = 1

    @property
    def step(self) -> int:
        """+1 when the walk goes towards higher indices, -1 otherwise."""
        return 1 if self.targets[0] > self.anchor else -1


def list_gaps(anchors: Iterable[int], count: int) -> list[Gap]:
    """The gaps of a stack: pairs (left, right) of neighbouring anchors, None for the volume's end.

    >>> list_gaps([1, 4], count=6)
    [(None, 1), (1, 4), (4, None)]
    """
    ordered = sorted(set(anchors))
    return list(zip([None, *ordered], [*ordered, None], strict=True))


def gap_slices(gap: Gap, count: int) -> range:
    """Indices strictly inside a gap, ascending."""
    left, right = gap
    first = 0 if left is None else left + 1
    end = count if right is None else right
    return range(first, end)


def gap_of(index: int, anchors: Iterable[int]) -> Gap:
    """The gap (left, right) that a slice without an anchor lies in."""
    left = max((anchor for anchor in anchors if anchor < index), default=None)
    right = min((anchor for anchor in anchors if anchor > index), default=None)
    return left, right


def plan_runs(
    anchors: Collection[int],
    count: int,
    changed: Collection[int] | None = None,
    *,
    label: int = 1,
    span: tuple[int, int] | None = None,
    direction: str = "both",
) -> list[Run]:
    """List the walks that fill the slices without an annotation.

    A gap between two anchors is walked from both ends, so that the two predictions can be blended.

    Args:
        anchors: indices of the annotated slices of one label.
        count: number of slices of the stack.
        changed: None for every gap; else a set of slices, and only gaps that touch one of them (as
            an anchor at an end, or inside, where an anchor was removed or a slice waits) are
            walked.
        label: the label that walks.
        span: (first, last) slice that may be predicted, both included; None for all.
        direction: "both", or "up" / "down" for walks towards higher / lower indices only.

    Raises:
        NoAnchorError: no slice is annotated.
        ConfigError: the direction is unknown or the span is empty or outside the stack.
    """
    if not anchors:
        raise NoAnchorError("Annotate at least one slice before propagating.")
    first, last = _checked_span(span, count)
    if direction not in DIRECTIONS:
        raise ConfigError(
            "Unknown direction '{direction}'; use one of {directions}.",
            direction=direction,
            directions=", ".join(DIRECTIONS),
        )
    runs = []
    for gap in list_gaps(anchors, count):
        if changed is not None and not touches(gap, changed, count):
            continue
        inside = tuple(index for index in gap_slices(gap, count) if first <= index <= last)
        left, right = gap
        if inside and left is not None and direction != "down":
            runs.append(Run(left, inside, label))
        if inside and right is not None and direction != "up":
            runs.append(Run(right, inside[::-1], label))
    return runs


def touches(
    gap: Gap,
    changed: Iterable[int],
    count: int,
) -> bool:
    """Whether a changed slice is an end of the gap or lies inside it."""
    left, right = gap
    low = -1 if left is None else left
    high = count if right is None else right
    return any(low <= index <= high for index in changed)


def _checked_span(span: tuple[int, int] | None, count: int) -> tuple[int, int]:
    if span is None:
        return 0, count - 1
    first, last = span
    if not 0 <= first <= last < count:
        raise ConfigError(
            "The slice range {first}:{last} is not inside the volume's 0:{last_slice};"
            " choose first <= last inside it.",
            first=first,
            last=last,
            last_slice=count - 1,
        )
    return first, last
