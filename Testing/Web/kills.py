"""Kill programs at any moment while they write, and see what is on the disk then.

    python Testing/Web/kills.py [COUNT] [FIRST]     1000 kills, from number 0

Prints each kill that lost or mixed something. Ends with 0 where none did, otherwise 1. A number
waits equally long every time; where the kill hits is up to the machine.
"""

import importlib
import itertools
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = (".", "SlicePropagation", "Testing/Web", "Testing/MRML", "Testing/Library")
SOURCES = [str(CHECKOUT / name) for name in NAMES]
if __name__ == "__main__":
    sys.path[:0] = SOURCES

import numpy as np
from kept_states import NUM_STATES, drawn, keep, listed, numbers, write
from mrml_bench import Bench
from SlicePropagationMRML.run.stroke_journal import StrokeJournal, readJournal, strokesOf
from SlicePropagationWeb.recovery import Recovery

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.record import check_whole

LONGEST_S = 0.12  # several states are written in that time
START_S = 600  # for imports, on a busy machine
SHORT = (6, 9, 10)  # of the volume that strokes are drawn on


class Autosave:
    """The page keeps its work."""

    @staticmethod
    def write_on(folder: Path) -> Iterator[int]:
        """Write one state after another; yields the number of each that is on the disk."""
        for number in itertools.count():
            keep(Recovery(folder), number)
            yield number

    @staticmethod
    def problem(folder: Path, acknowledged: int) -> str | None:
        """What is wrong with what the last program left, or None."""
        found = Recovery(folder).found()
        if found is None:
            return "nothing is kept"
        if len(set(numbers(found))) > 1:
            return f"a mixture of states {numbers(found)}"
        if int(found["title"]) < acknowledged:
            return f"state {found['title']} is kept, {acknowledged} was"
        return None


class Patches(Autosave):
    """The page keeps its work on a large volume: what changed."""

    @staticmethod
    def write_on(folder: Path) -> Iterator[int]:
        """As `Autosave.write_on`."""
        recovery = Recovery(folder, patched_voxels=0)
        for number in itertools.count():
            keep(recovery, number)
            yield number


class Result:
    """A command writes labels, table and record over an earlier result."""

    @staticmethod
    def write_on(folder: Path) -> Iterator[int]:
        """As `Autosave.write_on`."""
        for number in itertools.count():
            write(folder / "out.nii.gz", number)
            yield number

    @staticmethod
    def problem(folder: Path, acknowledged: int) -> str | None:
        """As `Autosave.problem`; files of two runs may be there where they are refused."""
        out = folder / "out.nii.gz"
        states = {drawn(out), listed(out)}
        try:
            check_whole(out, folder / "out.slices.csv")
        except SlicePropagationError:
            return None
        if len(states) > 1:
            return f"a mixture of states {sorted(states)} is taken for a result"
        allowed = {acknowledged % NUM_STATES, (acknowledged + 1) % NUM_STATES}
        return None if states <= allowed else f"state {states} is there, {acknowledged} was"


class Journal:
    """A person draws in a segmentation, stroke after stroke."""

    @staticmethod
    def write_on(folder: Path) -> Iterator[int]:
        """As `Autosave.write_on`: stroke n is a pixel of a slice."""
        bench = Bench(lambda: (_stack(), None))
        bench.open("disc")
        journal = StrokeJournal(folder / "strokes.jsonl")
        journal.begin(bench.volume, bench.segmentation, {"image": "image"})
        for number in range(int(np.prod(SHORT))):
            slice_index, place = _place(number)
            mask = bench.mask("disc")[slice_index]
            mask[place] = True
            bench.draw("disc", slice_index, mask)
            journal.note()
            yield number

    @staticmethod
    def problem(folder: Path, acknowledged: int) -> str | None:
        """As `Autosave.problem`."""
        written = readJournal(folder / "strokes.jsonl")
        if written is None:
            return "no stroke is in the journal"
        strokes = strokesOf(written[1], SHORT)["disc"]
        assert strokes is not None
        for number in range(acknowledged + 1):
            slice_index, place = _place(number)
            drawn_mask = strokes.slices.get(slice_index)
            if drawn_mask is None or not drawn_mask.paste(SHORT[1:])[place]:
                return f"stroke {number} is lost, {acknowledged} was drawn"
        return None


WRITERS = (Autosave, Patches, Result, Journal)


def _stack():
    from SlicePropagationLib.stack import SliceStack

    values = np.arange(np.prod(SHORT), dtype=np.float32)
    return SliceStack(values.reshape(SHORT))


def _place(number: int) -> tuple[int, tuple[int, int]]:
    """(slice, (row, column)) of a stroke."""
    pixel, slice_index = divmod(number, SHORT[0])
    row, column = divmod(pixel, SHORT[2])
    return slice_index, (row, column)


def write_forever(kind: int, folder: Path, connection: Connection) -> None:
    """What the process does that will be killed."""
    for number in WRITERS[kind].write_on(folder):
        connection.send(number)


def kill(number: int, folder: Path) -> tuple[int, str | None]:
    """(what was acknowledged, what is wrong or None) of a writer that is killed."""
    kind = number % len(WRITERS)
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    # of this module also where it is the program, so that the server has it
    target = importlib.import_module("kills").write_forever
    process = context.Process(target=target, args=(kind, folder, theirs), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(START_S), "The process that writes does not start."
    time.sleep(random.Random(number).uniform(0, LONGEST_S))
    process.kill()
    process.join()
    acknowledged = _last_of(ours)
    return acknowledged, WRITERS[kind].problem(folder, acknowledged)


def _context():
    """Processes that have the modules already, where a system can do that."""
    if os.name == "nt":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kills"])
    # The server finds modules by this variable alone.
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(SOURCES)):
        forkserver.ensure_running()
    return context


def _last_of(connection: Connection) -> int:
    """The last number that came, though the sender was killed over the next."""
    last = -1
    try:
        while connection.poll():
            last = connection.recv()
    except (EOFError, OSError):
        pass
    return last


def problems(kills: range, reached: Counter) -> Iterator[str]:
    """A line for each kill that lost or mixed something.

    Args:
        kills: their numbers.
        reached: counts (writer, last state that was acknowledged).
    """
    for number in kills:
        writer = WRITERS[number % len(WRITERS)].__name__
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            acknowledged, problem = kill(number, Path(folder))
        reached[writer, acknowledged] += 1
        if problem:
            yield f"{number} {writer}: {problem}"


def main(count: int = 1000, first: int = 0) -> int:
    """Kill so many; the exit code."""
    began = time.monotonic()
    reached: Counter = Counter()
    found = 0
    for line in problems(range(first, first + count), reached):
        found += 1
        print(line, flush=True)
    for writer in WRITERS:
        name = writer.__name__
        states = [
            state for (of, state), times in reached.items() if of == name for _ in range(times)
        ]
        print(f"{name}: {len(states)} kills, after {min(states) + 1} to {max(states) + 1} states")
    print(f"{count} kills, {found} problems, {time.monotonic() - began:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
