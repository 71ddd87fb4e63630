"""What the page says of an edit, by the slices whose masks it changed."""

from SlicePropagationWeb.edit_texts import annotated_text, count_taken, taken_text

SAID = "You changed slices 5-7; Propagate computes anew what it affects."


def test_of_one_slice_nothing_is_counted():
    assert annotated_text([(1, 4)], SAID) == SAID
    assert annotated_text([(1, 4)], None) == ""


def test_of_several_slices_their_number_comes_first():
    text = annotated_text([(1, 4), (1, 5), (2, 4)], SAID)
    assert text == f"3 slices are annotated by you with this. {SAID}"


def test_only_propagated_slices_of_the_strip_are_taken():
    cells = [{"kind": kind} for kind in ("seed", "propagated", "propagated", "unknown")]
    changed = [(1, 0), (1, 1), (1, 3), (2, 2), (1, 9)]
    assert count_taken(changed, 1, cells) == 1
    assert count_taken(changed, None, cells) == 0
    assert taken_text(5, None) == "This made 5 propagated slices count as drawn by you."
