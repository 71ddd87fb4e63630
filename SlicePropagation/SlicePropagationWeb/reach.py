"""How far a tool reaches: the slice shown, some slices, or all."""

from collections.abc import Sequence

from SlicePropagationLib.errors import InputError


def reached(reach: str, shown: int, ends: Sequence[int], count: int) -> range:
    """The slices that a tool works on.

    Args:
        reach: "slice", "range" or "all".
        shown: the slice that the large view shows.
        ends: the first and the last slice of "range".
        count: how many slices there are.
    """
    if reach == "all":
        return range(count)
    if reach == "range":
        return range(ends[0], min(ends[1], count - 1) + 1)
    return range(shown, shown + 1)


def with_end(ends: Sequence[int], which: int, number: float, count: int) -> list[int]:
    """A range with another end, as a person typed it: slices are counted from 1.

    The other end goes along where they would cross.

    Raises:
        InputError: there is no such slice.
    """
    if number != int(number) or not 1 <= number <= count:
        raise InputError(f"There is no slice {number:g}; type a number from 1 to {count}.")
    index = int(number) - 1
    first, last = (index, ends[1]) if which == 0 else (ends[0], index)
    return [min(first, index), max(last, index)]
