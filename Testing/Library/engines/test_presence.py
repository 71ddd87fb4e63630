"""Whether a structure goes on behind the end of its walk: facts, the network, and what is asked for."""

import json

import numpy as np
import pytest

from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.distance import equivalent_radius, signed_distance
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.presence import walk
from SlicePropagationLib.engines.presence.facts import FACTS, Look, Surroundings
from SlicePropagationLib.engines.presence.network import (
    SHAPES,
    PresenceNetwork,
    load_presence,
    shipped_presence,
)
from SlicePropagationLib.engines.warped_anchor import WarpedAnchor
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

SIZE = 48


def round_mask(radius, size=SIZE):
    rows, columns = np.indices((size, size)) - size // 2
    return rows**2 + columns**2 <= radius**2


def textured(truth, seed=0):
    """A stack whose structure is brighter than what is around it, with noise."""
    noise = np.random.default_rng(seed).normal(0, 0.3, truth.shape)
    return SliceStack((truth + noise).astype(np.float32), (2.0, 1.0, 1.0))


def tube(count=60, last=55):
    truth = np.zeros((count, SIZE, SIZE), bool)
    truth[2 : last + 1] = round_mask(5)
    return truth


def ball(count=60, middle=10, radius=9):
    truth = np.zeros((count, SIZE, SIZE), bool)
    for index in range(count):
        square = radius**2 - (2 * (index - middle)) ** 2  # slices are 2 mm thick
        if square > 0:
            truth[index] = round_mask(np.sqrt(square))
    return truth


def weights(units=4, seed=0):
    """Random weights of a small network."""
    rng = np.random.default_rng(seed)
    sizes = {"F": len(FACTS), "H": units, "G": 3 * units, "1": 1}
    made = {
        name: rng.normal(0, 0.5, [sizes[letter] for letter in letters])
        for name, letters in SHAPES.items()
    }
    made["scale"] = np.abs(made["scale"]) + 0.5
    return {name: values.astype(np.float32) for name, values in made.items()}


def facts_of_walk(truth, stack, anchor, step=1, others=()):
    anchors = {index: truth[index] for index in (anchor, *others)}
    end = len(truth) if step > 0 else -1
    run = Run(anchor, tuple(range(anchor + step, end, step)))
    return np.stack(list(walk.facts_of(RegistrationEngine(), stack, run, anchors)))


def test_the_outline_that_fits_the_intensities_best_is_found():
    evidence = np.where(round_mask(6), 1.0, -1.0)
    radius = equivalent_radius(round_mask(10).sum())
    look = Look.of(signed_distance(round_mask(10), (1.0, 1.0)), evidence, radius)
    shrink, gain = look.best_shrink()
    assert shrink * radius == pytest.approx(4, abs=0.7)
    assert gain > 0.3
    assert Look.of(signed_distance(round_mask(6), (1.0, 1.0)), evidence, 6).contrast == 2


def test_facts_are_the_same_for_every_scale_of_intensities_and_of_space():
    truth = tube(20, 12)
    stack = textured(truth)
    facts = facts_of_walk(truth, stack, 5)
    brighter = SliceStack(900 + 40 * stack.images, stack.spacing_mm)
    larger = SliceStack(stack.images, tuple(3 * step for step in stack.spacing_mm))
    assert facts_of_walk(truth, brighter, 5) == pytest.approx(facts, abs=0.05)
    assert facts_of_walk(truth, larger, 5) == pytest.approx(facts, abs=0.05)


def test_facts_know_what_other_slices_say():
    radii = {5: 4.0, 8: 3.0, 11: 0.0, 2: 5.0}
    found = Surroundings.of(Run(8, (9, 10)), radii, 1.0)
    assert found.num_shown == 3
    assert found.to_empty == 3
    assert found.narrowing == pytest.approx((16 - 9) / (3 * 3))
    assert found.span == pytest.approx(6 / 3)
    alone = Surroundings.of(Run(8, (7, 6)), {8: 3.0}, 1.0)
    assert (alone.to_empty, alone.narrowing, alone.span) == (None, 0.0, 0.0)


