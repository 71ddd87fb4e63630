"""A few of what validation could look at, of every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Grouped(Protocol):
    """Something of a group, such as a data set."""

    @property
    def group(self) -> str:
        """Its name."""
        ...


AnyGrouped = TypeVar("AnyGrouped", bound=Grouped)


def spread(items: Sequence[AnyGrouped], most: int) -> list[AnyGrouped]:
    """At most so many items of each group, spread evenly over those that it has."""
    groups: dict[str, list[AnyGrouped]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    chosen = []
    for found in groups.values():
        step = max(1.0, len(found) / most)
        chosen += [found[int(number * step)] for number in range(min(most, len(found)))]
    return chosen
