"""The contract holds around the real SAM 2, whatever its weights say: here they are random."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")
pytest.importorskip("sam2", reason="needs the package sam2 (see docs/own-engine.md)")

from engine_phantoms import anchors_of, disc, stack_of

from SlicePropagationLib.engines import make_engine, model_hash
from SlicePropagationLib.engines.sam2.weights import SIZES, configuration_of
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession

SIZE = 64  # pixels: seconds on a CPU
TINY = "configs/sam2.1/sam2.1_hiera_t.yaml"
THERE = "sam_mask_decoder.pred_obj_score_head.layers.2.bias"
OUTPUT = "sam_mask_decoder.output_hypernetworks_mlps.{}.layers.2.bias"


def predictor_of(configuration):
    from sam2.build_sam import build_sam2_video_predictor

    torch.manual_seed(5)
    return build_sam2_video_predictor(configuration, device="cpu", apply_postprocessing=False)


@pytest.fixture(scope="module")
def weights():
    """Random weights that believe that the structure is everywhere."""
    made = dict(predictor_of(TINY).state_dict())
    made[THERE] = made[THERE] + 10.0
    for number in range(4):  # contrasts that no rounding blurs
        name = OUTPUT.format(number)
        made[name] = 3.0 * torch.randn(made[name].shape, generator=torch.manual_seed(number))
    return made


@pytest.fixture(scope="module")
def path(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("sam2") / "tiny.pt"
    torch.save({"model": weights}, path)
    return path


@pytest.fixture(scope="module")
def engine(path):
    return make_engine(f"sam2:{path}@{SIZE}", "cpu")


@pytest.fixture(scope="module")
def masks():
    """(8, H, W) bool: a disc that moves."""
    return np.stack([disc(8.0, (18.0 + index, 24.0)) for index in range(8)])


def session_of(masks, *indices):
    session = AnnotationSession(stack_of(masks), (1,))
    for index in indices:
        session.annotate(1, index, masks[index])
    return session


def run_all(session, engine):
    return list(propagate(session, engine, plan_session(session)))


def test_a_checkpoint_as_it_is_published_is_an_engine_with_its_hash(engine):
    assert engine.name == f"sam2@{SIZE}"
    assert len(str(model_hash(engine))) == 64
    assert engine.predictor.image_size == SIZE


@pytest.mark.parametrize("version", ["2", "2.1"])
@pytest.mark.parametrize("size", ["t", "s"])
def test_each_configuration_of_the_package_is_found_by_the_weights_it_makes(size, version):
    name = f"configs/sam{version}/sam{version}_hiera_{size}.yaml"
    assert configuration_of("w.pt", predictor_of(name).state_dict()) == name
    assert size in SIZES.values()


def test_weights_that_miss_a_layer_are_refused(weights, tmp_path):
    left = {name: value for name, value in weights.items() if name != THERE}
    torch.save({"model": left}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="not those of a model of SAM 2"):
        make_engine(f"sam2:{tmp_path / 'w.pt'}@{SIZE}", "cpu")


def test_annotated_slices_stay_as_drawn_and_a_correction_changes_only_its_gaps(engine, masks):
    session = session_of(masks[:6], 1, 4)
    run_all(session, engine)
    before = session.masks(1)
    assert [bool(before[index].any()) for index in (0, 2, 3, 5)] == [True] * 4
    corrected = np.roll(masks[3], 3, axis=1)
    session.annotate(1, 3, corrected)
    assert {step.index for step in run_all(session, engine)} == {2}
    after = session.masks(1)
    np.testing.assert_array_equal(after[3], corrected)
    np.testing.assert_array_equal(after[[1, 4]], masks[[1, 4]])
    np.testing.assert_array_equal(after[[0, 5]], before[[0, 5]])


def test_a_run_can_be_stopped_after_a_slice_and_undone(engine, masks):
    session = session_of(masks, 3)
    drawn = session.masks(1)
    steps = propagate(session, engine, plan_session(session))
    next(steps)
    steps.close()
    assert session.masks(1).any(axis=(1, 2)).sum() == 2
    session.undo()
    np.testing.assert_array_equal(session.masks(1), drawn)


def test_the_same_question_has_the_same_answer_alone_and_beside_another_walk(engine, masks):
    stack = stack_of(masks)
    anchors = anchors_of(masks, 3)
    alone = list(engine.walk(stack, Run(3, (4, 5)), anchors))
    up = engine.walk(stack, Run(3, (4, 5)), anchors)
    down = engine.walk(stack, Run(3, (2, 1)), anchors)
    together = [next(walk) for walk in (up, down, up)]
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[2], alone[1])
    assert alone[0].shape == stack.slice_shape
    assert alone[0].dtype == np.float32


def test_it_looks_at_image_and_mask(engine, masks):
    run = Run(3, (4,))
    stack = stack_of(masks)
    usual = next(engine.walk(stack, run, anchors_of(masks, 3)))
    other_mask = next(engine.walk(stack, run, {3: np.roll(masks[3], 9, axis=1)}))
    other_image = next(engine.walk(stack_of(masks, noise=1.0), run, anchors_of(masks, 3)))
    assert not np.array_equal(usual, other_mask)
    assert not np.array_equal(usual, other_image)


def test_no_progress_is_drawn_and_no_file_is_left(engine, masks, capfd, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    next(engine.walk(stack_of(masks), Run(3, (4,)), anchors_of(masks, 3)))
    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path) == []
