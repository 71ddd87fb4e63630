"""The history of a session as JSON-ready values, and back, with every value checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.patch import decode_patch, encode_patch, whole
from SlicePropagationLib.planning import Run
from SlicePropagationLib.session import Event, Provenance

if TYPE_CHECKING:
    from SlicePropagationLib.stack import SliceStack

MOST_STEPS = 1000  # of tuning; a file that asks for more would keep a machine busy for hours
MOST_SLICES = 1 << 20  # where the stack is not known; no format of images has as many
OF_LATER_VERSIONS = ("adapt",)  # an event without them is one of an earlier version, or needs none
ANCHORS = {int(kind) for kind in Provenance if kind >= Provenance.SEED}
BAD_EVENT = (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError)


def encode_history(history: Iterable[Event]) -> list[dict[str, Any]]:
    """A session's history as JSON-ready values, masks run-length encoded."""
    return [_encode_event(event) for event in history]


def decode_history(
    values: Iterable[Mapping[str, Any]], stack: SliceStack | None = None
) -> list[Event]:
    """The history that `encode_history` wrote.

    Args:
        values: as it wrote them.
        stack: the slices that every event has to be on; None where these are not known.

    Raises:
        InputError: an event is not one of ours, or on no slice of the stack.
    """
    limits = _Limits(stack)
    events = []
    for number, event in enumerate(_listed(values), 1):
        try:
            events.append(limits.decoded(event))
        except BAD_EVENT as error:
            raise InputError(
                f"The history cannot be read, its event {number} is none ({in_one_line(error)}); use"
                " the json file that a propagation wrote, with the image that it is of."
            ) from error
    return events


def _listed(values: Any) -> list[Any]:
    if not isinstance(values, (list, tuple)):
        raise InputError(
            f"The history is a {type(values).__name__}, not a list; use the json file that a"
            " propagation wrote."
        )
    return list(values)


class _Limits:
    """Decodes events, whose numbers have to be within those of a stack."""

    def __init__(self, stack: SliceStack | None) -> None:
        self.num_slices = MOST_SLICES if stack is None else len(stack)
        self.shape = None if stack is None else stack.slice_shape

    def decoded(self, values: Mapping[str, Any]) -> Event:
        """An event, with what belongs to its kind; a KeyError, TypeError or ValueError where it is none."""
        kind = values["event"]
        event = {"event": kind}
        for name, check in self._checks(kind).items():
            if name in values or name not in OF_LATER_VERSIONS:
                event[name] = check(values, name)
        return event

    def _checks(self, kind: str) -> dict[str, Callable[[Mapping[str, Any], str], Any]]:
        """What every entry of a kind of event has to be; nothing for a kind that is not known."""
        place = {"label": _label, "index": self._index}
        mask = {**place, "patch": self._patch}
        return {
            "annotate": {**mask, "provenance": _anchor},
            "confirm": {**place, "patch": self._patch_or_none, "was_changed": _is_set},
            "release": place,
            "cede": mask,
            "settle": mask,
            "hint": mask,
            "suggest": {**mask, "confidence": _share, "by": _name},
            "restore": {
                **mask,
                "provenance": _provenance,
                "confidence": _share_or_none,
                "hint": self._patch_or_none,
            },
            "run": {
                "steps": whole,
                "engine": _text,
                "allow_overlap": _overlap,
                "runs": self._runs,
                "adapt": self._adapt,
            },
            "continue": {"steps": whole},
        }.get(kind, {})

    def _index(self, event: Mapping[str, Any], name: str) -> int:
        index = whole(event, name)
        if index >= self.num_slices:
            raise ValueError(f"slice {index} is none of 0 to {self.num_slices - 1}")
        return index

    def _patch(self, event: Mapping[str, Any], name: str) -> Any:
        return decode_patch(event[name], self.shape)

    def _patch_or_none(self, event: Mapping[str, Any], name: str) -> Any:
        """Earlier versions did not record what was confirmed, and few slices have a hint."""
        return self._patch(event, name) if event.get(name) is not None else None

    def _adapt(self, event: Mapping[str, Any], name: str) -> dict[str, Any]:
        """What the engine learned from, of which `seed` and `steps` say how."""
        values = event[name]
        annotated = [
            {
                "label": _label(own, "label"),
                "slices": [self._index({"index": index}, "index") for index in own["slices"]],
            }
            for own in _listed(values["annotated"])
        ]
        steps = whole(values, "steps")
        if steps > MOST_STEPS:
            raise ValueError(f"steps is {steps}, at most {MOST_STEPS} are made")
        return {"seed": whole(values, "seed"), "steps": steps, "annotated": annotated}

    def _runs(self, event: Mapping[str, Any], name: str) -> tuple[Run, ...]:
        return tuple(self._run(values) for values in _listed(event[name]))

    def _run(self, values: Mapping[str, Any]) -> Run:
        first, last, anchor = (self._index(values, name) for name in ("first", "last", "anchor"))
        step = 1 if first > anchor else -1
        targets = tuple(range(first, last + step, step))
        if not targets or anchor in targets:
            raise ValueError(f"a walk from {anchor} over {first} to {last} leads nowhere")
        return Run(anchor, targets, _label(values, "label"))


def _label(values: Mapping[str, Any], name: str) -> int:
    label = whole(values, name)
    if not label:
        raise ValueError("0 is no label")
    return label


def _anchor(values: Mapping[str, Any], name: str) -> int:
    if values[name] not in ANCHORS:
        raise ValueError(f"provenance is {values[name]!r}, one of {sorted(ANCHORS)} is needed")
    return whole(values, name)


def _provenance(values: Mapping[str, Any], name: str) -> int:
    return int(Provenance(whole(values, name)))


def _share_or_none(values: Mapping[str, Any], name: str) -> float | None:
    """None where nothing is known of the trust in a slice."""
    return None if values[name] is None else _share(values, name)


def _is_set(values: Mapping[str, Any], name: str) -> bool:
    """Earlier versions, and most events, do not say it."""
    return name in values and _flag(values, name)


def _share(values: Mapping[str, Any], name: str) -> float:
    share = values[name]
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ValueError(f"{name} is {share!r}, a number from 0 to 1 is needed")
    return float(share)


def _text(values: Mapping[str, Any], name: str) -> str:
    if not isinstance(values[name], str):
        raise TypeError(f"{name} is {values[name]!r}, a word is needed")
    return values[name]


def _name(values: Mapping[str, Any], name: str) -> str:
    """Earlier versions, and what no model found, do not say it."""
    return _text(values, name) if name in values else ""


def _overlap(values: Mapping[str, Any], name: str) -> bool | list[list[int]]:
    """Whether all labels may overlap, or the pairs of labels that may."""
    pairs = values[name]
    if not isinstance(pairs, list):
        return _flag(values, name)
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise TypeError(f"{name} has {pair!r}, two labels are needed")
        for label in pair:
            _label({"label": label}, "label")
    return pairs


def _flag(values: Mapping[str, Any], name: str) -> bool:
    if not isinstance(values[name], bool):
        raise TypeError(f"{name} is {values[name]!r}, true or false is needed")
    return values[name]


def _encode_event(event: Event) -> dict[str, Any]:
    values = dict(event)
    for name in ("patch", "hint"):
        if values.get(name) is not None:
            values[name] = encode_patch(values[name])
    if "runs" in values:
        values["runs"] = [_encode_run(run) for run in values["runs"]]
    return values


def _encode_run(run: Run) -> dict[str, int]:
    return {
        "label": run.label,
        "anchor": run.anchor,
        "first": run.targets[0],
        "last": run.targets[-1],
    }
