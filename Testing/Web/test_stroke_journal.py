"""What the journal of strokes adds to the autosave on the disk."""

import json

import numpy as np
import pytest
from kept_states import keep
from SlicePropagationWeb.recovery import Recovery

from SlicePropagationLib.patch import Patch, encode_patch

HEADER = {"format": 1, "image": "ct.nrrd", "title": "ct.nrrd", "plane": "axial", "at": "now"}


def entry(number, slices):
    """One act in the segment 'one'."""
    patch = encode_patch(Patch.cut(np.ones((3, 3), bool)))
    about = {"segment": "one", "name": "one", "color": [1, 0, 0], "tag": None}
    return {"n": number, **about, "slices": dict.fromkeys(slices, patch)}


@pytest.fixture
def recovery(tmp_path):
    return Recovery(tmp_path / "autosave")


def write(recovery, *entries):
    recovery.folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(values) + "\n" for values in (HEADER, *entries))
    recovery.journal.write_text(text, encoding="utf-8")


def test_strokes_alone_are_offered_before_any_file_is_written(recovery):
    write(recovery, entry(1, ["4"]))
    assert recovery.found() is None
    assert recovery.offered()["image"] == "ct.nrrd"
    assert [stroke["n"] for stroke in recovery.strokes()] == [1]


def test_a_segment_without_a_stroke_is_nothing_to_go_on_with(recovery):
    write(recovery, entry(1, []))
    assert recovery.offered() is None


def test_strokes_that_the_files_hold_are_not_drawn_again(recovery):
    keep(recovery, 3, strokes=2)
    write(recovery, entry(2, ["4"]), entry(3, ["5"]))
    assert [stroke["n"] for stroke in recovery.strokes()] == [3]


def test_strokes_that_no_file_holds_are_kept_when_the_work_is_set_aside(recovery, tmp_path):
    keep(recovery, 3)
    write(recovery, entry(1, ["4"]))
    assert recovery.move_to(tmp_path, "unsaved") == "unsaved.seg.nrrd"
    assert (tmp_path / "unsaved.strokes.jsonl").exists()
    assert recovery.offered() is None


def test_what_is_not_wanted_is_gone_with_its_strokes(recovery):
    keep(recovery, 3)
    write(recovery, entry(1, ["4"]))
    recovery.forget()
    assert recovery.offered() is None
    assert not recovery.journal.exists()
