"""The page's numbers of slices begin with 1, whoever says them: without a browser."""

from SlicePropagationMRML.presenting.review import SliceReasons
from SlicePropagationMRML.run.change_log import Change, Travel
from SlicePropagationMRML.run.events import Edited, Kept, Travelled
from SlicePropagationWeb.slice_numbers import event_in_numbers, reasons_in_numbers


def test_an_edit_and_an_undo_are_told_in_numbers_from_1():
    assert event_in_numbers(Edited([(2, 0), (2, 4)])) == Edited([(2, 1), (2, 5)])
    travel = Travelled(Travel(True, Change("run", (1,), (0, 7))))
    assert event_in_numbers(travel) == Travelled(Travel(True, Change("run", (1,), (1, 8))))


def test_what_names_no_slice_stays_as_it_is():
    kept = Kept()
    assert event_in_numbers(kept) is kept
    assert event_in_numbers(Travelled(Travel(True, None))) == Travelled(Travel(True, None))


def test_the_slices_that_a_reason_names_count_from_1():
    reasons = SliceReasons(0, isFar=False, isEmpty=False, differsFrom=None, areaChange=0.0)
    told = reasons_in_numbers(reasons)
    assert (told.anchor, told.differsFrom) == (1, None)
