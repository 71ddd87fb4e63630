import numpy as np
import pytest
from phantoms import RepeatingEngine, blank_stack, drifting_disc, square

from SlicePropagationLib.engines import ENGINES, FALLBACK_ENGINE, default_engine, make_engine
from SlicePropagationLib.errors import ConfigError, NoAnchorError
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.replay import replay
from SlicePropagationLib.planning import plan_runs
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession, Provenance

A = 1
B = 2
LEFT = square(2, 2, 8)
RIGHT = square(2, 6, 8)  # they share columns 6 to 9


def run_all(session, engine, **options):
    return list(propagate(session, engine, plan_session(session), **options))


@pytest.fixture
def session():
    return AnnotationSession(blank_stack(), (A, B))


def test_every_slice_is_filled_from_one_seed(session):
    session.annotate(A, 3, LEFT)
    predictions = run_all(session, RepeatingEngine())
    assert sorted(p.index for p in predictions) == [0, 1, 2, 4, 5, 6, 7]
    assert all(np.array_equal(session.mask(A, index), LEFT) for index in range(8))


def test_progress_counts_every_slice_once(session):
    session.annotate(A, 3, LEFT)
    predictions = run_all(session, RepeatingEngine())
    assert [p.step for p in predictions] == [1, 2, 3, 4, 5, 6, 7]
    assert {p.num_steps for p in predictions} == {7}


def test_anchors_stay_bit_identical(session):
    drawn = np.random.default_rng(1).random((20, 20)) > 0.5
    for index in (1, 6):
        session.annotate(A, index, drawn)
    run_all(session, RepeatingEngine(0.7))
    assert all(np.array_equal(session.mask(A, index), drawn) for index in (1, 6))


def test_two_walks_of_a_gap_are_blended_by_distance(session):
    session.annotate(A, 2, LEFT)
    session.annotate(A, 5, RIGHT)
    run_all(session, RepeatingEngine())
    assert np.array_equal(session.mask(A, 3), LEFT)  # weight 2/3 for the left walk
    assert np.array_equal(session.mask(A, 4), RIGHT)


def test_a_slice_is_final_once_both_walks_have_passed(session):
    session.annotate(A, 1, LEFT)
    session.annotate(A, 4, LEFT)
    inside = [
        (p.index, p.is_final)
        for p in propagate(session, RepeatingEngine(), plan_runs([1, 4], 8, {2}, label=A))
        if 1 < p.index < 4
    ]
    assert sorted(inside) == [(2, False), (2, True), (3, False), (3, True)]


def test_an_engine_that_stops_early_ends_the_structure(session):
    session.annotate(A, 3, LEFT)
    run_all(session, RepeatingEngine(reach=2))
    assert np.flatnonzero(session.areas(A)).tolist() == [1, 2, 3, 4, 5]
    assert session.waiting(A) == []


class KnowingEngine(RepeatingEngine):
    """Says how probable it is that the structure is on each slice, up to `told` of them."""

    def __init__(self, reach, told):
        super().__init__(reach=reach)
        self.told = told

    def walk(self, stack, run, anchors):
        reach = self.reach[run.label] if isinstance(self.reach, dict) else self.reach
        for _ in run.targets[:reach]:
            yield anchors[run.anchor].astype(np.float32)

    def presence(self, stack, run, anchors):
        return iter([1 - 0.1 * number for number in range(1, self.told + 1)])


def test_behind_the_end_of_a_walk_the_engine_says_how_sure_it_is_that_nothing_is_there():
    session = AnnotationSession(blank_stack(8), (1,))
    session.annotate(1, 0, square(4, 4, 8))
    steps = run_all(session, KnowingEngine(reach=2, told=4))
    assert [step.index for step in steps] == [1, 2, 3, 4, 5]
    assert [step.step for step in steps] == [1, 2, 3, 4, 7]
    assert session.areas(1)[3:].sum() == 0
    told = [session.confidence[0][index] for index in (3, 4)]
    assert told == pytest.approx([0.3, 0.4])  # the third and the fourth of what it says
    assert session.confidence[0][5:] == pytest.approx(1.0)  # it sees no more reason to look


