"""Doing the history of a session again: same image, same history, same voxels."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.adaptation import Adaptation, adapting
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.patch import EMPTY_MASK, Patch
from SlicePropagationLib.pipelines.history_text import decode_history, encode_history
from SlicePropagationLib.propagation import Engine, SlicePrediction, propagate
from SlicePropagationLib.session import AnnotationSession, Event, Provenance, SliceState

__all__ = ["decode_history", "encode_history", "renumbered", "replay"]


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
    if "adapt" in event:
        adapt = event["adapt"]
        annotated = [{**own, "label": numbers[own["label"]]} for own in adapt["annotated"]]
        changed["adapt"] = {**adapt, "annotated": annotated}
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
        _check_place(session, event)
        if kind in EDITS:
            EDITS[kind](session, event)
        elif kind in ("run", "continue"):
            if kind == "run":
                engine = adapting(engine_of(event["engine"]), _adaptation(event))
                allow_overlap = event["allow_overlap"]
                steps = propagate(
                    session,
                    engine,
                    event["runs"],
                    allow_overlap=allow_overlap,
                    ends_at_once=True,
                )
            _take(steps, event["steps"])
        else:
            raise InputError(
                f"The history holds an unknown event '{kind}'; it was written by a newer version."
            )


def _adaptation(event: Event) -> Adaptation | None:
    """How the engine of a run learned from annotated slices; None where it did not."""
    adapt = event.get("adapt")
    return adapt and Adaptation(adapt["seed"], adapt["steps"])


def _check_place(session: AnnotationSession, event: Event) -> None:
    """Refuse an event on what the session does not have."""
    runs = event.get("runs", ())
    labels = {run.label for run in runs} | {event.get("label", session.labels[0])}
    if not labels <= set(session.labels):
        raise InputError(
            f"The history has events of label {max(labels - set(session.labels))}, its segments are"
            f" {', '.join(map(str, session.labels))}; use the record of one result."
        )
    for run in runs:
        if max(run.targets) >= len(session.stack) or not session.is_anchor(run.label, run.anchor):
            raise InputError(
                f"The history walks from slice {run.anchor} over {run.targets[0]} to"
                f" {run.targets[-1]} of {len(session.stack)} slices, and slice {run.anchor} of label"
                f" {run.label} is not annotated then; it belongs to another image."
            )


def _fitting(session: AnnotationSession, patch: Patch) -> Patch:
    """A patch that lies on the session's slices; an InputError where it does not."""
    height, width = session.stack.slice_shape
    rows, columns = patch.window
    if rows.stop > height or columns.stop > width:
        raise InputError(
            f"The history has an outline to row {rows.stop} and column {columns.stop}, the slices"
            f" are {height}x{width}; it belongs to another image."
        )
    return patch


def _annotate(session: AnnotationSession, event: Event) -> None:
    mask = _fitting(session, event["patch"]).paste(session.stack.slice_shape)
    session.annotate(event["label"], event["index"], mask, Provenance(event["provenance"]))


def _confirm(session: AnnotationSession, event: Event) -> None:
    patch = event.get("patch")  # earlier versions did not record it
    session.confirm(
        event["label"],
        event["index"],
        patch and _fitting(session, patch),
        was_changed=bool(event.get("was_changed")),
    )


def _release(session: AnnotationSession, event: Event) -> None:
    session.release(event["label"], event["index"])


def _resolve_overlap(session: AnnotationSession, event: Event) -> None:
    session.resolve_overlap(event["label"], event["index"], _fitting(session, event["patch"]))


def _settle(session: AnnotationSession, event: Event) -> None:
    session.settle(event["label"], event["index"], _fitting(session, event["patch"]))


def _suggest(session: AnnotationSession, event: Event) -> None:
    patch = _fitting(session, event["patch"])
    by = event.get("by", "")
    session.suggest(event["label"], event["index"], patch, event["confidence"], by=by)


def _hint(session: AnnotationSession, event: Event) -> None:
    session.hint(event["label"], event["index"], _fitting(session, event["patch"]))


def _restore(session: AnnotationSession, event: Event) -> None:
    confidence = event["confidence"]
    hint = event.get("hint")
    state = SliceState(
        _fitting(session, event["patch"]),
        Provenance(event["provenance"]),
        float("nan") if confidence is None else confidence,
        hint=EMPTY_MASK if hint is None else _fitting(session, hint),
    )
    session.restore(event["label"], event["index"], state)


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
    "settle": _settle,
    "hint": _hint,
    "suggest": _suggest,
    "restore": _restore,
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
