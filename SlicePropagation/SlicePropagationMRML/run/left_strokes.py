"""What a program that crashed left of its strokes in a folder, and whose it is."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from SlicePropagationLib.files.atomic import own_process_name, owner_of
from SlicePropagationLib.pipelines.slice_record import is_on_grid
from SlicePropagationLib.processes import is_alive, namespace
from SlicePropagationMRML.nodes.geometry import gridOf
from SlicePropagationMRML.nodes.strokes import Strokes
from SlicePropagationMRML.nodes.types import VolumeNode
from SlicePropagationMRML.run.stroke_journal import readJournal, strokesOf

SUFFIX = ".strokes.jsonl"
NO_PROCESS = 2**31 - 1  # beyond the numbers that systems give


@dataclass(frozen=True)
class LeftStrokes:
    """A journal that nobody writes any more.

    Attributes:
        path: of the journal.
        header: what it says of what was drawn on: at, volume, segmentation, grid.
        strokes: {segment ID: what it held, or None for a segment that was removed}.
    """

    path: Path
    header: dict[str, Any]
    strokes: dict[str, Strokes | None]


def ownJournal(folder: Path | str) -> Path:
    """The journal of this process in a folder.

    One of that name is there where the number of a process that crashed came again: it is kept
    under the name of a process that never is.
    """
    path = Path(folder) / f"{own_process_name()}{SUFFIX}"
    with contextlib.suppress(OSError):
        path.rename(path.with_name(f"{namespace()}-{NO_PROCESS}-{time.time_ns()}{SUFFIX}"))
    return path


def leftStrokes(folder: Path | str, volumeNode: VolumeNode) -> list[LeftStrokes]:
    """What processes that are gone drew on a volume, the latest first.

    Args:
        folder: of the journals.
        volumeNode: what has to lie where theirs lay, and have its name.
    """
    found = []
    paths = [path for path in Path(folder).glob(f"*{SUFFIX}") if _isLeft(path)]
    for path in sorted(paths, key=lambda path: -path.stat().st_mtime):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            header, entries = readJournal(path) or ({}, [])
            if entries and _isOf(header, volumeNode):
                shape = volumeNode.GetImageData().GetDimensions()[::-1]
                found.append(LeftStrokes(path, header, strokesOf(entries, shape)))
    return found


def _isLeft(path: Path) -> bool:
    """Whether the process that wrote a journal is gone."""
    owner = owner_of(path.name)
    return owner is not None and not is_alive(owner)


def _isOf(header: dict[str, Any], volumeNode: VolumeNode) -> bool:
    if header.get("volume") != volumeNode.GetName():
        return False
    return is_on_grid({"grid": header.get("grid")}, gridOf(volumeNode, volumeNode))
