"""The list of cases in the browser: a window of its rows, filtered and ordered here."""

import asyncio
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.errors import InputError
from SlicePropagationWeb.case_clock import duration_text
from SlicePropagationWeb.case_names import title_of_path
from SlicePropagationWeb.case_order import (
    DOUBT,
    GIVEN,
    Row,
    counts,
    found,
    ordered,
    place_of,
    window,
)

if TYPE_CHECKING:
    from SlicePropagationWeb.case_commands import CaseCommands
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.panel_state import PanelState, StateNames

AT_ONCE = 100  # results of `batch` that are read before the list is told
ABOVE = 3  # rows that stand above the one that is shown


class CaseList:
    """Shows the cases of a CaseCommands.

    Args:
        commands: the CaseCommands.
        loop: the EventLoop.
        data: the PanelState that the browser shows.
    """

    def __init__(self, commands: "CaseCommands", loop: "EventLoop", data: "PanelState") -> None:
        self._commands = commands
        self._loop = loop
        self._data = data
        self._first = 0
        self._num_unread = 0
        self._refusal = ""
        has_made = any(case.made for case in commands.cases.values())
        data.cases_order = DOUBT if has_made else GIVEN
        data.has_cases = bool(commands.cases)

    def begin(self) -> None:
        """Show the list at the start, and read how far results can be trusted meanwhile."""
        if not self._commands.cases:
            return
        self.show()
        self._data.is_cases = not self._data.offer  # what a crash left is asked about first
        self._loop.begin(self._read_made())
        self._commands.watch.begin()

    def refuse(self, why: str) -> None:
        """Say in the list why a case of it cannot be opened; "" takes that away."""
        self._refusal = why
        self.refresh()

    async def _read_made(self) -> None:
        names = [name for name, case in self._commands.cases.items() if case.made]
        for first in range(0, len(names), AT_ONCE):
            some = names[first : first + AT_ONCE]
            self._num_unread = len(names) - first
            self.refresh()
            self._commands.flush()
            self._commands.made |= await asyncio.to_thread(self._commands.read_made, some)
        self._num_unread = 0
        self.refresh()

    def follow(self, typed: Any, name: "StateNames") -> None:
        """Filter and order anew when a person says so."""
        typed.bind_changes(
            {
                name.cases_find: self._restart,
                name.cases_status: self._restart,
                name.cases_order: self._restart,
            }
        )

    def _restart(self, *_: Any) -> None:
        self._first = 0
        self.refresh()

    def show(self) -> None:
        """Open the list where the case is that was opened last.

        Raises:
            InputError: there is none.
        """
        if not self._commands.cases:
            raise InputError("There is no list of cases; start the program with --cases.")
        self._refusal = ""
        self._scroll_to_current()
        self.refresh()
        self._data.is_cases = True

    def settled(self) -> None:
        """What a crash left is dropped, or is a file now: the list comes next."""
        if self._commands.cases:
            self.show()

    def _scroll_to_current(self) -> None:
        place = place_of(self._found(), self._commands.state.current)
        self._first = max((place or 0) - ABOVE, 0)

    def scroll(self, first: int) -> None:
        """Have the browser get the rows from one on."""
        self._first = first
        self.refresh()

    def ordered(self) -> list[Row]:
        """All rows in the order that is chosen."""
        return ordered(self._commands.rows(), self._data.cases_order)

    def _found(self) -> list[Row]:
        return found(self.ordered(), self._data.cases_find or "", self._data.cases_status)

    def refresh(self) -> None:
        """Tell the browser what it is to show."""
        listed = self._found()
        first, shown = window(listed, self._first)
        unread = self._num_unread
        self._data.cases = {
            "first": first,
            "top": self._first,
            "found": len(listed),
            "rows": [_row_item(row) for row in shown],
            "counts": counts(self._commands.rows()),
            "current": self._commands.state.current,
            "note": f"Reading what batch made: {unread} to go" if unread else "",
            "refusal": self._refusal,
        }
        self._data.case = self._open_item()

    def _open_item(self) -> dict[str, Any]:
        """What the bar says of the case that is open; empty where none is."""
        name = self._commands.open_name
        if not name:
            return {}
        place, count = self._commands.place()
        record = self._commands.state.of(name)
        return {
            "name": name,
            "place": f"{place} of {count}",
            "status": record.status,
            "is_reviewed": record.is_reviewed,
        }


def _row_item(row: Row) -> dict[str, Any]:
    """A case as the browser shows it."""
    record = row.record
    return {
        "name": row.case.name,
        "image": title_of_path(row.case.image),
        "path": row.case.image,
        "status": record.status,
        "annotated": record.num_annotated or (row.made.num_drawn if row.made else 0),
        "time": duration_text(record.seconds),
        "trust": "" if row.trust is None else f"{row.trust.mean:.2f}",
        "doubt": _doubt_text(row),
        "elsewhere": "open" if row.holder else "saved" if row.saved_by else "",
        "by": row.holder or row.saved_by,
    }


def _doubt_text(row: Row) -> str:
    """Why a case stands where it does, for the tooltip."""
    trust = row.trust
    if trust is None:
        return "made by batch" if row.case.made else ""
    return (
        f"confidence {trust.mean:.2f} of {trust.segment}; lowest {trust.lowest:.2f}, on slice"
        f" {trust.slice_number + 1}"
    )
