"""Preparing data of a training on a Dask cluster, whose workers write into a folder that all see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from SlicePropagationLib.cluster import as_done_on_cluster
from SlicePropagationLib.errors import InputError, SlicePropagationError, in_one_line

Item = TypeVar("Item")


def prepared_on_cluster(
    task: Callable[[Item], Any],
    items: Sequence[Item],
    scheduler: str,
    folder: Path,
    is_there: Callable[[Item], bool],
) -> Iterator[Item]:
    """Prepare items on workers; one that cannot be prepared does not keep the others from it.

    Args:
        task: writes into the folder what comes of an item.
        items: what is prepared.
        scheduler: address.
        folder: where the files go.
        is_there: whether this machine sees them.

    Yields:
        Items that are prepared, as they come.

    Raises:
        ConfigError: as `as_done_on_cluster` says.
        InputError: the workers write elsewhere.
        SlicePropagationError: an item could not be prepared; all others are by then.
    """
    failed: list[Exception] = []
    for number, found in as_done_on_cluster(task, items, scheduler):
        if isinstance(found, Exception):
            failed.append(found)
            continue
        if not is_there(items[number]):
            raise InputError(
                f"The workers of {scheduler} wrote into another {folder} than that of this machine;"
                " give a folder that all of them see."
            )
        yield items[number]
    if failed:
        raise _told(failed[0])


def whole_path(path: str) -> str:
    """A path for a process that works in another folder."""
    return str(Path(path).resolve())


def _told(error: Exception) -> SlicePropagationError:
    return error if isinstance(error, SlicePropagationError) else InputError(in_one_line(error))
