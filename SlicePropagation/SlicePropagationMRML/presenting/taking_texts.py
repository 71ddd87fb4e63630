"""What keeping a result would take from other segments, in words."""

from collections.abc import Iterable

from SlicePropagationMRML.presenting.messages import slicesText
from SlicePropagationMRML.run.neighbours import Taking
from SlicePropagationMRML.translation import tr as _


def takenText(takings: Iterable[Taking]) -> str:
    """What goes from predictions: "120 voxels from Spleen, 3 voxels from Kidney"; empty for nothing."""
    predicted = _bySegment(taking for taking in takings if not taking.isDrawn)
    return ", ".join(
        _("{count} voxels from {name}").format(count=_count(parts), name=name)
        for name, parts in predicted.items()
    )


def drawnText(takings: Iterable[Taking]) -> str:
    """What lies on drawn slices: "300 voxels of Spleen, slices 9-11"; empty for nothing."""
    drawn = _bySegment(taking for taking in takings if taking.isDrawn)
    return "; ".join(
        _("{count} voxels of {name}, {slices}").format(
            count=_count(parts),
            name=name,
            slices=slicesText({taking.index for taking in parts}),
        )
        for name, parts in drawn.items()
    )


def undecidedText(takings: list[Taking]) -> str:
    """The question about a result that waits for what it would take; empty where that is nothing."""
    taken = takenText(takings)
    drawn = drawnText(takings)
    if taken and drawn:
        text = _("The result would take {taken}. What is drawn stays: {drawn}. Keep it?")
    elif taken:
        text = _("The result would take {taken}. Keep it?")
    elif drawn:
        text = _("The result meets what is drawn, which stays: {drawn}. Keep the rest?")
    else:
        text = ""
    return text.format(taken=taken, drawn=drawn)


def drawnQuestion(takings: list[Taking]) -> str:
    """The second question, about drawn slices alone; empty where the result meets none."""
    drawn = drawnText(takings)
    if not drawn:
        return ""
    return _(
        "The result also lies on slices that are drawn or confirmed in other segments: {drawn}."
        " Take these voxels, too? With No they stay as they are, and the rest is kept."
    ).format(drawn=drawn)


def _bySegment(takings: Iterable[Taking]) -> dict[str, list[Taking]]:
    found: dict[str, list[Taking]] = {}
    for taking in takings:
        found.setdefault(taking.name, []).append(taking)
    return found


def _count(takings: Iterable[Taking]) -> int:
    return sum(taking.numVoxels for taking in takings)
