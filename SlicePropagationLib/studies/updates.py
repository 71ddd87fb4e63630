"""How many updates a table stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from SlicePropagationLib.training.log import updates_of


def updates_text(weights_of: Mapping[str, Iterable[Path]]) -> dict[str, str]:
    """{column: number of updates, as text} of those whose trainings say it.

    Args:
        weights_of: {column: model files of its trainings, one or one a fold}.
    """
    found = {}
    for column, paths in weights_of.items():
        numbers = [updates_of(path.parent) for path in paths]
        known = sorted(number for number in numbers if number is not None)
        if known:
            ends = dict.fromkeys((known[0], known[-1]))
            found[column] = " to ".join(f"{number:,}" for number in ends)
    return found
