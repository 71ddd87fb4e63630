"""An error that nobody foresaw ends in one sentence, with where to report it."""

import errno
import os
import shlex
import subprocess
import sys

import pytest
from case_files import make_case

from SlicePropagationLib.commands import engines
from SlicePropagationLib.commands.main import main


@pytest.fixture
def broken(monkeypatch):
    """`engines` has a fault; called with the fault."""

    def breaks_with(error):
        def raises(*_):
            raise error

        monkeypatch.setattr(engines, "_engines", raises)

    return breaks_with


def test_an_unexpected_error_is_one_sentence_and_exit_code_3(broken, capsys):
    broken(KeyError("left\nover"))
    assert main(["engines"]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "KeyError" in said
    assert "/issues" in said
    assert "--debug" in said


@pytest.mark.parametrize("words", [["--debug", "engines"], ["engines", "--debug"]])
def test_debug_shows_where_it_happened(broken, capsys, words):
    broken(ZeroDivisionError("division by zero"))
    assert main(words) == 3
    assert "in raises" in capsys.readouterr().err


def test_a_lack_of_memory_is_said_as_such(broken, capsys):
    broken(MemoryError())
    assert main(["engines"]) == 3
    assert "not enough memory" in capsys.readouterr().err


def test_what_the_terminal_cannot_show_is_spelled_out(broken, capsys):
    broken(ValueError("no \udcff in any alphabet"))
    assert main(["engines"]) == 3
    assert "\\udcff" in capsys.readouterr().err


def test_a_full_disk_is_said_as_such(broken, capsys):
    broken(OSError(errno.ENOSPC, "No space left on device"))
    assert main(["engines"]) == 2
    assert "no space left" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows ends pipes otherwise")
def test_who_reads_no_further_is_told_nothing():
    words = [sys.executable, "-m", "SlicePropagationLib", "engines"]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, env=paths)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(os.name == "nt", reason="asks a shell of POSIX to close them")
@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-"])
def test_streams_that_are_closed_change_nothing(tmp_path, stream):
    make_case(tmp_path)
    words = "-m SlicePropagationLib propagate --image image.nii.gz --seed seed.nii.gz --engine copy"
    line = f"{shlex.quote(sys.executable)} {words} --out out.nii.gz {stream}"
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run(line, shell=True, cwd=tmp_path, env=paths).returncode == 0
    assert (tmp_path / "out.json").exists()
