"""What can be done, and why the rest cannot: without a browser."""

from dataclasses import replace

from SlicePropagationMRML.presenting.states import Situation
from SlicePropagationWeb.view_state import reasons

READY = Situation(
    hasVolume=True,
    hasSegmentation=True,
    numSegments=1,
    hasSeed=True,
    isShown=True,
)


def possible(situation, **history):
    return {name for name, reason in reasons(situation, **history).items() if not reason}


def test_an_empty_page_says_to_load_a_volume():
    assert possible(Situation()) == {"choices", "open"}
    assert reasons(Situation())["propagate"] == "Load or choose a volume"


def test_before_a_drawing_it_says_to_draw():
    undrawn = replace(READY, hasSeed=False)
    assert (
        reasons(undrawn)["propagate"] == "Draw the structure on one slice first, with Paint or Draw"
    )
    assert {"edit", "confirm", "empty", "save"} <= possible(undrawn)


def test_with_a_seed_a_run_can_start_and_steps_can_be_taken_back():
    assert possible(READY, can_undo=True) == {
        "open",
        "first",
        "propagate",
        "choices",
        "edit",
        "draw",
        "confirm",
        "empty",
        "undo",
        "save",
    }


def test_an_annotated_slice_needs_no_confirmation():
    assert reasons(replace(READY, isAnchor=True))["confirm"] == "You annotated this slice already"


def test_during_a_run_one_can_stop_and_go_on_drawing():
    assert possible(replace(READY, isRunning=True), can_undo=True, can_redo=True) == {
        "stop",
        "edit",
        "draw",
    }


def test_a_result_that_waits_must_be_kept_or_discarded_first():
    waiting = replace(READY, hasResult=True)
    assert possible(waiting, can_undo=True) == {"decide"}
    assert reasons(waiting)["propagate"] == "Keep or discard the last result first"


def test_an_engine_that_lacks_a_package_says_so():
    assert "needs PyTorch" in reasons(replace(READY, missing=("torch",)))["propagate"]


def test_a_locked_segment_is_not_drawn_in_or_filled_but_a_run_of_all_goes_around_it():
    found = reasons(READY, locked="Liver")
    for command in ("draw", "propagate", "empty"):
        assert found[command] == "Liver is locked; unlock it in the list to change it"
    assert found["confirm"] == found["edit"] == ""
    assert reasons(READY, locked="Liver", fills_all=True)["propagate"] == ""
