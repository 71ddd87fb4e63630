"""Files of a result appear together or not at all, also where another program has one open."""

import os
import time

import pytest

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files import atomic


def write_anew(folder):
    with atomic.atomic_folder(folder) as partial:
        (partial / "table.csv").write_text("new", encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "table.csv").write_text("old", encoding="utf-8")
    return tmp_path


def left_by(folder, where, hours):
    """A folder that a process of a machine left half written, so many hours ago."""
    left = folder / f".partial-{where}-99-abc"
    left.mkdir()
    (left / "table.csv").write_text("half", encoding="utf-8")
    then = time.time() - 3600 * hours
    for path in (left / "table.csv", left):
        os.utime(path, (then, then))
    return left


def open_elsewhere(monkeypatch, times):
    """Let the first so many tries to replace a file fail, as on Windows where a viewer has it open."""
    replace = os.replace
    refusals = iter(range(times))

    def refuse_at_first(source, target):
        if next(refusals, None) is not None:
            raise PermissionError(13, "The process cannot access the file")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", refuse_at_first)


def test_a_file_that_is_open_for_a_moment_is_replaced_when_it_is_let_go(folder, monkeypatch):
    monkeypatch.setattr(atomic, "PAUSES_SECONDS", (0.0, 0.0))
    open_elsewhere(monkeypatch, 2)
    write_anew(folder)
    assert (folder / "table.csv").read_text(encoding="utf-8") == "new"


def test_a_file_that_stays_open_is_left_as_it_was(folder, monkeypatch):
    monkeypatch.setattr(atomic, "PAUSES_SECONDS", (0.0, 0.0))
    open_elsewhere(monkeypatch, 3)
    with pytest.raises(OutputError, match="cannot access the file"):
        write_anew(folder)
    assert (folder / "table.csv").read_text(encoding="utf-8") == "old"
    assert list(folder.iterdir()) == [folder / "table.csv"]


def test_what_another_machine_left_in_a_shared_folder_goes_after_a_day(folder):
    old = left_by(folder, "elsewhere", 25)
    young = left_by(folder, "nearby", 23)
    write_anew(folder)
    assert not old.exists()
    assert young.exists()


def test_what_another_machine_still_writes_into_an_old_folder_stays(folder):
    left = left_by(folder, "elsewhere", 25)
    (left / "more.csv").write_text("half", encoding="utf-8")
    write_anew(folder)
    assert (left / "more.csv").exists()
