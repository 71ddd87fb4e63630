"""The history of a session as JSON, and doing it again: same image, same history, same voxels."""

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.patch import decode_patch, encode_patch
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import propagate
from SlicePropagationLib.session import Provenance


def encode_history(history):
    """A session's history as JSON-ready values, masks run-length encoded."""
    return [_encode_event(event) for event in history]


def decode_history(values):
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


def replay(session, history, engine_of=make_engine):
    """Do again what a history records, on a fresh session of the same image.

    Args:
        session: an AnnotationSession without annotations.
        history: events as `session.history` or `decode_history` give them.
        engine_of: from an engine's name to the engine.

    Raises:
        InputError: an event is unknown, or a run goes on that never began.
    """
    steps = iter(())
    for event in history:
        kind = event["event"]
        if kind == "annotate":
            session.annotate(
                event["label"],
                event["index"],
                event["patch"].paste(session.stack.slice_shape),
                Provenance(event["provenance"]),
            )
        elif kind == "confirm":
            session.confirm(event["label"], event["index"])
        elif kind == "release":
            session.release(event["label"], event["index"])
        elif kind == "cede":
            session.resolve_overlap(event["label"], event["index"], event["patch"])
        elif kind in ("undo", "redo"):  # of an edit during a run that had gone on since
            getattr(session, kind)()
        elif kind in ("run", "continue"):
            if kind == "run":
                steps = propagate(
                    session,
                    engine_of(event["engine"]),
                    event["runs"],
                    allow_overlap=event["allow_overlap"],
                )
            _take(steps, event["steps"])
        else:
            raise InputError(
                f"The history holds an unknown event '{kind}'; it was written by a newer version."
            )


def _take(steps, count):
    for number in range(count):
        if next(steps, None) is None:
            raise InputError(
                f"The history records {count} steps of a run, this image allows {number}; it"
                " belongs to another image."
            )


def _encode_event(event):
    values = dict(event)
    if "patch" in values:
        values["patch"] = encode_patch(values["patch"])
    if "runs" in values:
        values["runs"] = [
            {
                "label": run.label,
                "anchor": run.anchor,
                "first": run.targets[0],
                "last": run.targets[-1],
            }
            for run in values["runs"]
        ]
    return values


def _decode_event(values):
    event = dict(values)
    if "patch" in event:
        event["patch"] = decode_patch(event["patch"])
    if "runs" in event:
        event["runs"] = tuple(_decode_run(run) for run in event["runs"])
    return event


def _decode_run(values):
    first = values["first"]
    last = values["last"]
    step = 1 if last >= first and first > values["anchor"] else -1
    return Run(values["anchor"], tuple(range(first, last + step, step)), values["label"])
