"""*Segment first* on the page: a model fills segments, by mouse; they are corrected like any other."""

import numpy as np
import pytest
from model_files import ship_segmenter
from web_bench import wait_for

from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.session import Provenance

pytest.importorskip("torch", reason="needs PyTorch")


@pytest.fixture
def model(tmp_path, monkeypatch):
    folder = ship_segmenter(tmp_path / "Models")
    monkeypatch.setattr("SlicePropagationLib.files.shipped_weights.model_folders", lambda: [folder])
    return folder / "discs.pt"


def segment(page, name="discs"):
    page.click("[data-command=first]")
    page.locator(f"[data-model={name}]").click()


def names(bench):
    return [segment["name"] for segment in bench.data.segments]


def test_a_model_fills_its_segments_and_a_correction_is_propagated_from_there(page, bench, model):
    page.click("[data-command=first]")
    listed = page.locator("[data-model=discs]")
    listed.get_by_text("Finds large disc, small disc. On synthetic pictures.").wait_for()
    listed.click()
    bench.wait_for_text(page, "Done in")
    assert names(bench) == ["large disc", "small disc"]
    stack = bench.application.workflow.session.document.stack
    found = load_segmenter(model, "cpu").segment(stack)
    assert np.array_equal(bench.masks(), found == 1)
    session = bench.application.workflow.logic.session
    assert (session.provenance == Provenance.PROPAGATED).all()
    page.locator(".v-dialog.v-overlay--active").wait_for(state="detached")

    bench.paint_spleen(page, 30)
    wait_for(page, lambda: bench.application.workflow.logic.session.is_anchor(1, 30))
    page.click("[data-command=propagate]")
    bench.wait_for_text(page, "Done in")
    assert not np.array_equal(bench.mask(31), found[31] == 1)


def test_it_looks_at_the_slices_that_the_volume_is_stored_as(page, bench, model):
    page.click("[data-plane=coronal]")
    bench.wait_for_value(page, "plane", "coronal")
    segment(page)
    bench.wait_for_text(page, "Done in")
    assert bench.data.plane == "axial"
    assert len(bench.application.workflow.session.document.stack) == len(bench.image())


def test_undo_takes_it_back_in_one_step(page, bench, model):
    segment(page)
    bench.wait_for_text(page, "Done in")
    wait_for(page, lambda: bench.masks().any())
    page.click("[data-command=undo]")
    wait_for(page, lambda: not bench.masks().any())


def test_a_locked_segment_is_not_filled_and_it_is_said(page, bench, model):
    segment(page)
    bench.wait_for_text(page, "Done in")
    page.click("[data-command=undo]")
    wait_for(page, lambda: not bench.masks().any())
    page.get_by_label("Lock or unlock").first.click()
    wait_for(page, lambda: bench.data.segments[0]["locked"])
    segment(page)
    bench.wait_for_text(page, "large disc is locked")
    assert not bench.masks().any()
    page.get_by_label("Lock or unlock").first.click()


def test_without_a_model_it_says_so(page, bench, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "SlicePropagationLib.files.shipped_weights.model_folders", lambda: [tmp_path]
    )
    page.click("[data-command=first]")
    page.get_by_text("No model that needs no seed came with this installation").wait_for()
    page.get_by_text("Cancel", exact=True).click()
    bench.wait_for_value(page, "is_first_dialog", False)


def test_a_dialog_that_was_cancelled_opens_again(page, bench, model):
    for _ in range(2):
        page.click("[data-command=first]")
        page.locator("[data-model=discs]").wait_for()
        page.get_by_text("Cancel", exact=True).click()
        page.locator("[data-model=discs]").wait_for(state="hidden")
    bench.wait_for_value(page, "is_first_dialog", False)
