"""Damage good files in many ways, and see that each ends in a sentence.

    python Testing/Cases/mutants.py [COUNT] [FIRST]         10000 damaged files, from number 0

Prints each that ended in a traceback, a crash, after more than 20 s, or with more than 4 times the
memory of the good file. Ends with 0 where none did, otherwise 1. A number gives the same file every
time. Files are read in a process of their own, which may end.
"""

import contextlib
import io
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from damages import (
    bytes_damaged,
    model_damaged,
    packed_damaged,
    text_damaged,
    values_damaged,
)
from good_files import write_good

LIMIT_S = 20
BUSY_TIMES = 20  # that a machine may be slower than its processor is
START_S = 1200  # for imports, on a busy machine
TIMES_MEMORY = 4
LEAST_MIB = 150  # what Python and its packages need without any image


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        file: its name in the folder of good files; of one that lies in a folder there, all of the
            folder is read.
        words: the command that reads it; {file} is the damaged one.
        damage: makes other content of it: (content, random numbers) -> content.
    """

    file: str
    words: str
    damage: Callable[[bytes, random.Random], bytes]

    @property
    def read(self) -> str:
        """What the command is given of good files."""
        return self.file.partition("/")[0]


RUN = "propagate --engine copy --quiet --out out.nii.gz --image {file} --seed seed.nii.gz"
PICTURES = f"{RUN} --spacing 1,1,3"
SEED = "propagate --engine copy --quiet --out out.nii.gz --image image.nii.gz --seed {file}"
GO_ON = f"{SEED.replace('{file}', 'good.nii.gz')} --anchors {{file}}"
AGAIN = "propagate --engine copy --quiet --out out.nii.gz --image image.nii.gz --history {file}"
WALK = "propagate --quiet --out out.nii.gz --image image.nii.gz --seed seed.nii.gz --engine {file}"
BATCH = "batch --engine copy --quiet --out results --cases {file}"
KINDS = [
    Kind("image.nii.gz", RUN, packed_damaged),
    Kind("image.nii", RUN, bytes_damaged),
    Kind("image.nrrd", RUN, text_damaged),
    Kind("image.mha", RUN, text_damaged),
    Kind("image.mgz", RUN, packed_damaged),
    Kind("stack.tif", PICTURES, bytes_damaged),
    Kind("pictures/slice.png", PICTURES, bytes_damaged),
    Kind("series-plain/slice.dcm", RUN, bytes_damaged),
    Kind("series-jpeg/slice.dcm", RUN, bytes_damaged),
    Kind("series-jpeg2000/slice.dcm", RUN, bytes_damaged),
    Kind("series-rle/slice.dcm", RUN, bytes_damaged),
    Kind("seed.seg.nrrd", SEED, text_damaged),
    Kind("seed.nii", SEED, bytes_damaged),
    Kind("good.slices.csv", GO_ON, text_damaged),
    Kind("good.json", AGAIN, values_damaged),
    Kind("cases.csv", BATCH, text_damaged),
    Kind("model.pt", WALK, model_damaged),
]


# Trying


def run_here(folder: Path, words: str) -> tuple[int, str, float]:
    """(exit code, what was said, most memory in MiB) of a command in a folder, in this process."""
    from SlicePropagationLib.commands.main import main

    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    before = os.getcwd()
    os.chdir(folder)
    forget_peak()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return main(words.split()), said.getvalue(), peak_mib()
    finally:
        os.chdir(before)
        logging.getLogger().removeHandler(handler)


def forget_peak() -> None:
    """Let the memory be measured from now on, where the system tells of it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_mib() -> float:
    """The most memory since then, in MiB; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """What a process had of a processor; more with every call where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic()


def serve(connection) -> None:
    """Try what comes; a traceback is told like an exit code."""
    import SlicePropagationLib.pipelines.batch
    from SlicePropagationLib.files.codecs import unpacking

    with contextlib.suppress(ImportError):
        import torch  # noqa: F401
    connection.send(SlicePropagationLib.__version__)
    with unpacking():  # one process for the pixels of many files
        while True:
            folder, words = connection.recv()
            try:
                connection.send(run_here(folder, words))
            except BaseException as error:
                connection.send((f"{type(error).__name__}: {error}", "Traceback", 0.0))


