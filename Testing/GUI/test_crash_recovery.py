"""What was drawn is offered again after a crash of Slicer, and only then."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def journal(drawn):
    """The file that the strokes of the person are in."""
    return drawn.panel.recovery.journal.path


@pytest.fixture
def answers(monkeypatch):
    """What the person was asked; they say yes, or what is set."""
    import slicer

    asked = []

    def answer(question, *_, **__):
        asked.append(question)
        return answers_with[0]

    answers_with = [True]
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", answer)
    return asked, answers_with


def crash(journal):
    """Slicer is gone with all that it held; the file is that of a process that ended."""
    from SlicePropagationLib.files.atomic import own_process_name

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    where = own_process_name().rpartition("-")[0]
    left = journal.with_name(f"{where}-{ended.pid}.strokes.jsonl")
    left.write_bytes(journal.read_bytes())
    return left


def open_again(annotator):
    """The same volume in an empty scene."""
    import slicer

    slicer.mrmlScene.Clear(False)
    annotator.load(annotator.stack)


def test_what_was_drawn_is_on_the_disk_at_once(drawn, journal):
    from SlicePropagationMRML.run.stroke_journal import readJournal, strokesOf

    header, entries = readJournal(journal)
    strokes = strokesOf(entries, drawn.stack.images.shape)
    assert header["volume"] == drawn.volume.GetName()
    assert np.array_equal(strokes[drawn.segment].slices[7].paste((48, 48)), drawn.truth[7])


def test_after_a_crash_it_is_offered_and_comes_back_beside_what_is_there(drawn, journal, answers):
    left = crash(journal)
    open_again(drawn)
    asked, _ = answers
    assert len(asked) == 1
    assert "Segmentation" in asked[0]
    node = drawn.ui.segmentationSelector.currentNode()
    assert "recovered" in node.GetName()
    assert np.array_equal(drawn.mask(drawn.segment)[7], drawn.truth[7])
    assert not left.exists()


def test_who_does_not_want_it_is_not_asked_again(drawn, journal, answers):
    asked, answer = answers
    answer[0] = False
    left = crash(journal)
    open_again(drawn)
    assert len(asked) == 1
    assert not left.exists()
    assert drawn.ui.segmentationSelector.currentNode() is None


def test_another_volume_is_not_offered_it(drawn, journal, answers):
    left = crash(journal)
    import slicer

    slicer.mrmlScene.Clear(False)
    drawn.load(drawn.stack, spacing=(1.0, 1.0, 1.0))
    assert answers[0] == []
    assert left.exists()
    left.unlink()


def test_a_scene_that_is_closed_leaves_nothing(drawn, journal):
    import slicer

    assert journal.exists()
    slicer.mrmlScene.Clear(False)
    assert not Path(journal).exists()


def test_after_the_scene_is_saved_nothing_is_kept_until_more_is_drawn(drawn, journal):
    import slicer

    slicer.mrmlScene.InvokeEvent(slicer.vtkMRMLScene.EndSaveEvent)
    drawn.panel.recovery.note()
    assert not journal.exists()
    drawn.draw(9, drawn.truth[9])
    assert journal.exists()
