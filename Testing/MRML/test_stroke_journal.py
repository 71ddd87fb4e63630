"""A stroke is on the disk before anything else can be done, whatever is under way."""

import errno
import json
import os

import numpy as np
import pytest
from mrml_bench import Bench
from phantoms import disc
from SlicePropagationMRML.nodes.geometry import gridOf
from SlicePropagationMRML.nodes.strokes import putStrokes, tagOf
from SlicePropagationMRML.run.left_strokes import leftStrokes, ownJournal
from SlicePropagationMRML.run.stroke_journal import StrokeJournal, readJournal, strokesOf

from SlicePropagationLib.patch import Patch, encode_patch

SMALL = disc((48, 48), (20, 20), 5)
HEADER = {"image": "disc.nrrd"}


@pytest.fixture
def journal(bench, tmp_path):
    """The journal of the two segments of the bench, which is open."""
    bench.open("disc", "rest")
    journal = StrokeJournal(tmp_path / "kept" / "strokes.jsonl")
    journal.begin(bench.volume, bench.segmentation, HEADER)
    bench.logic.onStroke(journal.note)
    return journal


def on_disk(journal, bench):
    """{segment: strokes} as a program that starts after a crash finds them."""
    header, entries = readJournal(journal.path)
    assert header["image"] == "disc.nrrd"
    return strokesOf(entries, bench.stack.images.shape)


def has_stroke(journal, bench, name, index, mask):
    return np.array_equal(on_disk(journal, bench)[name].slices[index].paste(mask.shape), mask)


def test_a_stroke_is_on_the_disk_before_the_next_event(journal, bench):
    bench.draw("disc", 7, SMALL)  # no turn of the event loop since
    assert has_stroke(journal, bench, "disc", 7, SMALL)


def test_a_stroke_in_a_segment_that_has_no_name_yet_is_on_the_disk(journal, bench):
    bench.segmentation.GetSegmentation().GetSegment("disc").SetName(None)
    bench.draw("disc", 7, SMALL)
    assert has_stroke(journal, bench, "disc", 7, SMALL)


def test_a_stroke_during_a_run_and_one_while_its_result_waits_are_on_the_disk(journal, bench):
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy")
    bench.stepOnce()
    bench.draw("rest", 2, SMALL)
    assert has_stroke(journal, bench, "rest", 2, SMALL)
    bench.logic.stop()
    bench.logic.runToEnd()
    assert bench.logic.hasPartialResult
    bench.draw("rest", 3, SMALL)
    assert has_stroke(journal, bench, "rest", 3, SMALL)


def test_what_a_run_predicts_is_no_stroke_until_it_is_kept(journal, bench):
    bench.draw("disc", 7, SMALL)
    bench.runPart(3)
    states, events = bench.logic.known()
    assert [index for (label, index), state in states.items() if state.patch.area] == [7]
    assert [event["event"] for event in events] == ["annotate"]


def test_what_was_erased_is_erased_on_the_disk(journal, bench):
    bench.draw("disc", 7, SMALL)
    bench.draw("disc", 7, SMALL & False)
    assert on_disk(journal, bench)["disc"].slices[7].is_empty


def test_strokes_come_back_in_another_scene_with_names_and_what_is_known_of_them(journal, bench):
    bench.draw("disc", 7, SMALL)
    bench.logic.mergeEdits()
    bench.logic.confirm("rest", 4)
    bench.segmentation.GetSegmentation().GetSegment("rest").SetName("Rücken")
    journal.note()
    kept = on_disk(journal, bench)
    other = Bench(segmentIDs=("rest",))
    putStrokes(other.editorLogic, other.segmentation, other.volume, kept)
    segments = other.segmentation.GetSegmentation()
    assert np.array_equal(other.mask("disc"), bench.mask("disc"))
    assert segments.GetSegment("rest").GetName() == "Rücken"
    for name in ("disc", "rest"):
        before = bench.segmentation.GetSegmentation().GetSegment(name)
        assert tagOf(segments.GetSegment(name)) == tagOf(before)
    other.logic.cleanup()


def test_segments_that_overlap_come_back_overlapping(journal, bench):
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteNone)
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, SMALL)
    kept = on_disk(journal, bench)
    other = Bench()
    putStrokes(other.editorLogic, other.segmentation, other.volume, kept)
    assert np.array_equal(other.mask("disc"), other.mask("rest"))
    other.logic.cleanup()