@dataclass(frozen=True)
class Usual:
    """What a good file takes: memory in MiB, and seconds, more than a few on a busy machine only."""

    memory_mib: float
    seconds: float


class Reader:
    """The process that reads; a new one takes its place when it ends or hangs."""

    def __init__(self) -> None:
        self._process = None

    def try_once(
        self,
        folder: Path,
        words: str,
        limit_s: float = LIMIT_S,
    ) -> tuple[str | None, float]:
        """(what was wrong or None, memory in MiB) of a command in a folder."""
        if self._process is None:
            self._start()
        self._connection.send((folder, words))
        try:
            if not self._answers(limit_s):
                return self._ended(f"took more than {limit_s:.0f} s"), 0.0
            code, said, memory = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(5)
            return self._ended(f"crashed, exit code {self._process.exitcode}"), 0.0
        if code not in (0, 1, 2) or "Traceback" in said:
            return f"exit code {code}: {said.strip()[-300:]}", memory
        return (None if code == 0 or said.strip() else "said nothing"), memory

    def _answers(self, limit_s: float) -> bool:
        """Whether an answer comes: time of the processor counts, on a busy machine it is less."""
        before = cpu_seconds(self._process.pid)
        for _ in range(BUSY_TIMES):
            if self._connection.poll(limit_s):
                return True
            if cpu_seconds(self._process.pid) - before > limit_s:
                return False
        return False

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        assert self._connection.poll(START_S), "The process that reads does not start."
        self._connection.recv()

    def _ended(self, what: str) -> str:
        self.end()
        return what


def problems(numbers) -> Iterator[str]:
    """A line for each damaged file that ended as none may."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        good = Path(name) / "good"
        good.mkdir()
        left_out = write_good(good)
        kinds = [kind for kind in KINDS if not kind.file.endswith(left_out or ("?",))]
        done = run_here(good, SEED.format(file="seed.nii.gz").replace("out.nii", "good.nii"))
        assert done[0] == 0, done
        reader = Reader()
        try:
            usual = {kind.file: honest(reader, good, kind) for kind in kinds}
            for number in numbers:
                kind = kinds[number % len(kinds)]
                found = try_mutant(reader, good, kind, number, usual[kind.file])
                if found:
                    yield f"{number} {kind.file}: {found}"
        finally:
            reader.end()


def honest(reader: Reader, good: Path, kind: Kind) -> Usual:
    """What the good file takes."""
    words = kind.words.format(file=kind.read)
    reader.try_once(good, words, START_S)  # the first time, imports count
    began = time.monotonic()
    problem, memory = reader.try_once(good, words, START_S)
    assert problem is None, (kind.file, problem)
    return Usual(max(memory, LEAST_MIB), time.monotonic() - began)


def try_mutant(reader: Reader, good: Path, kind: Kind, number: int, usual: Usual) -> str | None:
    """What was wrong with how a damaged file ended, or None."""
    source = good / kind.file
    content = kind.damage(source.read_bytes(), random.Random(number))
    away = good / "away"
    is_in_folder = "/" in kind.file
    damaged = source if is_in_folder else source.with_name(f"damaged-{kind.file}")
    if is_in_folder:
        source.rename(away)
    damaged.write_bytes(content)
    try:
        words = kind.words.format(file=kind.read if is_in_folder else damaged.name)
        problem, memory = reader.try_once(good, words, LIMIT_S + 10 * usual.seconds)
    finally:
        damaged.unlink()
        if is_in_folder:
            away.rename(source)
    if problem is None and memory > TIMES_MEMORY * usual.memory_mib:
        return f"took {memory:.0f} MiB, the good file {usual.memory_mib:.0f}"
    return problem


def main(count: int = 10_000, first: int = 0) -> int:
    """Try some damaged files; the exit code."""
    began = time.monotonic()
    found = 0
    for line in problems(range(first, first + count)):
        found += 1
        print(line, flush=True)
    print(f"{count} damaged files, {found} problems, {time.monotonic() - began:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
