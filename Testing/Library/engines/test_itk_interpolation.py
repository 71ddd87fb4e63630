import numpy as np
import pytest
from phantoms import blank_stack, square

from SlicePropagationLib.engines import ENGINES, make_engine
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession


@pytest.fixture(scope="module")
def engine():
    pytest.importorskip("itk")
    return make_engine("itk_interpolation")


def walk(engine, anchors, run, count=8):
    return [mask > 0.5 for mask in engine.walk(blank_stack(count), run, anchors)]


def test_a_shape_that_does_not_change_is_filled_as_it_is(engine):
    same = square(6, 5, 8)
    filled = walk(engine, {1: same, 5: same}, Run(1, (2, 3, 4)))
    assert all(np.array_equal(mask, same) for mask in filled)
    assert len(filled) == 3


def test_a_growing_shape_grows_in_between(engine):
    anchors = {0: square(8, 8, 4), 6: square(5, 5, 10)}
    filled = walk(engine, anchors, Run(0, (1, 2, 3, 4, 5)))
    areas = [int(mask.sum()) for mask in filled]
    assert areas == sorted(areas)
    assert 16 <= areas[0] < areas[-1] <= 100


def test_both_directions_give_the_same_slices(engine):
    anchors = {0: square(4, 3, 6), 4: square(6, 6, 9)}
    up = walk(engine, anchors, Run(0, (1, 2, 3)))
    down = walk(engine, anchors, Run(4, (3, 2, 1)))
    assert np.array_equal(up, down[::-1])


def test_the_structure_is_not_continued_beyond_the_outermost_annotated_slice(engine):
    session = AnnotationSession(blank_stack(8), (1,))
    for index in (2, 5):
        session.annotate(1, index, square(6, 5, 8))
    for _ in propagate(session, engine, plan_session(session)):
        pass
    shown = session.masks(1).any(axis=(1, 2))
    assert np.flatnonzero(shown).tolist() == [2, 3, 4, 5]


def test_a_single_annotated_slice_and_an_empty_end_are_not_continued(engine):
    shown = square(6, 5, 8)
    empty = np.zeros_like(shown)
    assert walk(engine, {3: shown}, Run(3, (4, 5, 6, 7))) == []
    assert walk(engine, {1: shown, 5: empty}, Run(1, (2, 3, 4))) == []


def test_without_itk_the_engine_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("SlicePropagationLib.engines.util.find_spec", lambda name: None)
    assert not ENGINES["itk_interpolation"].is_ready
    with pytest.raises(ConfigError, match="needs itk"):
        make_engine("itk_interpolation")
