"""The autosave on the disk: whole after a crash at any moment, and never a mix of two states."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from keep_forever import keep
from SlicePropagationWeb.recovery import KeptWork
from SlicePropagationWeb.workspace import Workspace

from SlicePropagationLib.files.companions import companion


def numbers(found):
    """What page, segmentation and table say which state it is.

    The same number thrice in a whole one.
    """
    labels = sitk.GetArrayFromImage(sitk.ReadImage(found["labels"])) > 0
    rows = companion(found["labels"], ".slices.csv").read_text(encoding="utf-8").splitlines()
    area = float(rows[1].split(",")[4])
    assert f"image {found['title']}.nii.gz" == found["image"]
    return int(found["title"]) % 30, int(labels[0].any(axis=1).sum()) - 1, round(area / 32) - 1


def test_killed_at_any_moment_it_holds_one_whole_state(tmp_path):
    states = []
    for attempt in range(12):
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("keep_forever.py")), str(tmp_path)],
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        time.sleep(0.35 + 0.037 * attempt)
        process.kill()
        process.wait()
        process.stdout.close()
        found = KeptWork(tmp_path).found()
        assert found is not None
        page, drawn, listed = numbers(found)
        assert page == drawn == listed
        states.append(page)
    assert len(set(states)) > 1


def test_of_two_states_the_later_one_counts_and_the_earlier_one_goes(tmp_path):
    kept = KeptWork(tmp_path)
    keep(kept, 3)
    keep(kept, 4)
    assert numbers(kept.found()) == (4, 4, 4)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_crash_left_is_cleared_at_the_next_start_and_the_work_stays(tmp_path):
    kept = KeptWork(tmp_path / "autosave")
    keep(kept, 5)
    for left in (".partial-abc", ".gone-00000001"):
        (tmp_path / "autosave" / left).mkdir()
        (tmp_path / "autosave" / left / "annotation.seg.nrrd").write_bytes(b"half")
    Workspace(tmp_path).check_writable()
    assert [path.name for path in (tmp_path / "autosave").iterdir()] == ["00000001"]
    assert numbers(kept.found()) == (5, 5, 5)


def test_a_damaged_record_counts_as_nothing_kept(tmp_path):
    kept = KeptWork(tmp_path)
    keep(kept, 1)
    (tmp_path / "00000001" / "annotation.json").write_text("{", encoding="utf-8")
    assert kept.found() is None


def test_kept_work_becomes_a_result_or_is_forgotten(tmp_path):
    kept = KeptWork(tmp_path / "autosave")
    keep(kept, 7)
    assert kept.move_to(tmp_path, "unsaved") == "unsaved.seg.nrrd"
    assert kept.found() is None
    assert sorted(path.name for path in tmp_path.glob("unsaved*")) == [
        "unsaved.json",
        "unsaved.seg.nrrd",
        "unsaved.slices.csv",
    ]
    assert np.array_equal(
        np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "unsaved.seg.nrrd")))),
        [0, 1],
    )
    keep(kept, 8)
    kept.forget()
    assert kept.found() is None
    assert list((tmp_path / "autosave").iterdir()) == []
