"""The page counts slices from 1, as viewers do; nodes, tables and the command line from 0."""

from dataclasses import replace

from SlicePropagationMRML.presenting.review import SliceReasons
from SlicePropagationMRML.run.change_log import Change
from SlicePropagationMRML.run.events import Edited, Event, Travelled


def number(index: int) -> int:
    """How a person at the page calls a slice."""
    return index + 1


def event_in_numbers(event: Event) -> Event:
    """An event as it is to be told: its slices are numbers of a person."""
    match event:
        case Edited(changed, hints):
            return Edited(
                [(label, number(index)) for label, index in changed],
                {number(index): hint for index, hint in hints.items()},
            )
        case Travelled(travel):
            return Travelled(replace(travel, change=_change_in_numbers(travel.change)))
    return event


def reasons_in_numbers(reasons: SliceReasons) -> SliceReasons:
    """Why a slice is trusted, with the numbers of a person."""
    return replace(
        reasons,
        anchor=_known(reasons.anchor),
        differsFrom=_known(reasons.differsFrom),
    )


def _change_in_numbers(change: Change | None) -> Change | None:
    if change is None:
        return None
    return replace(change, slices=tuple(number(index) for index in change.slices))


def _known(index: int | None) -> int | None:
    return None if index is None else number(index)
