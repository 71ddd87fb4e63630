"""Which of several volumes in a DICOM folder is read: a list to choose from, and the choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom_places import distances
from SlicePropagationLib.files.dicom_stacks import DicomStack
from SlicePropagationLib.files.series_choice import Choice, SeriesChoiceError

MOST_LISTED = 40


@dataclass(frozen=True)
class SeriesChoice(Choice):
    """A volume of a DICOM folder.

    Attributes:
        uid: of its series.
        stack: its frames.
    """

    uid: str
    stack: DicomStack


def listed_stacks(series: Mapping[str, Sequence[DicomStack]]) -> list[SeriesChoice]:
    """All stacks of all series, in the order of the series' numbers, each with a key.

    The key is the number of the series, where no other series has it, and otherwise the place of
    the series in the list; of several volumes in a series, their number follows behind a slash.

    Args:
        series: {identifier: its stacks}.
    """
    order = sorted(series, key=lambda uid: (_number(series[uid]), uid))
    numbers = [_number(series[uid]) for uid in order]
    is_numbered = len(set(numbers)) == len(numbers) and min(numbers, default=-1) >= 0
    choices = []
    for place, uid in enumerate(order, 1):
        key = str(numbers[place - 1] if is_numbered else place)
        for index, stack in enumerate(series[uid], 1):
            own = key if len(series[uid]) == 1 else f"{key}/{index}"
            choices.append(SeriesChoice(own, described(stack), uid, stack))
    return choices


def choose_stack(
    choices: Sequence[SeriesChoice], series: str | None, path: Path
) -> tuple[DicomStack, list[str]]:
    """The stack to be read, and sentences about those that are not.

    Args:
        choices: all there are.
        series: a key, or the identifier of a series (with `/n` for its nth volume), or None.
        path: where they were found.

    Raises:
        SeriesChoiceError: several can be meant.
        InputError: none is a volume, or `series` names none.
    """
    if series:
        found = _matching(choices, series)
        if len(found) == 1:
            return _checked(found[0].stack, path), []
        raise _ambiguous(found or choices, path, f"--series {series} names {len(found)} of them")
    volumes = [choice for choice in choices if _is_volume(choice.stack)]
    grey = [choice for choice in volumes if choice.stack.first.num_values == 1]
    if not volumes and len(choices) > 1:
        raise InputError(
            f"{path} holds {len(choices)} images, of which no two are slices of one volume, such as"
            f" {choices[0].text} and {choices[1].text}; name the folder that has the slices."
        )
    if not grey:
        return _checked((volumes or choices)[0].stack, path), []
    if len(grey) > 1:
        raise _ambiguous(grey, path, "nobody said which is meant")
    left = len(choices) - 1
    told = []
    if left:
        told.append(
            f"{path} holds {left} other image(s) or single slice(s) that are no volume, such as"
            f" {next(one.text for one in choices if one is not grey[0])}; {grey[0].text} is read."
        )
    return grey[0].stack, told


def described(stack: DicomStack) -> str:
    """What a stack is, in words."""
    first = stack.first
    about = first.about
    title = " ".join(filter(None, [about.get("modality"), _quoted(about.get("description"))]))
    rows, columns = first.size
    slices = f"{len(stack.places)} slice(s) of {columns}x{rows}"
    times = f"{stack.num_times} times" if stack.num_times > 1 else ""
    colour = "in colour" if first.num_values > 1 else ""
    return ", ".join(filter(None, [title, stack.what, slices, times, colour, _extent(stack)]))


def _quoted(text: str | None) -> str:
    return f'"{text}"' if text else ""


def _extent(stack: DicomStack) -> str:
    if stack.first.position is None or len(stack.places) < 2:
        return ""
    along = distances([place[0] for place in stack.places])
    return f"{along[0]:.5g} to {along[-1]:.5g} mm"


def _number(stacks: Sequence[DicomStack]) -> int:
    """The number of a series, -1 where it has none."""
    text = stacks[0].first.about.get("number", "")
    return int(text) if text.isdecimal() else -1


def _is_volume(stack: DicomStack) -> bool:
    return stack.num_frames > 1


def _matching(choices: Sequence[SeriesChoice], series: str) -> list[SeriesChoice]:
    by_key = [choice for choice in choices if series in (choice.key, choice.key.split("/")[0])]
    exact = [choice for choice in by_key if choice.key == series]
    uid, _, index = series.partition("/")
    own = [choice for choice in choices if choice.uid == uid]
    if index.isdecimal() and 1 <= int(index) <= len(own):
        own = [own[int(index) - 1]]
    return exact or by_key or own


def _checked(stack: DicomStack, path: Path) -> DicomStack:
    """A stack of grey values with more than one slice; InputError otherwise."""
    first = stack.first
    if first.num_values > 1:
        raise InputError(
            f"{path} has {first.num_values} values per pixel (colour pictures), a volume has 1;"
            " convert it to grey values, or choose another series with --series."
        )
    if not _is_volume(stack):
        raise InputError(
            f"{path} has 1 slice ({first.path.name}), a volume needs at least 2; name the folder"
            " that has all slices."
        )
    return stack


def _ambiguous(
    choices: Sequence[SeriesChoice],
    path: Path,
    reason: str,
) -> SeriesChoiceError:
    lines = [f"  {choice.key}: {choice.text}" for choice in choices[:MOST_LISTED]]
    if len(choices) > MOST_LISTED:
        lines.append(f"  and {len(choices) - MOST_LISTED} more")
    listed = "\n".join(lines)
    return SeriesChoiceError(
        f"{path} holds {len(choices)} volumes, and {reason}; choose one with --series:\n{listed}",
        choices,
    )
