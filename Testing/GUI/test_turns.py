"""The window never waits.

Turns of the event loop during runs and while results are written, and what start-up imports.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from host import person
from SlicePropagationMRML.nodes import commit
from SlicePropagationMRML.run import slice_run

# loads a module in the host, and prints what heavy packages came with it
LOAD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from host import slicerenv
slicerenv.bootstrap()
before = set(sys.modules)
slicerenv.load_module(sys.argv[2])
roots = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(roots & {"torch", "scipy", "SimpleITK", "itk"}), flush=True)
os._exit(0)
"""


@pytest.fixture
def small_turns(monkeypatch):
    """Results are written a slice at a time, one turn each, as a large one on a slow machine."""
    monkeypatch.setattr(commit, "BAND_VOXELS", 1)
    monkeypatch.setattr(slice_run, "TURN_SECONDS", 1e-9)


def test_between_two_slices_of_a_run_the_window_gets_its_turn(seeded):
    from PySide6.QtCore import QTimer

    happened = []
    timer = QTimer()

    def listen(event):
        if type(event).__name__ == "Stepped":
            happened.append("slice")

    seeded.logic.events.connect(listen)
    timer.timeout.connect(lambda: happened.append("window"))
    timer.start(0)
    person.click(seeded.ui.propagateButton)
    seeded.wait_for_end()
    timer.stop()
    assert happened.count("slice") > 10
    assert ("slice", "slice") not in zip(happened, happened[1:], strict=False)


def test_a_result_written_over_several_turns_is_one_undo_step(seeded, small_turns):
    before = seeded.mask().copy()
    person.click(seeded.ui.propagateButton)
    person.wait_until(lambda: seeded.logic.run.phase.name == "WRITING")
    num_turns = 0
    while seeded.logic.isRunning:
        person.turns(1)
        time.sleep(0.001)
        num_turns += 1
    after = seeded.mask().copy()
    assert num_turns > 10
    assert after.any(axis=(1, 2)).all()
    assert seeded.status.startswith("Done in ")
    seeded.undo()
    assert (seeded.mask() == before).all()
    assert seeded.status.startswith("Undone: the propagation of Segment_1")
    seeded.redo()
    assert (seeded.mask() == after).all()
    assert seeded.kinds()[9] == "propagated"


def test_while_a_result_is_written_the_brush_rests_and_comes_back(seeded, small_turns):
    seeded.ui.editor.setActiveEffectByName("Paint")
    person.click(seeded.ui.propagateButton)
    person.wait_until(lambda: seeded.mask()[8].any())
    assert seeded.logic.isRunning
    assert seeded.ui.editor.activeEffect() is None
    seeded.wait_for_end()
    assert seeded.ui.editor.activeEffect().name == "Paint"


def test_a_result_that_is_kept_over_several_turns_is_there_at_the_end(seeded, small_turns):
    seeded.stop_after(6)
    person.click(seeded.ui.keepButton)
    seeded.wait_for_end()
    assert seeded.status.startswith("Kept.")
    assert seeded.mask()[8].any()
    assert not seeded.ui.keepButton.isVisible()
    assert seeded.ui.propagateButton.isEnabled()


def test_what_another_module_changes_while_a_result_is_written_stands(seeded, small_turns):
    from SlicePropagationMRML.nodes.commit import writeSegment

    person.click(seeded.ui.propagateButton)
    person.wait_until(lambda: seeded.mask()[8].any())
    extra = np.zeros(seeded.mask().shape, bool)
    extra[0, 2:5, 2:5] = True
    writeSegment(
        seeded.ui.editor._logic,
        seeded.segmentation,
        seeded.segment,
        seeded.volume,
        extra,
        isRemoval=False,
    )
    seeded.wait_for_end()
    seeded.wait_for_panel()
    assert seeded.mask()[15].any()
    assert (seeded.mask()[0] & extra[0]).any()
    assert (seeded.mask()[7] == seeded.truth[7]).all()


def test_an_undo_while_a_result_is_written_takes_back_all_of_it(seeded, small_turns):
    before = seeded.mask().copy()
    person.click(seeded.ui.propagateButton)
    person.wait_until(lambda: seeded.mask()[8].any())
    assert seeded.logic.isRunning
    seeded.undo()
    seeded.wait_for_end()
    assert (seeded.mask() == before).all()
    assert seeded.status == "Undone while it was written; nothing of the run is left."
    assert set(seeded.kinds()) == {"seed", "unknown"}
    # The part that was there when it was undone would come back as if a person had drawn it.
    assert not seeded.ui.editor._logic.CanRedo()
    seeded.propagate()
    assert seeded.kinds()[8] == "propagated"


def test_closing_the_scene_while_a_result_is_written_does_no_harm(seeded, small_turns):
    import slicer

    person.click(seeded.ui.propagateButton)
    person.wait_until(lambda: seeded.mask()[8].any())
    slicer.mrmlScene.Clear(False)
    person.turns(20)
    assert not seeded.logic.isRunning
    assert seeded.panel.review.review is None


def test_a_reload_while_a_result_is_written_leaves_all_of_it(seeded, small_turns):
    import slicer

    person.click(seeded.ui.propagateButton)
    person.wait_until(lambda: seeded.mask()[8].any())
    seeded.widget.onReload()
    person.turns(20)
    seeded.widget = slicer.modules.SlicePropagationWidget
    assert seeded.mask().any(axis=(1, 2)).all()
    assert seeded.kinds()[7] == "seed"
    assert seeded.kinds()[15] == "propagated"


def test_showing_the_panel_imports_nothing_heavy():
    checkout = Path(__file__).resolve().parents[2]
    module = checkout / "SlicePropagation" / "SlicePropagation.py"
    command = [sys.executable, "-c", LOAD, str(checkout / "Testing" / "Host"), str(module)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_click_on_add_makes_many_events_and_brings_the_panel_up_to_date_once(seeded, monkeypatch):
    shown = []
    show = seeded.panel.review.show
    monkeypatch.setattr(
        seeded.panel.review,
        "show",
        lambda segment, **options: (shown.append(segment), show(segment, **options)),
    )
    second = seeded.add_segment()
    person.turns()
    assert shown == [second]
    assert seeded.panel.reviewed() == second


def test_what_is_pressed_before_that_happened_counts_for_what_is_shown_then(seeded):
    seeded.propagate()
    other = seeded.segmentation.GetSegmentation().AddEmptySegment("other")
    seeded.panel.draw.node.SetSelectedSegmentID(other)
    seeded.panel.commands.confirm()  # in the same turn: before the panel had time to follow
    assert seeded.panel.reviewed() == other
    assert seeded.logic.session.anchors(seeded.logic.document.labelOf(other))
