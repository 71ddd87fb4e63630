"""An engine that learns from the annotated slices of a structure before it walks.

The network here is small and wrong in one direction, as one is that meets a structure drawn more
tightly than those it was taught on.
"""

import json
import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from phantoms import drifting_disc

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.adaptation import Adaptation, adapting
from SlicePropagationLib.engines.pnet.smoothed import SmoothedEngine
from SlicePropagationLib.engines.slice.lessons import (
    MOST_LESSONS,
    MOST_SLICES,
    Lesson,
    lesson_runs,
    tuned,
)
from SlicePropagationLib.engines.slice.slice_unet import SliceUNetEngine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.pnet.birnn import BiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.pipelines.replay import (
    decode_history,
    encode_history,
    renumbered,
    replay,
)
from SlicePropagationLib.planning import plan_runs
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession

ANCHORS = (4, 8, 12)
HOW = Adaptation(seed=1, steps=40)


def generous(too_much=4.0):
    """A small network that finds everything larger than it is."""
    torch.manual_seed(0)
    network = GuidedUNet(GuidedUNetConfig(base_channels=4, depth=2))
    with torch.no_grad():
        network.unet.head.bias[1] = too_much
    return SliceUNetEngine(network)


def annotated(anchors=ANCHORS, labels=(1,)):
    stack, truth = drifting_disc()
    session = AnnotationSession(stack, labels)
    for label in labels:
        for index in anchors:
            session.annotate(label, index, truth[index])
    return session, truth


def filled(engine, anchors=ANCHORS, labels=(1,)):
    session, truth = annotated(anchors, labels)
    walk(session, engine)
    return session, truth


def random_lesson(seed, size=48):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(8, size, size)).astype(np.float32)
    mask, inside = (rng.random((2, 1, size, size)) > 0.5).astype(np.float32)
    return Lesson(maps, rng.normal(size=5).astype(np.float32), mask, inside)


