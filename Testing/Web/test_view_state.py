"""What can be done, and why the rest cannot: without a browser."""

from dataclasses import replace

from SlicePropagationWeb.view_state import Situation, reasons

READY = Situation(has_volume=True, has_segment=True, num_anchors=1, can_undo=True)


def possible(situation):
    return {name for name, reason in reasons(situation).items() if not reason}


def test_an_empty_page_says_to_open_a_volume():
    assert possible(Situation()) == set()
    assert reasons(Situation())["propagate"] == "Open a volume first"


def test_before_a_drawing_it_says_to_draw():
    undrawn = replace(READY, num_anchors=0)
    assert reasons(undrawn)["propagate"] == "Draw the structure on at least one slice first"
    assert {"edit", "review", "save", "undo"} <= possible(undrawn)


def test_with_a_seed_everything_but_stop_decide_and_redo_is_possible():
    assert possible(READY) == {"propagate", "edit", "review", "next", "undo", "save"}


def test_during_a_run_one_can_stop_and_go_on_drawing():
    assert possible(replace(READY, is_running=True)) == {"stop", "edit"}


def test_a_result_that_waits_must_be_kept_or_discarded_first():
    waiting = replace(READY, is_waiting=True)
    assert possible(waiting) == {"decide"}
    assert reasons(waiting)["propagate"] == "Keep or discard the last result first"
