"""*Segment first* on nodes: what a model finds is predicted, kept, corrected, undone in one step."""

import sys

import numpy as np
import pytest

pytest.importorskip("torch")

from model_files import write_segmenter
from SlicePropagationMRML.nodes import geometry
from SlicePropagationMRML.presenting.messages import reasonTexts
from SlicePropagationMRML.presenting.review import explainSlice
from SlicePropagationMRML.run.events import Finished

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.mapped_slices import MappedSlices
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.segmenters.cine.frame_unet import FrameSegmenter
from SlicePropagationLib.session import Provenance

BOTH = {1: "disc", 2: "rest"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_segmenter(tmp_path_factory.mktemp("models") / "discs.pt"))


@pytest.fixture
def opened(bench):
    bench.open("disc", "rest")
    return bench


def first(bench, model, structures=BOTH, **options):
    bench.logic.segmentFirst(model, structures, "cpu", **options)
    bench.logic.runToEnd()


def test_segments_get_what_the_model_finds_as_predictions(opened, model):
    first(opened, model)
    truth = load_segmenter(model, "cpu").segment(opened.logic.document.stack)
    for own, segmentID in BOTH.items():
        assert np.array_equal(opened.mask(segmentID), truth == own)
    assert (opened.logic.session.provenance == Provenance.PROPAGATED).all()
    assert opened.logic.document.engineName == model
    reasons = explainSlice(opened.logic.session, 1, 7)
    assert reasonTexts(reasons, 7)[0] == f"Found by the model {model}"


def test_a_model_that_needs_all_voxels_gets_those_of_a_large_volume_too(bench, model, monkeypatch):
    seen = []
    segment = FrameSegmenter.parts

    def look_and_segment(self, stack):
        seen.append(stack.images)
        return segment(self, stack)

    monkeypatch.setattr(FrameSegmenter, "parts", look_and_segment)
    monkeypatch.setattr(FrameSegmenter, "takes_mapped", False)
    monkeypatch.setattr(geometry, "LARGE_BYTES", 1)
    bench.open("disc", "rest")
    first(bench, model)
    assert isinstance(bench.logic.document.stack.images, MappedSlices)
    assert type(seen[0]) is np.ndarray
    truth = load_segmenter(model, "cpu").segment(bench.logic.document.stack.in_memory())
    for own, segmentID in BOTH.items():
        assert np.array_equal(bench.mask(segmentID), truth == own)


def test_a_drawn_slice_stays_and_the_rest_is_up_to_date(opened, model):
    opened.draw("disc", 7, opened.truth[7])
    first(opened, model)
    assert np.array_equal(opened.mask("disc")[7], opened.truth[7])
    assert opened.logic.session.is_anchor(1, 7)
    assert not opened.logic.start("copy")


def test_a_run_goes_out_from_a_correction_and_leaves_other_segments(opened, model):
    first(opened, model)
    opened.draw("disc", 7, opened.truth[7])
    before = opened.mask("rest")
    opened.run("copy")
    assert np.array_equal(opened.mask("rest"), before)
    assert np.array_equal(opened.mask("disc")[8], opened.truth[7] & ~before[8])


def test_undo_takes_it_back_in_one_step_and_redo_brings_predictions_back(opened, model):
    first(opened, model)
    found = opened.mask("disc")
    assert opened.logic.undo()
    assert not opened.mask("disc").any()
    assert not opened.mask("rest").any()
    assert opened.logic.redo()
    assert np.array_equal(opened.mask("disc"), found)
    assert (opened.logic.session.provenance == Provenance.PROPAGATED).all()


def test_a_result_that_is_held_back_changes_no_segment_before_it_is_kept(opened, model):
    first(opened, model, holdsResult=True)
    assert opened.logic.hasPartialResult
    assert not opened.mask("disc").any()
    opened.logic.keep()
    assert opened.mask("disc").any()


def test_stopped_before_the_model_has_seen_all_nothing_is_written_and_it_is_said(opened, model):
    problems = opened.told(Finished, "problem")
    opened.logic.segmentFirst(model, BOTH, "cpu")
    opened.stepOnce()
    opened.logic.stop()
    opened.logic.runToEnd()
    assert "nothing was written" in str(problems[0])
    assert not opened.logic.hasPartialResult
    assert not opened.mask("disc").any()
    first(opened, model)
    assert opened.mask("disc").any()


def test_drawing_meanwhile_is_kept(opened, model):
    opened.logic.segmentFirst(model, BOTH, "cpu")
    opened.stepOnce()
    opened.draw("disc", 7, opened.truth[7])
    opened.logic.look()
    opened.logic.runToEnd()
    assert np.array_equal(opened.mask("disc")[7], opened.truth[7])
    assert opened.logic.session.is_anchor(1, 7)
    assert opened.mask("rest").any()


def test_an_unknown_model_ends_the_run_with_the_names_there_are(opened):
    problems = opened.told(Finished, "problem")
    first(opened, "nothing-of-that-name")
    assert "There is no model 'nothing-of-that-name'" in str(problems[0])
    assert not opened.logic.isRunning


def test_without_pytorch_it_is_refused_at_once(opened, model, monkeypatch):
    monkeypatch.setattr("SlicePropagationMRML.run.first_models.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs PyTorch"):
        opened.logic.segmentFirst(model, BOTH)
    assert not opened.logic.isRunning
    assert "torch" in sys.modules  # it is there all the time