def last_of(generator):
    """What a generator returns."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def walk(session, engine):
    for _ in propagate(session, engine, plan_session(session), allow_overlap=True):
        pass


def score(session, truth):
    return dice(session.masks(1)[4:12], truth[4:12])


def test_what_the_network_does_wrong_on_annotated_slices_it_does_better_between_them():
    engine = generous()
    before, truth = filled(engine)
    after, _ = filled(engine.adapting(HOW))
    assert score(after, truth) > score(before, truth) + 0.01


def test_annotated_slices_stay_as_they_were_drawn():
    session, truth = filled(generous().adapting(HOW))
    for index in ANCHORS:
        assert np.array_equal(session.mask(1, index), truth[index])


def test_two_annotated_slices_are_too_few_to_learn_from():
    engine = generous()
    plain, _ = filled(engine, ANCHORS[:2])
    adapted, _ = filled(engine.adapting(HOW), ANCHORS[:2])
    assert np.array_equal(plain.masks(1), adapted.masks(1))


def test_the_network_itself_stays_as_it_was():
    engine = generous()
    before, _ = filled(engine)
    filled(engine.adapting(HOW))
    after, _ = filled(engine)
    assert np.array_equal(before.masks(1), after.masks(1))


def test_what_one_label_or_image_taught_says_nothing_to_another():
    engine = generous().adapting(HOW)
    session, truth = annotated()
    anchors = {index: truth[index] for index in ANCHORS}
    first, *_ = plan_runs(ANCHORS, len(truth))
    assert list(engine.prepare(session.stack, first, anchors))
    other_label, *_ = plan_runs(ANCHORS, len(truth), label=2)
    assert list(engine.prepare(session.stack, other_label, anchors))
    assert list(engine.prepare(session.stack, other_label, anchors)) == []
    other_image, _ = drifting_disc()
    assert list(engine.prepare(other_image, other_label, anchors))


def test_a_machine_with_more_threads_learns_the_same():
    usual = torch.get_num_threads()
    learned = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            torch.manual_seed(0)
            network = GuidedUNet(GuidedUNetConfig(base_channels=24, depth=4)).eval()
            lessons = [random_lesson(number) for number in range(12)]
            learned.append(last_of(tuned(network, lessons, Adaptation(steps=3))))
    finally:
        torch.set_num_threads(usual)
    assert all(torch.equal(learned[0][name], learned[1][name]) for name in learned[0])


def test_an_empty_slice_that_was_confirmed_is_learned_from():
    _, truth = annotated()
    anchors = {index: truth[index] for index in (4, 8)} | {14: np.zeros_like(truth[0])}
    arrivals = {run.targets[-1] for run, _ in lesson_runs(1, anchors)}
    assert arrivals == {4, 8, 14}


def test_a_lesson_does_not_know_the_slice_that_it_arrives_at():
    _, truth = annotated()
    anchors = {index: truth[index] for index in ANCHORS}
    for run, known in lesson_runs(1, anchors):
        assert set(known) == set(ANCHORS) - {run.targets[-1]}
        assert run.anchor in known


def test_however_much_is_annotated_lessons_are_few_and_the_nearest():
    mask = np.ones((4, 4), bool)
    near = dict.fromkeys(range(0, 100, 2), mask)
    assert len(list(lesson_runs(1, near))) == MOST_LESSONS
    far = dict.fromkeys((0, 50, 100, 1000), mask)
    walked = [len(run.targets) for run, _ in lesson_runs(1, far)]
    assert walked == [50, 50]
    assert sum(walked) <= MOST_SLICES


def test_a_correction_leaves_the_gaps_that_it_does_not_touch():
    engine = generous().adapting(HOW)
    session, truth = filled(engine)
    before = session.masks(1)
    session.annotate(1, 13, np.roll(truth[13], 1, axis=0))
    walk(session, engine)
    after = session.masks(1)
    assert np.array_equal(before[:12], after[:12])
    assert not np.array_equal(before[13:], after[13:])


def test_the_history_says_how_and_from_what_was_learned_and_doing_it_again_gives_the_same():
    engine = generous()
    session, truth = filled(engine.adapting(HOW))
    session.annotate(1, 6, truth[6])
    walk(session, engine.adapting(Adaptation(seed=7, steps=5)))
    text = json.dumps(encode_history(session.history))
    runs = [event for event in json.loads(text) if event["event"] == "run"]
    assert [event["adapt"] for event in runs] == [
        {"seed": 1, "steps": 40, "annotated": [{"label": 1, "slices": [4, 8, 12]}]},
        {"seed": 7, "steps": 5, "annotated": [{"label": 1, "slices": [4, 6, 8, 12]}]},
    ]
    again = AnnotationSession(session.stack, (1,))
    replay(again, decode_history(json.loads(text), session.stack), lambda name: engine)
    assert np.array_equal(again.masks(1), session.masks(1))


def test_a_run_that_learned_nothing_is_done_again_without_learning():
    engine = generous()
    session, _ = filled(engine)
    assert "adapt" not in session.history[-1]
    again = AnnotationSession(session.stack, (1,))
    history = decode_history(encode_history(session.history), session.stack)
    replay(again, history, lambda name: engine.adapting(HOW))
    assert np.array_equal(again.masks(1), session.masks(1))


def test_an_edit_while_it_walks_is_learned_from_and_done_again():
    engine = generous()
    session, truth = annotated()
    steps = propagate(session, engine.adapting(HOW), plan_session(session))
    next(steps)
    session.annotate(1, 6, np.roll(truth[6], 1, axis=1))
    for _ in steps:
        pass
    again = AnnotationSession(session.stack, (1,))
    replay(again, session.history, lambda name: engine)
    assert np.array_equal(again.masks(1), session.masks(1))


def test_a_history_with_other_labels_says_what_they_learned_from():
    session, _ = filled(generous().adapting(HOW))
    other = renumbered(session.history, {1: 5})
    assert other[-1]["adapt"]["annotated"] == [{"label": 5, "slices": list(ANCHORS)}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1, "steps": 5, "annotated": []},
        {"seed": 1, "steps": 10**9, "annotated": []},
        {"seed": 1, "steps": 5, "annotated": [{"label": 1, "slices": [99]}]},
        {"seed": 1, "steps": 5, "annotated": [{"label": 0, "slices": [4]}]},
        {"seed": 1, "steps": 5},
        "always",
        None,
    ],
)
def test_a_history_that_learned_in_no_way_of_ours_is_refused(wrong):
    session, _ = filled(generous().adapting(HOW))
    event = encode_history(session.history)[-1]
    with pytest.raises(InputError, match="event 1 is none"):
        decode_history([{**event, "adapt": wrong}], session.stack)


def test_a_stop_while_it_learns_ends_the_run_before_the_first_slice():
    engine = generous().adapting(HOW)
    session, _ = annotated()
    asked = []

    def is_stopped():
        asked.append(1)
        return len(asked) == 20

    steps = propagate(session, engine, plan_session(session), is_stopped=is_stopped)
    assert list(steps) == []
    assert len(asked) == 20
    assert session.areas(1).nonzero()[0].tolist() == list(ANCHORS)
    again = AnnotationSession(session.stack, (1,))
    replay(again, session.history, lambda name: engine)
    assert np.array_equal(again.masks(1), session.masks(1))


def test_what_was_stopped_is_learned_anew_and_whole():
    engine = generous().adapting(HOW)
    session, _ = annotated()
    runs = plan_session(session)
    assert list(propagate(session, engine, runs, is_stopped=lambda: True)) == []
    walk(session, engine)
    whole, _ = filled(engine.adapting(HOW))
    assert np.array_equal(session.masks(1), whole.masks(1))


def test_the_same_slices_are_learned_from_once():
    engine = generous().adapting(HOW)
    session, truth = annotated()
    anchors = {index: truth[index] for index in ANCHORS}
    first, second, *_ = plan_runs(ANCHORS, len(truth))
    assert sum(1 for _ in engine.prepare(session.stack, first, anchors)) > HOW.steps
    assert list(engine.prepare(session.stack, second, anchors)) == []
    moved = {**anchors, 8: np.roll(truth[8], 1, axis=0)}
    assert list(engine.prepare(session.stack, second, moved))


def test_an_engine_with_nothing_to_tune_says_so_and_walks_as_always(caplog):
    with caplog.at_level(logging.WARNING):
        engine = make_engine("registration+adapt")
    assert caplog.text.count("nothing that could learn") == 1
    plain, _ = filled(make_engine("registration"))
    session, _ = filled(engine)
    assert np.array_equal(plain.masks(1), session.masks(1))
    assert "adapt" not in session.history[-1]


def test_learning_goes_on_below_a_smoother():
    torch.manual_seed(0)
    smoothed = SmoothedEngine(generous(), BiRNN(BiRNNConfig()))
    adapted = adapting(smoothed, HOW)
    plain, _ = filled(smoothed)
    session, _ = filled(adapted)
    assert session.history[-1]["adapt"]["steps"] == HOW.steps
    assert session.history[-1]["engine"] == "slice_unet+birnn"
    assert not np.array_equal(plain.masks(1), session.masks(1))
