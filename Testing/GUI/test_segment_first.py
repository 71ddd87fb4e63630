"""*Segment first* at the panel: a model fills its segments, which are reviewed and corrected then."""

import numpy as np
import pytest
from host import person
from model_files import ship_segmenter
from phantoms import drifting_disc

pytest.importorskip("torch", reason="needs PyTorch")

from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.session import Provenance


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return ship_segmenter(tmp_path_factory.mktemp("Models"))


@pytest.fixture
def shipped(models, monkeypatch):
    monkeypatch.setattr("SlicePropagationLib.files.shipped_weights.model_folders", lambda: [models])
    return models / "discs.pt"


@pytest.fixture
def unshipped(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "SlicePropagationLib.files.shipped_weights.model_folders", lambda: [tmp_path]
    )


@pytest.fixture
def ready(shipped, annotator):
    stack, _ = drifting_disc()
    annotator.load(stack)
    annotator.ui.segmentationSelector.addNode()
    person.turns()
    annotator.reach(annotator.ui.segmentFirstButton)
    return annotator


def names(annotator):
    content = annotator.segmentation.GetSegmentation()
    return {content.GetSegment(one).GetName(): one for one in content.GetSegmentIDs()}


def test_a_model_fills_its_segments_without_anything_drawn(ready, shipped):
    person.click(ready.ui.segmentFirstButton)
    assert "Two discs is looking at the volume" in ready.status
    ready.wait_for_end()
    assert "Done in" in ready.status
    found = load_segmenter(shipped, "cpu").segment(ready.logic.document.stack)
    for label, name in ((1, "large disc"), (2, "small disc")):
        assert np.array_equal(ready.mask(names(ready)[name]), found == label)
    assert (ready.logic.session.provenance == Provenance.PROPAGATED).all()
    assert ready.ui.scopeComboBox.currentText == "Checked segments"


def test_a_correction_is_propagated_from_and_undo_takes_runs_back(ready):
    person.click(ready.ui.segmentFirstButton)
    ready.wait_for_end()
    large = names(ready)["large disc"]
    before = ready.mask(large)
    corrected = before[7].copy()
    corrected[4:30, 4:30] = True
    ready.draw(7, corrected)
    assert "You changed slice 7" in ready.status
    ready.choose(ready.ui.engineComboBox, "Copy (baseline)")
    person.click(ready.ui.propagateButton)
    ready.wait_for_end()
    after = ready.mask(large)
    assert np.array_equal(after[7], corrected)
    assert not np.array_equal(after[8], before[8])
    for _ in range(3):  # the run, the drawing, the model
        ready.undo()
    assert not ready.mask(large).any()


def test_it_looks_at_the_slices_that_the_volume_is_stored_as(ready, shipped):
    ready.choose(ready.ui.axisComboBox, "Coronal")
    person.click(ready.ui.segmentFirstButton)
    ready.wait_for_end()
    assert ready.logic.document.stack.axis == 0
    found = load_segmenter(shipped, "cpu").segment(ready.logic.document.stack)
    assert np.array_equal(ready.mask(names(ready)["large disc"]), found == 1)


def test_an_empty_segment_becomes_the_first_structure(ready):
    segment = ready.add_segment()
    person.click(ready.ui.segmentFirstButton)
    ready.wait_for_end()
    assert names(ready)["large disc"] == segment
    assert len(names(ready)) == 2


def test_without_a_volume_the_button_says_what_is_missing(shipped, annotator):
    assert not annotator.ui.segmentFirstButton.enabled
    assert annotator.ui.segmentFirstButton.toolTip == "Load or choose a volume"


def test_an_installation_without_models_shows_none(unshipped, annotator):
    annotator.load(drifting_disc()[0])
    person.click(annotator.ui.optionsCollapsibleButton, 20, 8)
    assert annotator.ui.engineComboBox.visible
    assert annotator.ui.modelComboBox.count == 0
    assert not annotator.ui.segmentFirstButton.visible
