import numpy as np
from phantoms import drifting_disc

from SlicePropagationLib.cache import Cache
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.interpolation import ShapePrior
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession


def test_what_was_not_asked_for_the_longest_goes_first():
    cache = Cache(most_bytes=30)
    for key in "abc":
        cache.put(key, key.upper(), 10)
    assert cache.get("a") == "A"
    cache.put("d", "D", 10)
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert len(cache) == 3


def test_a_key_kept_again_does_not_count_twice_and_too_much_is_not_kept():
    cache = Cache(most_bytes=30)
    for value in range(5):
        cache.put("a", value, 20)
    cache.put("b", 1, 10)
    cache.put("c", 1, 31)
    assert [cache.get(key) for key in "abc"] == [4, 1, None]


def propagated(session):
    for _ in propagate(session, RegistrationEngine(), plan_session(session)):
        pass
    return session.masks(1)


def test_a_walk_from_an_anchor_that_stayed_is_not_registered_again_and_ends_alike(monkeypatch):
    stack, truth = drifting_disc()
    registered = []
    real = RegistrationEngine.register
    monkeypatch.setattr(
        RegistrationEngine,
        "register",
        staticmethod(lambda *arguments: registered.append(1) or real(*arguments)),
    )
    session = AnnotationSession(stack, (1,))
    session.annotate(1, 7, truth[7])
    propagated(session)
    first = len(registered)
    session.annotate(1, 10, truth[10])
    corrected = propagated(session)
    walked_from_new = len(registered) - first
    fresh_stack, _ = drifting_disc()
    fresh = AnnotationSession(fresh_stack, (1,))
    for index in (7, 10):
        fresh.annotate(1, index, truth[index])
    expected = propagated(fresh)
    assert np.array_equal(corrected[7:], expected[7:])  # the slices below were not walked again
    assert (
        0 < walked_from_new < len(registered) - first - walked_from_new
    )  # only the walks from the new anchor


def test_the_shape_of_a_gap_is_found_once_and_anew_when_an_anchor_has_changed():
    stack, truth = drifting_disc()
    anchors = {4: truth[4], 9: truth[9]}
    shape = ShapePrior.remembered(stack, (4, 9), anchors)
    assert ShapePrior.remembered(stack, (4, 9), dict(anchors)) is shape
    moved = {4: truth[4], 9: np.roll(truth[9], 3, axis=0)}
    other = ShapePrior.remembered(stack, (4, 9), moved)
    assert not np.array_equal(other.distance_at(8), shape.distance_at(8))
