"""Progress: one line that is written over on a terminal, few lines in a pipe."""

import contextlib
import io
import logging
import os
import re
import sys

import pytest
from case_files import make_case

from SlicePropagationLib.commands.batch_progress import BatchProgress
from SlicePropagationLib.commands.main import main
from SlicePropagationLib.commands.progress import (
    EpochLines,
    ProgressLine,
    WarningHandler,
)
from SlicePropagationLib.pace import duration
from SlicePropagationLib.pipelines.batch import BatchRequest


@contextlib.contextmanager
def terminal():
    """A terminal as stderr within a test; what it gives tells what was written there so far."""
    pty = pytest.importorskip("pty", reason="this system has no terminals of that kind")
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with open(theirs, "w", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
        yield lambda: read_all(ours, stream)
    os.close(ours)


def read_all(place, stream):
    stream.flush()
    parts = []
    with contextlib.suppress(BlockingIOError):
        while True:
            parts.append(os.read(place, 4096))
    return b"".join(parts).decode()


def propagate(folder):
    case = make_case(folder)
    files = ["--image", str(case["image"]), "--seed", str(case["seed"])]
    return main(["propagate", *files, "--out", str(folder / "o.nii.gz"), "--engine", "copy"])


def test_on_a_terminal_the_line_is_written_over(tmp_path):
    with terminal() as written:
        assert propagate(tmp_path) == 0
        said = written()
    assert said.count("\n") == 1  # the end
    told = re.findall(r"\rslice (\d+) of 15, \d+ s left", said)
    assert told == [str(number) for number in range(1, 16)]


def test_in_a_pipe_there_is_a_line_for_every_tenth_of_a_run(tmp_path, capsys):
    assert propagate(tmp_path) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 10
    assert lines[-1].startswith("slice 15 of 15")
    assert not any("\r" in line for line in lines)


def make_table(folder, count):
    rows = ["image,seed,out"]
    for number in range(count):
        (folder / str(number)).mkdir()
        make_case(folder / str(number))
        rows.append(f"{number}/image.nii.gz,{number}/seed.nii.gz,{number}.nii.gz")
    (folder / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder / "cases.csv"


def batch(table, *more):
    where = ["--cases", str(table), "--out", str(table.parent / "out"), "--no-pictures"]
    return main(["batch", *where, "--engine", "copy", *more])


def test_a_batch_in_a_pipe_tells_each_case_on_one_line(tmp_path, capsys):
    assert batch(make_table(tmp_path, 3)) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line[:11] for line in lines] == ["case 1 of 3", "case 2 of 3", "case 3 of 3"]


def test_a_batch_tells_a_terminal_what_runs_before_its_first_case_is_finished(tmp_path):
    table = make_table(tmp_path, 2)
    with terminal() as written:
        assert batch(table) == 0
        told = [text.rstrip() for text in written().split("\r")]
    first = next(place for place, text in enumerate(told) if text.startswith("1 of 2"))
    assert told[1] == f"Reading {table}"[:79]
    assert "0 of 2 cases done" in told[:first]
    said = "\n".join(told[:first])
    assert re.search(r"^0 of 2 cases done, 1 running \(slice 3 of 15\), \d+ s$", said, re.MULTILINE)
    assert re.match(r"1 of 2 cases done, 1 running, \d+ a minute, \d+ s left: /", told[first])
    (tmp_path / "out" / "1.nii.gz").unlink()
    with terminal() as written:
        assert batch(table, "--resume") == 0
        # no rate by what took no time
        assert re.search(r"\r1 of 2 cases done, 1 running, \d+ s: /", written())


def test_the_time_of_a_batch_goes_on_while_no_case_is_finished(tmp_path):
    request = BatchRequest(cases="cases.csv", out=tmp_path, workers=4)
    with terminal() as written, BatchProgress(request, tick_s=0.001) as progress:
        progress.found(9)
        progress.begun(9)
        said = ""
        while said.count("0 of 9 cases done, 4 running, ") < 5:
            said += written()
    with terminal() as written, BatchProgress(request, is_quiet=True, tick_s=0.001) as progress:
        progress.begun(9)
        assert written() == ""


def epochs(lines, count, minutes=0.0):
    for epoch in range(1, count + 1):
        lines(f"epoch {epoch} of {count}: total 0.5, dice 0.9, {epoch * minutes:.1f} min *")


def test_in_a_pipe_a_training_tells_an_epoch_for_every_tenth_of_it():
    stream = io.StringIO()
    lines = EpochLines(stream)
    lines("checking 8 cases")
    epochs(lines, 40)
    told = stream.getvalue().splitlines()
    assert told[0] == "checking 8 cases"
    assert [line.split()[1] for line in told[1:]] == [str(4 * part) for part in range(1, 11)]
    epochs(lines, 3)  # of the next training
    assert len(stream.getvalue().splitlines()) == len(told) + 3


def test_where_time_ends_a_training_the_tenths_are_those_of_the_time():
    stream = io.StringIO()
    epochs(EpochLines(stream, max_hours=0.5), count=1000, minutes=0.03)
    assert 9 <= len(stream.getvalue().splitlines()) <= 10


def test_on_a_terminal_a_training_tells_every_epoch():
    with terminal() as shown:
        epochs(EpochLines(sys.stderr), 40)
        assert shown().count("epoch") == 40


def test_a_shorter_text_leaves_nothing_of_a_longer_one():
    with terminal() as written:
        with ProgressLine() as line:
            line.tell("case 1 of 2: a_long_name")
            line.tell("case 2 of 2: b")
        assert written().endswith(f"\r{'case 2 of 2: b':24}\r\n")


def test_a_warning_has_a_line_of_its_own_while_progress_is_shown():
    warning = logging.LogRecord("x", logging.WARNING, "x.py", 1, "a remark", None, None)
    with terminal() as written:
        with ProgressLine() as line:
            line.tell("slice 1 of 9")
            WarningHandler(sys.stderr).emit(warning)
            line.tell("slice 2 of 9")
        said = written().replace("\r\n", "\n")
    assert said == f"\rslice 1 of 9\r{'':12}\ra remark\n\rslice 2 of 9\n"


def test_whoever_wants_quiet_is_told_nothing(capsys):
    with ProgressLine(is_quiet=True) as line:
        line.tell("slice 1 of 9")
        line.count(9, 9)
    assert line.report is None
    assert capsys.readouterr().err == ""


def test_a_long_time_is_told_in_minutes():
    assert [duration(seconds) for seconds in (4.4, 89, 240)] == ["4 s", "89 s", "4 min"]
