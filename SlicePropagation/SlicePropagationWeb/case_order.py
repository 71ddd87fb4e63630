"""Which cases a list shows, and in which order: the same for one case and for thousands."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from SlicePropagationLib.pipelines.batch_case import BatchCase, Trust, doubt
from SlicePropagationWeb.case_records import DONE, STATUSES, CaseRecord
from SlicePropagationWeb.worklist import Case

DOUBT, GIVEN, BY_NAME = ORDERS = ("doubt", "given", "name")
ALL = "all"
WINDOW = 40  # rows that the browser has at once


@dataclass(frozen=True)
class Row:
    """A case as the list shows it.

    Attributes:
        case: the Case.
        record: what became of it.
        made: what `batch` made of it, or None where that is not known.
        holder: a sentence about another annotator who has it open, or "".
        saved_by: one about another who saved it, or "".
    """

    case: Case
    record: CaseRecord
    made: BatchCase | None = None
    holder: str = ""
    saved_by: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has it open elsewhere, and nobody saved it."""
        return not (self.holder or self.saved_by or self.record.status in DONE)

    @property
    def trust(self) -> Trust | None:
        """How far what `batch` made can be trusted, or None."""
        return self.made.trust if self.made else None


def ordered(rows: Sequence[Row], order: str) -> list[Row]:
    """Rows in an order of `ORDERS`; rows that are alike stay as they were given."""
    if order == DOUBT:
        return sorted(rows, key=lambda row: doubt(row.trust))
    if order == BY_NAME:
        return sorted(rows, key=lambda row: row.case.name.casefold())
    return list(rows)


def found(rows: Sequence[Row], text: str = "", status: str = ALL) -> list[Row]:
    """Rows of a status whose name or path holds all the words."""
    words = text.casefold().split()
    return [row for row in rows if status in (ALL, row.record.status) and _holds(row.case, words)]


def _holds(case: Case, words: Sequence[str]) -> bool:
    text = f"{case.name} {case.image}".casefold()
    return all(word in text for word in words)


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """{status: number of rows}, with all statuses, and of all together."""
    counted = Counter(row.record.status for row in rows)
    return {ALL: len(rows), **{status: counted[status] for status in STATUSES}}


def window(rows: Sequence[Row], first: int) -> tuple[int, list[Row]]:
    """At most `WINDOW` rows from one on, or the last ones: (place of the first, the rows)."""
    start = min(max(first, 0), max(len(rows) - WINDOW, 0))
    return start, list(rows[start : start + WINDOW])


def place_of(rows: Sequence[Row], name: str) -> int | None:
    """Where a case stands in the list, from 0."""
    return next((place for place, row in enumerate(rows) if row.case.name == name), None)


def next_row(rows: Sequence[Row], name: str) -> Row | None:
    """The case to go on with behind one: the next that is not done, also from the beginning on.

    Args:
        rows: in their order.
        name: of the case that is left; it does not come again.
    """
    place = place_of(rows, name)
    behind = 0 if place is None else place + 1
    around = [*rows[behind:], *rows[:behind]]
    waiting = (row for row in around if row.is_waiting and row.case.name != name)
    return next(waiting, None)