def test_however_far_an_engine_looks_the_end_of_a_walk_is_one_step_of_the_history():
    """Records of programs that did not look count so, and other labels walk on beside it."""
    session = AnnotationSession(blank_stack(12), (1, 2))
    session.annotate(1, 0, square(4, 4, 8))
    session.annotate(2, 0, square(14, 14, 4))
    engine = KnowingEngine(reach={1: 2, 2: 9}, told=7)
    run_all(session, engine)
    assert session.history[-1]["steps"] == (2 + 1) + (9 + 1)
    again = AnnotationSession(session.stack, (1, 2))
    replay(again, session.history, lambda name: engine)
    assert np.array_equal(again.masks(2), session.masks(2))
    assert again.masks(2).any(axis=(1, 2)).sum() == 10
    assert again.confidence == pytest.approx(session.confidence, nan_ok=True)


def test_what_was_drawn_in_another_plane_is_doubted_whatever_an_engine_says():
    session = AnnotationSession(blank_stack(6), (1,))
    session.annotate(1, 0, square(4, 4, 8))
    session.hint(1, 4, Patch.cut(square(4, 4, 2)))
    run_all(session, KnowingEngine(reach=2, told=9))
    assert session.confidence[0][4] == 0


def test_a_run_that_ends_earlier_than_the_last_clears_what_lay_beyond(session):
    session.annotate(A, 3, LEFT)
    run_all(session, RepeatingEngine())
    session.annotate(A, 3, RIGHT)
    run_all(session, RepeatingEngine(reach=1))
    assert np.flatnonzero(session.areas(A)).tolist() == [2, 3, 4]


def test_a_range_keeps_the_run_inside(session):
    session.annotate(A, 3, LEFT)
    for _ in propagate(session, RepeatingEngine(), plan_session(session, [A], span=(2, 4))):
        pass
    assert np.flatnonzero(session.areas(A)).tolist() == [2, 3, 4]


def test_a_correction_changes_no_voxel_outside_its_two_gaps():
    session = AnnotationSession(blank_stack(count=12), (A,))
    for index in (1, 5, 9):
        session.annotate(A, index, LEFT)
    run_all(session, RepeatingEngine())
    before = session.label_map()
    session.annotate(A, 5, RIGHT)
    run_all(session, RepeatingEngine())
    changed = np.flatnonzero((session.label_map() != before).any(axis=(1, 2)))
    assert changed.tolist() == [3, 4, 5, 6, 7]
    assert session.waiting(A) == []


def test_when_all_is_up_to_date_nothing_is_planned(session):
    session.annotate(A, 3, LEFT)
    run_all(session, RepeatingEngine())
    assert plan_session(session) == []


def test_without_an_anchor_a_person_is_told_to_annotate(session):
    with pytest.raises(NoAnchorError, match="Annotate"):
        plan_session(session)


def test_stopping_is_not_asking_for_the_next_slice(session):
    session.annotate(A, 3, LEFT)
    engine = RepeatingEngine()
    steps = propagate(session, engine, plan_session(session))
    next(steps), next(steps)
    steps.close()
    assert len(engine.asked) == 2
    assert np.flatnonzero(session.areas(A)).tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    "probability,a,b",
    [({A: 0.6, B: 0.9}, LEFT & ~RIGHT, RIGHT), ({A: 0.9, B: 0.6}, LEFT, RIGHT & ~LEFT)],
)
def test_contested_pixels_go_to_the_more_probable_label_whoever_walked_first(
    session,
    probability,
    a,
    b,
):
    session.annotate(A, 1, LEFT)
    session.annotate(B, 6, RIGHT)
    run_all(session, RepeatingEngine(probability))
    for index in (2, 3, 4, 5):
        assert np.array_equal(session.mask(A, index), a)
        assert np.array_equal(session.mask(B, index), b)


def test_an_anchor_keeps_its_pixels_against_a_more_certain_label(session):
    session.annotate(A, 3, LEFT)
    session.annotate(B, 4, RIGHT)
    run_all(session, RepeatingEngine({A: 0.6, B: 1.0}))
    assert np.array_equal(session.mask(A, 3), LEFT)
    assert np.array_equal(session.mask(B, 3), RIGHT & ~LEFT)


