"""The history of a session as JSON, and doing it again: same image, same history, same voxels."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.patch import decode_patch, encode_patch
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import Engine, SlicePrediction, propagate
from SlicePropagationLib.session import AnnotationSession, Event, Provenance


def encode_history(history: Iterable[Event]) -> list[dict[str, Any]]:
    """A session's history as JSON-ready values, masks run-length encoded."""
    return [_encode_event(event) for event in history]


def decode_history(values: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The history that `encode_history` wrote.

    Raises:
        InputError: an event is not one of ours.
    """
    try:
        return [_decode_event(event) for event in values]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"The history cannot be read ({in_one_line(error)}); use the json file that a"
            " propagation wrote."
        ) from error


def renumbered(
    history: Iterable[Event],
    numbers: Mapping[int, int],
) -> list[Event]:
    """A history with other labels.

    Args:
        history: events as `session.history` has them.
        numbers: {label: the label in its place}.
    """
    return [_renumber(event, numbers) for event in history]


def _renumber(event: Event, numbers: Mapping[int, int]) -> Event:
    changed = dict(event)
    if "label" in event:
        changed["label"] = numbers[event["label"]]
    if "runs" in event:
        runs = event["runs"]
        changed["runs"] = tuple(replace(run, label=numbers[run.label]) for run in runs)
    if isinstance(event.get("allow_overlap"), list):
        pairs = event["allow_overlap"]
        changed["allow_overlap"] = [[numbers[label] for label in pair] for pair in pairs]
    return changed


def replay(
    session: AnnotationSession,
    history: Iterable[Event],
    engine_of: Callable[[str], Engine] = make_engine,
) -> None:
    """Do again what a history records, on a fresh session of the same image.

    Args:
        session: an AnnotationSession without annotations.
        history: events as `session.history` or `decode_history` give them.
        engine_of: from an engine's name to the engine.

    Raises:
        InputError: an event is unknown, or a run goes on that never began.
    """
    steps: Iterator[SlicePrediction] = iter(())
    for event in history:
        kind = event["event"]
        if kind in EDITS:
            EDITS[kind](session, event)
        elif kind in ("run", "continue"):
            if kind == "run":
                engine = engine_of(event["engine"])
                allow_overlap = event["allow_overlap"]
                steps = propagate(session, engine, event["runs"], allow_overlap=allow_overlap)
            _take(steps, event["steps"])
        else:
            raise InputError(
                f"The history holds an unknown event '{kind}'; it was written by a newer version."
            )


def _annotate(session: AnnotationSession, event: Event) -> None:
    mask = event["patch"].paste(session.stack.slice_shape)
    session.annotate(event["label"], event["index"], mask, Provenance(event["provenance"]))


def _confirm(session: AnnotationSession, event: Event) -> None:
    session.confirm(event["label"], event["index"])


def _release(session: AnnotationSession, event: Event) -> None:
    session.release(event["label"], event["index"])


def _resolve_overlap(session: AnnotationSession, event: Event) -> None:
    session.resolve_overlap(event["label"], event["index"], event["patch"])


def _undo(session: AnnotationSession, event: Event) -> None:
    session.undo()


def _redo(session: AnnotationSession, event: Event) -> None:
    session.redo()


# What a person did, by the name of the event. "undo" and "redo" are of an edit during a run that
# had gone on since.
EDITS = {
    "annotate": _annotate,
    "confirm": _confirm,
    "release": _release,
    "cede": _resolve_overlap,
    "undo": _undo,
    "redo": _redo,
}


def _take(steps: Iterator[SlicePrediction], count: int) -> None:
    for number in range(count):
        if next(steps, None) is None:
            raise InputError(
                f"The history records {count} steps of a run, this image allows {number}; it"
                " belongs to another image."
            )


def _encode_event(event: Event) -> dict[str, Any]:
    values = dict(event)
    if "patch" in values:
        values["patch"] = encode_patch(values["patch"])
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


def _decode_event(values: Mapping[str, Any]) -> Event:
    event = dict(values)
    if "patch" in event:
        event["patch"] = decode_patch(event["patch"])
    if "runs" in event:
        event["runs"] = tuple(_decode_run(run) for run in event["runs"])
    return event


def _decode_run(values: Mapping[str, Any]) -> Run:
    first = values["first"]
    last = values["last"]
    step = 1 if last >= first > values["anchor"] else -1
    targets = tuple(range(first, last + step, step))
    return Run(values["anchor"], targets, values["label"])