def test_numpy_and_torch_compute_the_same():
    torch = pytest.importorskip("torch")
    from SlicePropagationLib.networks.presence.config import PresenceRNNConfig
    from SlicePropagationLib.networks.presence.presence_rnn import PresenceRNN

    trained = PresenceRNN(PresenceRNNConfig(units=4))
    trained.load_state_dict({name: torch.from_numpy(values) for name, values in weights().items()})
    facts = np.random.default_rng(1).normal(size=(12, len(FACTS))).astype(np.float32)
    with torch.inference_mode():
        expected = trained(torch.from_numpy(facts)[None]).sigmoid()[0].numpy()
    network = PresenceNetwork(weights())
    state = network.start()
    found = []
    for slice_facts in facts:
        probability, state = network.read(slice_facts, state)
        found.append(probability)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("damage", ["cut off", "another shape", "a name too few", "not its card's"])
def test_weights_that_are_not_whole_are_refused_in_words(damage, tmp_path):
    path = tmp_path / "presence_rnn.npz"
    made = weights()
    if damage == "another shape":
        made["leave.weight"] = made["leave.weight"][:, 1:]
    if damage == "a name too few":
        del made["mean"]
    np.savez(path, **made)
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:300])
    if damage == "not its card's":
        path.with_suffix(".json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(CheckpointError):
        load_presence(path)


def test_nobody_looks_on_where_the_structure_is_thought_to_be_gone():
    truth = tube(40, 30)
    never = weights()
    never["leave.weight"][:] = 0
    never["leave.bias"][:] = -9
    run = Run(5, tuple(range(6, 40)))
    told = walk.presence(
        RegistrationEngine(), PresenceNetwork(never), textured(truth), run, {5: truth[5]}
    )
    assert len(list(told)) == walk.PATIENCE


@pytest.mark.parametrize("num_walked", [0, 1, 12, 25])
def test_what_a_walk_has_passed_is_not_looked_at_again_and_the_facts_stay_the_same(
    num_walked, monkeypatch
):
    truth = tube(40, 20)
    fresh, walked = textured(truth), textured(truth)
    expected = facts_of_walk(truth, fresh, 5)
    run = Run(5, tuple(range(6, 40)))
    steps = walk.noted(RegistrationEngine(), walked, run, {5: truth[5]})
    for _ in range(num_walked):
        next(steps)
    looked_at = []
    likeness = WarpedAnchor.likeness

    def counted(warped, ring_mm):
        looked_at.append(warped.index)
        return likeness(warped, ring_mm)

    monkeypatch.setattr(WarpedAnchor, "likeness", counted)
    assert np.array_equal(facts_of_walk(truth, walked, 5), expected)
    assert looked_at == list(run.targets[num_walked:])


def test_facts_are_found_anew_once_another_slice_is_annotated():
    truth = tube(40, 20)
    fresh, walked = textured(truth), textured(truth)
    list(RegistrationEngine().walk(walked, Run(5, tuple(range(6, 40))), {5: truth[5]}))
    expected = facts_of_walk(truth, fresh, 5, others=(3,))
    assert np.array_equal(facts_of_walk(truth, walked, 5, others=(3,)), expected)


def test_along_time_nothing_is_said_of_an_end():
    truth = tube(20, 12)
    stack = SliceStack(truth.astype(np.float32), is_time=True)
    run = Run(5, tuple(range(6, 20)))
    assert RegistrationEngine().presence(stack, run, {5: truth[5]}) is None


@pytest.mark.skipif(shipped_presence() is None, reason="the shipped weights are not there")
def test_a_tube_is_asked_for_far_behind_the_end_of_its_walk_and_a_ball_is_not():
    asked = {}
    for name, truth, drawn in (("tube", tube(), 5), ("ball", ball(), 10)):
        session = AnnotationSession(textured(truth), (1,))
        session.annotate(1, drawn, truth[drawn])
        list(propagate(session, make_engine("registration"), plan_session(session)))
        shown = np.flatnonzero(session.areas(1))
        asked[name] = next_slice_to_correct(session, 1) - shown[-1]
    assert asked["tube"] > 20
    assert asked["ball"] < 8
