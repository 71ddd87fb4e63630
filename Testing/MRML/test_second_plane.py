"""What is drawn in a second plane is a hint for the slices: never an annotated one, and never lost."""

import json

import numpy as np
import pytest
from mrml_bench import Bench

from SlicePropagationLib.pipelines.replay import decode_history, encode_history, replay
from SlicePropagationLib.session import AnnotationSession, Provenance

COLUMN = 24  # of the disc, on all slices


@pytest.fixture
def hinted():
    """Slice 7 of the disc is drawn, then its section in the plane across the columns."""
    bench = Bench()
    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.logic.look()
    bench.section = bench.truth[:, :, COLUMN]
    draw_across(bench, bench.section)
    return bench


def draw_across(bench, section):
    """Paint in the plane of axis 2; what is there stays."""
    shown = bench.mask("disc")[:, :, COLUMN]
    bench.draw("disc", COLUMN, section | shown, axis=2)
    bench.logic.look()


def anchors(bench):
    return bench.logic.session.anchors(1)


def hints(bench):
    return {index: patch.area for index, patch in bench.logic.session.hints(1).items()}


def expected(bench):
    """What the section shows on slices other than the seed's."""
    areas = bench.section.sum(axis=1)
    return {index: int(area) for index, area in enumerate(areas) if area and index != 7}


def test_a_section_in_a_second_plane_is_a_hint_and_no_annotated_slice(hinted):
    assert anchors(hinted) == [7]
    assert hints(hinted) == expected(hinted)
    assert len(hints(hinted)) > 5


def test_the_pixels_of_hints_are_in_the_result_whatever_the_engine_says(hinted):
    hinted.run("copy")
    result = hinted.mask("disc")
    assert result[:, :, COLUMN][hinted.section].all()
    assert all(result[index].sum() > area for index, area in hints(hinted).items())
    assert anchors(hinted) == [7]
    assert set(hints(hinted)) == set(expected(hinted))


def test_nothing_is_annotated_by_a_hint_where_the_structure_was_said_to_end(hinted):
    hinted.run("copy", span=(5, 9))
    known = hinted.logic.session.provenance[0]
    assert known[3] == Provenance.EMPTY
    assert 3 in hints(hinted)


def test_a_hint_makes_its_gap_out_of_date_and_changes_no_voxel_by_itself():
    bench = Bench()
    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.run("copy", span=(5, 9))
    before = bench.mask("disc")
    draw_across(bench, bench.truth[:, :, COLUMN] & ~before.any(axis=(1, 2))[:, None])
    stale = np.flatnonzero(bench.logic.session.stale(1))
    assert stale.tolist() == [5, 6, 8, 9]
    assert set(hints(bench)) >= {4, 10, 11}
    assert np.array_equal(bench.mask("disc")[5:10], before[5:10])


def test_erasing_a_hint_takes_it_back(hinted):
    bench = hinted
    bench.draw(
        "disc",
        COLUMN,
        bench.mask("disc")[:, :, COLUMN] & (np.arange(len(bench.truth)) == 7)[:, None],
        axis=2,
    )
    bench.logic.look()
    assert hints(bench) == {}
    assert anchors(bench) == [7]


def test_undo_takes_a_hint_back_and_redo_brings_it_again(hinted):
    assert hinted.logic.undo()
    assert hints(hinted) == {}
    assert anchors(hinted) == [7]
    assert hinted.logic.redo()
    assert hints(hinted) == expected(hinted)
    assert anchors(hinted) == [7]


def test_drawing_a_hinted_slice_makes_it_annotated(hinted):
    hinted.draw("disc", 8, hinted.truth[8])
    hinted.logic.look()
    assert anchors(hinted) == [7, 8]
    assert 8 not in hints(hinted)


def test_hints_come_back_with_the_segment_before_and_after_a_run(hinted):
    for act in (lambda: None, lambda: hinted.run("copy")):
        act()
        before = hinted.logic.session.hints(1)
        hinted.logic.close()
        hinted.open()
        after = hinted.logic.session.hints(1)
        assert list(before) == list(after)
        assert all(patch.equals(after[index]) for index, patch in before.items())
        assert anchors(hinted) == [7]


def test_a_hint_during_a_run_is_in_its_result(hinted):
    bench = Bench()
    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.logic.look()
    bench.section = hinted.section
    bench.logic.start("copy")
    for _ in range(4):
        bench.stepOnce()
    draw_across(bench, bench.section)
    bench.logic.runToEnd()
    assert bench.mask("disc")[:, :, COLUMN][bench.section].all()
    assert anchors(bench) == [7]
    assert set(hints(bench)) == set(expected(bench))


def test_a_hint_during_a_run_that_is_discarded_stays_alone(hinted):
    bench = Bench()
    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.logic.look()
    bench.section = hinted.section
    bench.logic.start("copy")
    for _ in range(4):
        bench.stepOnce()
    draw_across(bench, bench.section)
    bench.logic.stop()
    bench.logic.runToEnd()
    bench.logic.discard()
    assert anchors(bench) == [7]
    assert hints(bench) == expected(bench)
    assert np.array_equal(bench.mask("disc")[8], hinted.mask("disc")[8])


def test_a_hint_that_another_segment_took_during_a_run_is_none_after_an_undo_either(hinted):
    bench = hinted
    bench.open("disc", "rest")
    rest = bench.logic.document.labelOf("rest")
    bench.logic.start("copy")
    bench.stepOnce()
    for index in (9, 4):  # the second stroke is the one that is undone
        bench.draw("rest", index, bench.truth[index])
        bench.logic.look()
        bench.stepOnce()
    assert set(hints(bench)) == set(expected(bench)) - {4, 9}
    bench.logic.stop()
    bench.logic.runToEnd()
    bench.logic.discard()
    bench.logic.undo()
    bench.logic.look()
    assert bench.logic.session.anchors(rest) == [9]
    assert set(hints(bench)) == set(expected(bench)) - {9}


def test_the_history_does_it_again(hinted):
    hinted.run("copy")
    session = hinted.logic.session
    told = json.loads(json.dumps(encode_history(session.history)))
    again = AnnotationSession(session.stack, session.labels)
    replay(again, decode_history(told, session.stack))
    assert np.array_equal(again.masks(1), session.masks(1))
    assert list(again.hints(1)) == list(session.hints(1))


@pytest.mark.parametrize("has_hints", [True, False])
def test_a_record_that_is_read_and_written_again_can_be_read(hinted, has_hints):
    bench = hinted
    if not has_hints:
        bench.open("rest")
        bench.draw("rest", 7, bench.truth[7])
        bench.run("copy")
    bench.logic.close()
    bench.open("rest" if not has_hints else "disc")  # what is restored stands in the history
    session = bench.logic.session
    history = session.history
    for _ in range(3):
        history = decode_history(json.loads(json.dumps(encode_history(history))), session.stack)
    again = AnnotationSession(session.stack, session.labels)
    replay(again, history)
    assert np.array_equal(again.masks(1), session.masks(1))
    assert list(again.hints(1)) == list(session.hints(1))


def test_outlines_in_two_planes_that_were_there_before_are_told_apart():
    bench = Bench()
    bench.draw("disc", 7, bench.truth[7])
    bench.draw("disc", COLUMN, bench.truth[:, :, COLUMN], axis=2)
    bench.open()
    assert anchors(bench) == [7]
    assert len(hints(bench)) > 5
