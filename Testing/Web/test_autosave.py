"""The autosave and the page look at the same strokes."""

import time

from at_the_page import SEED
from SlicePropagationWeb.autosave import WAIT_MS
from trame_slicer.segmentation import ModificationMode
from trame_slicer.utils import vtk_image_to_np
from web_bench import PATIENCE, walk_slowly


def draw(bench, index=SEED, columns=slice(40, 60)):
    """A rectangle on a slice, as a tool puts it in."""
    modifier = bench.controller.editor.active_segment_modifier
    labelmap = modifier.create_modifier_labelmap()
    vtk_image_to_np(labelmap)[index, 40:60, columns] = 1
    modifier.apply_labelmap(labelmap, modification_mode=ModificationMode.Add)


def wait_until_said(bench, text):
    end = time.monotonic() + PATIENCE
    while text not in bench.data.message and time.monotonic() < end:
        time.sleep(0.1)
    assert text in bench.data.message


def test_a_stroke_is_told_although_the_autosave_comes_before(bench):
    bench.open_sample("copy")
    autosave = bench.application.autosave

    def draw_and_keep():
        draw(bench)
        autosave.worked()
        autosave._later()

    bench.call(draw_and_keep)
    wait_until_said(bench, f"slice {SEED + 1}")
    assert bench.data.cells[SEED]["kind"] == "seed"


def test_a_correction_is_written_before_it_is_redone_and_not_again_meanwhile(bench, monkeypatch):
    bench.open_sample("copy")
    bench.call(draw, bench)
    wait_until_said(bench, f"slice {SEED + 1}")
    bench.call(bench.application.workflow.propagate)
    wait_until_said(bench, "Done in")
    time.sleep(2 * WAIT_MS / 1000)
    walk_slowly(monkeypatch, 0.1)
    autosave = bench.application.autosave
    keep = autosave._keep
    during = []

    def keep_and_note():
        during.append(autosave._flow.logic.isRunning)
        keep()

    monkeypatch.setattr(autosave, "_keep", keep_and_note)
    bench.call(setattr, bench.data, "after_correction", "always")
    bench.call(draw, bench, SEED + 5, slice(40, 70))
    wait_until_said(bench, "taken over by its neighbours")
    assert during[0] is False
    assert True not in during
