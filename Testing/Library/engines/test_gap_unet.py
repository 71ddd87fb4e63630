"""The engine that fills a whole gap keeps the contract of an engine, whatever its weights are."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")

from engine_phantoms import anchors_of, cylinder, moving_disc, propagate_with, sphere, stack_of

from SlicePropagationLib.engines.gap.gap_unet import REACH, GapUNetEngine
from SlicePropagationLib.engines.model_file import engine_of_file
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.metrics import dice_without
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.networks.gap.config import GapUNetConfig
from SlicePropagationLib.networks.gap.gap_unet import GapUNet
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.gap.task import GapTaskConfig

SMALL = GapUNetConfig(widths=(4, 8, 8, 8), key_channels=4, scalar_channels=8)


@pytest.fixture
def engine():
    """An engine with small random weights that change what registration says a little."""
    torch.manual_seed(3)
    network = GapUNet(SMALL)
    torch.nn.init.normal_(network.edge_head.leave.weight, std=0.02)
    made = GapUNetEngine(network)
    made.model_sha256 = "of random weights"
    return made


def masks_of(session):
    return np.stack([session.mask(1, index) for index in range(len(session.stack))])


def test_a_structure_on_all_slices_is_found_between_and_beyond_the_annotated_ones(engine):
    masks = sphere()
    found = propagate_with(engine, stack_of(masks), anchors_of(masks, 8, 12)) >= 0.5
    assert dice_without(found, masks, [8, 12]) > 0.8


def test_both_walks_of_a_gap_are_one_prediction(engine):
    masks = moving_disc()
    stack = stack_of(masks)
    anchors = anchors_of(masks, 5, 9)
    up = list(engine.walk(stack, Run(5, (6, 7, 8)), anchors))
    down = list(engine.walk(stack, Run(9, (8, 7, 6)), anchors))
    np.testing.assert_array_equal(up[0], down[2])


def test_the_confidence_of_a_slice_is_the_dice_that_the_network_expects(engine):
    torch.nn.init.normal_(engine.network.slice_head[-1].weight, std=0.5)
    masks = sphere()
    session = AnnotationSession(stack_of(masks), labels=(1,))
    for index in (8, 12):
        session.annotate(1, index, masks[index])
    for _ in propagate(session, engine, plan_session(session)):
        pass
    run = Run(8, (9, 10, 11), label=1)
    list(engine.walk(session.stack, run, anchors_of(masks, 8, 12)))
    expected = [engine.quality(run, index) for index in run.targets]
    assert session.confidence[0, 9:12] == pytest.approx(expected)
    assert len(set(expected)) == 3
    assert np.nanmin(session.confidence) >= 0


def test_an_empty_slice_at_one_end_of_a_gap_is_walked_from_with_its_quality_too(engine):
    masks = sphere()
    session = AnnotationSession(stack_of(masks), labels=(1,))
    session.annotate(1, 8, masks[8])
    session.confirm(1, 12)
    for _ in propagate(session, engine, plan_session(session)):
        pass
    expected = [engine.quality(Run(8, (9, 10, 11)), index) for index in (9, 10, 11)]
    shown = [bool(session.mask(1, index).any()) for index in (9, 10, 11)]
    assert any(shown)
    for index, is_shown, quality in zip((9, 10, 11), shown, expected, strict=True):
        assert not is_shown or session.confidence[0, index] == pytest.approx(quality)


def test_the_same_question_has_the_same_answer_on_a_stack_never_seen(engine):
    masks = sphere()
    first = propagate_with(engine, stack_of(masks), anchors_of(masks, 10))
    second = propagate_with(engine, stack_of(masks), anchors_of(masks, 10))
    np.testing.assert_array_equal(first, second)


def test_a_correction_changes_nothing_outside_its_gaps(engine):
    masks = moving_disc(step=0.5)
    session = AnnotationSession(stack_of(masks))
    for index in (3, 10, 17):
        session.annotate(1, index, masks[index])
    for _ in propagate(session, engine, plan_session(session)):
        pass
    before = masks_of(session)
    corrected = np.roll(masks[6], 2, axis=1)
    session.annotate(1, 6, corrected)
    for _ in propagate(session, engine, plan_session(session)):
        pass
    after = masks_of(session)
    np.testing.assert_array_equal(after[6], corrected)
    np.testing.assert_array_equal(after[10:], before[10:])
    np.testing.assert_array_equal(after[:4], before[:4])


def test_a_long_structure_is_followed_window_after_window(engine):
    disc = cylinder()[0]
    masks = np.repeat(disc[None], 2 * REACH + 20, axis=0)
    engine.network.slice_head[-1].bias.data[0] = 9.0
    rng = np.random.default_rng(0)
    images = masks + 0.05 * rng.standard_normal(masks.shape)
    stack = SliceStack(images.astype(np.float32), (0.05, 1.0, 1.0))
    walk = engine.walk(stack, Run(0, tuple(range(1, len(masks)))), {0: disc})
    shown = [bool((probability >= 0.5).any()) for probability in walk]
    assert len(shown) == len(masks) - 1
    assert sum(shown) > REACH


def test_nothing_comes_from_an_empty_anchor(engine):
    masks = sphere()
    anchors = {2: np.zeros_like(masks[2]), 10: masks[10]}
    assert not list(engine.walk(stack_of(masks), Run(2, (1, 0)), anchors))


def test_weights_in_a_model_file_make_the_same_engine(engine, tmp_path):
    path = tmp_path / "gap.pt"
    save_checkpoint(path, "gap_unet", GapTaskConfig(SMALL), engine.network.state_dict())
    masks = sphere()
    read = engine_of_file(path, "cpu")
    assert read.name == "gap_unet"
    of_file = propagate_with(read, stack_of(masks), anchors_of(masks, 10))
    np.testing.assert_allclose(
        of_file, propagate_with(engine, stack_of(masks), anchors_of(masks, 10)), atol=1e-5
    )


def test_a_model_file_that_lacks_its_configuration_is_refused(engine, tmp_path):
    path = tmp_path / "gap.pt"
    save_checkpoint(path, "gap_unet", {"network": {"widths": [4]}}, engine.network.state_dict())
    with pytest.raises(CheckpointError, match="widths"):
        engine_of_file(path, "cpu")
