"""The autosave and the page look at the same strokes."""

import time

from at_the_page import SEED
from trame_slicer.segmentation import ModificationMode
from trame_slicer.utils import vtk_image_to_np
from web_bench import PATIENCE


def draw(bench):
    """A square on a slice, as a tool puts it in."""
    modifier = bench.controller.editor.active_segment_modifier
    labelmap = modifier.create_modifier_labelmap()
    vtk_image_to_np(labelmap)[SEED, 40:60, 40:60] = 1
    modifier.apply_labelmap(labelmap, modification_mode=ModificationMode.Add)


def test_a_stroke_is_told_although_the_autosave_comes_before(bench):
    bench.open_sample("copy")
    autosave = bench.application.autosave

    def draw_and_keep():
        draw(bench)
        autosave.worked()
        autosave._later()

    bench.call(draw_and_keep)
    end = time.monotonic() + PATIENCE
    while f"slice {SEED + 1}" not in bench.data.message and time.monotonic() < end:
        time.sleep(0.1)
    assert f"slice {SEED + 1}" in bench.data.message
    assert bench.data.cells[SEED]["kind"] == "seed"
