"""Named groups of data sets: those that are left out of a training together, and judged together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.table import read_table

Groups = Mapping[str, tuple[str, ...]]  # {group: its data sets}


def read_groups(path: Path | str) -> dict[str, tuple[str, ...]]:
    """{group: its data sets} of a table with columns group, dataset; a row for each pair.

    Raises:
        InputError: the table cannot be read, or lacks a column or a cell.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for row in read_table(path, ("group", "dataset")):
        groups[row["group"]] = (*groups.get(row["group"], ()), row["dataset"])
    return groups


def sets_of_groups(groups: Groups, names: Collection[str]) -> tuple[str, ...]:
    """The data sets of some groups, each once, in the order of the table.

    Raises:
        ConfigError: a group is not in the table.
    """
    for name in names:
        if name not in groups:
            raise ConfigError(f"There is no group '{name}'; choose from {', '.join(groups)}.")
    chosen = [dataset for name in names for dataset in groups[name]]
    return tuple(dict.fromkeys(chosen))