def test_a_label_outside_the_run_keeps_its_pixels(session):
    session.annotate(A, 3, LEFT)
    run_all(session, RepeatingEngine(0.6))
    before = session.masks(A)
    session.annotate(B, 2, RIGHT)
    for _ in propagate(session, RepeatingEngine(1.0), plan_session(session, [B])):
        pass
    assert np.array_equal(session.masks(A), before)


def test_labels_may_overlap_when_asked_to(session):
    session.annotate(A, 3, LEFT)
    session.annotate(B, 4, RIGHT)
    run_all(session, RepeatingEngine(), allow_overlap=True)
    assert np.array_equal(session.mask(A, 6), LEFT)
    assert np.array_equal(session.mask(B, 6), RIGHT)


def test_an_edit_during_a_run_stands_and_its_gaps_start_again(session):
    session.annotate(A, 0, LEFT)
    steps = propagate(session, RepeatingEngine(), plan_session(session))
    for _ in range(5):
        next(steps)
    session.annotate(A, 3, RIGHT)
    for _ in steps:
        pass
    assert np.array_equal(session.mask(A, 3), RIGHT)
    assert session.state(A, 3).provenance == Provenance.CORRECTION
    assert np.array_equal(session.mask(A, 1), LEFT)
    assert np.array_equal(session.mask(A, 2), RIGHT)
    assert np.array_equal(session.mask(A, 7), RIGHT)
    assert session.waiting(A) == []


def test_an_edit_of_one_label_during_a_run_leaves_the_walks_of_another_alone(session):
    session.annotate(A, 0, LEFT & ~RIGHT)
    session.annotate(B, 0, RIGHT & ~LEFT)
    engine = RepeatingEngine()
    steps = propagate(session, engine, plan_session(session))
    for _ in range(6):
        next(steps)
    session.annotate(A, 5, LEFT & ~RIGHT)
    for _ in steps:
        pass
    assert [index for label, index in engine.asked if label == B] == [1, 2, 3, 4, 5, 6, 7]


def test_undoing_an_edit_during_a_run_starts_its_gaps_again_without_it(session):
    session.annotate(A, 0, LEFT)
    steps = propagate(session, RepeatingEngine(), plan_session(session))
    next(steps)
    session.annotate(A, 3, RIGHT)
    next(steps)
    session.undo()
    for _ in steps:
        pass
    assert all(np.array_equal(session.mask(A, index), LEFT) for index in range(8))


def test_taking_the_only_anchor_back_during_a_run_ends_it(session):
    session.annotate(A, 3, LEFT)
    steps = propagate(session, RepeatingEngine(), plan_session(session))
    next(steps)
    session.release(A, 3)
    assert list(steps) == []


def test_a_run_is_one_undo_step(session):
    session.annotate(A, 3, LEFT)
    run_all(session, RepeatingEngine())
    assert session.undo() == "Propagate"
    assert np.flatnonzero(session.areas(A)).tolist() == [3]
    assert session.redo() == "Propagate"
    assert session.areas(A).all()


def test_confirmed_empty_slices_bound_the_structure(session):
    session.annotate(A, 3, LEFT)
    session.confirm(A, 6)
    run_all(session, make_engine("interpolation"))
    assert session.areas(A)[6] == 0
    assert session.areas(A)[7] == 0


# itk_interpolation does not continue a structure; its own tests are in
# engines/test_itk_interpolation.py.
@pytest.mark.parametrize(
    "name",
    sorted(name for name, info in ENGINES.items() if info.is_ready and name != "itk_interpolation"),
)
def test_every_engine_finds_a_disc_again_and_gives_the_same_voxels_twice(name):
    stack, truth = drifting_disc()
    results = []
    for _ in range(2):
        session = AnnotationSession(stack, (A,))
        for index in (5, 11):
            session.annotate(A, index, truth[index])
        run_all(session, make_engine(name))
        results.append(session.label_map())
    assert np.array_equal(*results)
    overlap = (results[0][8] > 0) & truth[8]
    assert overlap.sum() > 0.7 * truth[8].sum()


def test_the_default_without_torch_needs_nothing_to_be_installed():
    assert ENGINES[FALLBACK_ENGINE].requires == ()


def test_the_default_engine_can_walk_here():
    assert ENGINES[default_engine()].is_ready


def test_an_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="registration"):
        make_engine("magic")