def test_a_segment_that_was_removed_stays_removed(journal, bench):
    bench.draw("rest", 7, SMALL)
    bench.segmentation.GetSegmentation().RemoveSegment("rest")
    journal.note()
    assert on_disk(journal, bench)["rest"] is None


def test_what_files_hold_leaves_the_journal_and_later_strokes_stay(journal, bench):
    bench.draw("disc", 7, SMALL)
    number = journal.number
    bench.draw("rest", 2, SMALL)
    journal.covered(number)
    assert list(on_disk(journal, bench)) == ["rest"]
    journal.covered(journal.number)
    assert not journal.path.exists()
    bench.draw("disc", 3, SMALL)
    assert has_stroke(journal, bench, "disc", 3, SMALL)


def test_half_a_line_that_a_crash_left_is_left_out(journal, bench):
    bench.draw("disc", 7, SMALL)
    with open(journal.path, "a", encoding="utf-8") as file:
        file.write('{"n": 99, "segment": "di')
    assert has_stroke(journal, bench, "disc", 7, SMALL)
    assert len(readJournal(journal.path)[1]) == 1


def test_what_is_drawn_after_half_a_line_is_read_again(journal, bench):
    """As after a crash, whose strokes were put back and whose journal goes on."""
    bench.draw("disc", 7, SMALL)
    with open(journal.path, "a", encoding="utf-8") as file:
        file.write('{"n": 99, "segment": "di')
    header, entries = readJournal(journal.path)
    again = StrokeJournal(journal.path)
    again.begin(bench.volume, bench.segmentation, header, entries)
    bench.logic.onStroke(again.note)
    bench.draw("disc", 3, SMALL)
    assert has_stroke(journal, bench, "disc", 7, SMALL)
    assert has_stroke(journal, bench, "disc", 3, SMALL)


def test_what_a_full_disk_left_out_is_written_as_soon_as_there_is_room(journal, bench, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    bench.draw("disc", 7, SMALL)
    bench.logic.onStroke(lambda: None)
    bench.draw("rest", 3, SMALL)
    with monkeypatch.context() as patches:
        patches.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.note()
    with open(journal.path, "a", encoding="utf-8") as file:
        file.write('{"n": 99, "seg')
    assert not journal.note()
    assert has_stroke(journal, bench, "disc", 7, SMALL)
    assert has_stroke(journal, bench, "rest", 3, SMALL)


def test_strokes_after_a_crash_have_higher_numbers_than_those_in_files(journal, bench):
    again = StrokeJournal(journal.path)
    again.begin(bench.volume, bench.segmentation, HEADER, number=57)
    bench.logic.onStroke(again.note)
    bench.draw("disc", 7, SMALL)
    assert [entry["n"] for entry in readJournal(journal.path)[1]] == [58]


def test_a_crash_of_a_process_of_the_same_number_is_offered(bench, tmp_path):
    bench.open("disc", "rest")
    volume = bench.volume
    header = {"volume": volume.GetName(), "grid": gridOf(volume, volume)}
    before = StrokeJournal(ownJournal(tmp_path))
    before.begin(volume, bench.segmentation, header)
    bench.logic.onStroke(before.note)
    bench.draw("disc", 7, SMALL)
    assert leftStrokes(tmp_path, volume) == []
    assert not ownJournal(tmp_path).exists()
    [left] = leftStrokes(tmp_path, volume)
    assert left.strokes["disc"].slices.keys() == {7}


@pytest.mark.parametrize("text", ["", "[]\n", '{"format": 2}\n', "\x00\n", '{"format": 1}\n'])
def test_what_is_no_journal_is_none(tmp_path, text):
    (tmp_path / "strokes.jsonl").write_text(text, encoding="utf-8")
    assert readJournal(tmp_path / "strokes.jsonl") is None


def test_a_stroke_beyond_the_volume_is_refused(bench):

    patch = encode_patch(Patch.cut(SMALL))
    entry = {"n": 1, "segment": "disc", "name": "disc", "color": [1, 0, 0], "tag": None}
    entry["slices"] = {"16": patch}
    entry = json.loads(json.dumps(entry))
    with pytest.raises(ValueError, match="slice 16"):
        strokesOf([entry], bench.stack.images.shape)
