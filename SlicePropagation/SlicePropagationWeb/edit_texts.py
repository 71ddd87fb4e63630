"""What the page says of an edit: how many slices a person annotated by it."""

from collections.abc import Sequence

from SlicePropagationMRML.run.events import Edits

MANY = 3  # propagated slices that one act may change without a warning


def annotated_text(changed: Edits, said: str | None) -> str:
    """The sentence about an edit; of several slices, first how many they are.

    Args:
        changed: the (label, slice) pairs.
        said: what there is to say of it otherwise.
    """
    count = len(set(changed))
    if count < 2:
        return said or ""
    return f"{count} slices are annotated by you with this. {said or ''}".strip()


def taken_text(number_taken: int, said: str | None) -> str:
    """The warning about an edit that changed more than `MANY` propagated slices."""
    return f"This made {number_taken} propagated slices count as drawn by you. {said or ''}".strip()


def count_taken(changed: Edits, label: int | None, cells: Sequence[dict]) -> int:
    """How many slices that the strip shows as propagated a person has changed.

    Args:
        changed: the (label, slice) pairs.
        label: of the segment that the strip shows.
        cells: the strip, as it was before.
    """
    mine = {index for changed_label, index in changed if changed_label == label}
    return sum(cells[index]["kind"] == "propagated" for index in mine if index < len(cells))


def redone_text(seconds: float, *, is_shown: bool) -> str:
    """The sentence about a correction that redid its gap.

    Args:
        seconds: that it took.
        is_shown: whether the old outline is to be seen for a moment.
    """
    outline = " The thin white outline is the old one." if is_shown else ""
    undo = " Undo takes this back, and once more the correction."
    return f"Your correction is taken over by its neighbours ({seconds:.1f} s).{outline}{undo}"
