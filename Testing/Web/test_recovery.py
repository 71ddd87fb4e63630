"""The autosave on the disk: whole after a crash at any moment, and never a mix of two states."""

import os
import subprocess
import sys
from collections import Counter

import pytest
import SimpleITK as sitk
from kept_states import keep, numbers
from kills import problems
from SlicePropagationWeb.recovery import Recovery
from SlicePropagationWeb.workspace import Workspace

from SlicePropagationLib.errors import SlicePropagationError

NUM_KILLS = 48  # `python Testing/Web/kills.py` kills 1000 times


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_killed_at_any_moment_programs_lose_and_mix_nothing():
    reached = Counter()
    assert list(problems(range(NUM_KILLS), reached)) == []
    assert {writer for writer, _ in reached} == {"Autosave", "Patches", "Result", "Journal"}
    assert min(state for _, state in reached) < max(state for _, state in reached)


def test_of_two_states_the_later_one_counts_and_the_earlier_one_goes(tmp_path):
    recovery = Recovery(tmp_path)
    keep(recovery, 3)
    keep(recovery, 4)
    assert numbers(recovery.found()) == (4, 4, 4)
    assert names_in(tmp_path) == ["00000002"]


def test_what_a_crash_left_is_cleared_at_the_next_start_and_the_work_stays(tmp_path):
    folder = tmp_path / "autosave"
    recovery = Recovery(folder)
    keep(recovery, 5)
    for name in (".partial-abc", ".gone-00000001"):
        left = folder / name
        left.mkdir()
        (left / "annotation.seg.nrrd").write_bytes(b"half")
    Workspace(tmp_path).check_writable()
    assert names_in(folder) == ["00000001"]
    assert numbers(recovery.found()) == (5, 5, 5)


def test_a_folder_is_served_by_one_program_at_a_time(tmp_path):
    Workspace(tmp_path).check_writable()
    [own] = tmp_path.glob(".partial-*-page")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        claim = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{other.pid}-"))
        claim.mkdir()
        with pytest.raises(SlicePropagationError, match=f"process {other.pid}; name another"):
            Workspace(tmp_path).check_writable()
        other.kill()
    Workspace(tmp_path).check_writable()
    assert not claim.exists()


def test_a_damaged_record_counts_as_nothing_kept(tmp_path):
    recovery = Recovery(tmp_path)
    keep(recovery, 1)
    record = tmp_path / "00000001" / "annotation.json"
    record.write_text("{", encoding="utf-8")
    assert recovery.found() is None


def test_unsaved_work_becomes_a_result_or_is_forgotten(tmp_path):
    recovery = Recovery(tmp_path / "autosave")
    keep(recovery, 7)
    assert recovery.move_to(tmp_path, "unsaved") == "unsaved.seg.nrrd"
    assert recovery.found() is None
    assert names_in(tmp_path) == [
        "autosave",
        "unsaved.json",
        "unsaved.seg.nrrd",
        "unsaved.slices.csv",
    ]
    image = sitk.ReadImage(str(tmp_path / "unsaved.seg.nrrd"))
    labels = sitk.GetArrayFromImage(image)
    assert set(labels.ravel()) == {0, 1}
    keep(recovery, 8)
    recovery.forget()
    assert recovery.found() is None
    assert names_in(tmp_path / "autosave") == []
