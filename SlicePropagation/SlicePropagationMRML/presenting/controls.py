"""What panel and page share of their controls.

Order, titles, hints and keys, and how a slice is marked in the strip.
"""

from typing import TypeAlias

import numpy as np

from SlicePropagationLib.engines import ENGINES
from SlicePropagationLib.engines.adaptation import FEWEST_SLICES
from SlicePropagationLib.files.shipped_weights import has_model
from SlicePropagationMRML.presenting.exports import modelCard
from SlicePropagationMRML.presenting.messages import endName, packagesText
from SlicePropagationMRML.presenting.review import Kind
from SlicePropagationMRML.translation import tr as _

Line: TypeAlias = tuple[tuple[str, str], ...]  # ((colour, meaning), ...)

# none is used by Slicer, its editor or its slice views
KEYS = {
    "propagate": "P",
    "next": "N",
    "confirm": "C",
    "empty": "E",
    "keep": "K",
    "discard": "D",
}
STOP = "Esc"
INSTALLABLE = {"torch"}  # what the panel can install when it is asked to
DIRECTIONS = ("both", "up", "down")
DEVICES = ("auto", "cpu", "cuda")
# Colours that colour-blind people tell apart (Okabe and Ito, 2008), clear on light and on dark
# ground.
COLORS = {
    Kind.UNKNOWN: "#8c8c8c",
    Kind.PROPAGATED: "#56b4e9",
    Kind.SEED: "#0072b2",
    Kind.CORRECTION: "#d55e00",
    Kind.CONFIRMED: "#009e73",
    Kind.STALE: "#8c8c8c",
    Kind.HINT: "#cc79a7",
}
HINT_HEIGHT = 0.25  # nobody vouches for the slice
DOUBTFUL = "#e6a700"  # a propagated slice below this confidence
DOUBT = 0.7


def engineNames() -> tuple[str, ...]:
    """Names of all engines, as the command line lists them."""
    return tuple(ENGINES)


def engineTitle(name: str) -> str:
    """What people read."""
    return _(ENGINES[name].title)


def engineSummary(name: str) -> str:
    """What an engine does, in a sentence."""
    return _(ENGINES[name].summary)


def blockedReason(name: str) -> str:
    """Why an engine cannot be chosen here.

    Empty when it can, also when what it lacks can be installed then.
    """
    info = ENGINES[name]
    lacking = [package for package in info.missing if package not in INSTALLABLE]
    if lacking:
        return _("Needs the Python package {packages}, which is not installed").format(
            packages=packagesText(lacking)
        )
    if info.has_weights and not has_model(info.weights_name):
        return _("Its weights are not part of this installation; install the extension again")
    return ""


def adaptReason(name: str) -> str:
    """Why an engine cannot learn from annotated slices; empty when it can."""
    if ENGINES[name].learns:
        return ""
    return _("This engine has nothing to tune; it walks as always")


def adaptHint() -> str:
    """What it means that an engine learns from annotated slices, in a sentence."""
    return _(
        "Where a segment has {count} annotated slices or more: tune a small part of the network on"
        " them before it walks, which takes seconds"
    ).format(count=FEWEST_SLICES)


def listedTitle(name: str) -> str:
    """What stands in the list: an engine's title, and what it lacks here."""
    missing = ENGINES[name].missing
    title = engineTitle(name)
    if not missing:
        return title
    text = _("{engine}, needs {packages}")
    return text.format(engine=title, packages=packagesText(missing))


def engineNotes() -> list[tuple[str, str]]:
    """[(title, sentences)]: each engine, where its weights come from, what it lacks."""
    notes = []
    for name in engineNames():
        info = ENGINES[name]
        sentences = [engineSummary(name)]
        if info.has_weights:
            sentences.append(_weightsText(info.weights_name))
        if info.missing:
            sentences.append(_("Needs {packages}.").format(packages=packagesText(info.missing)))
        notes.append((engineTitle(name), " ".join(sentences)))
    return notes


def _weightsText(weightsName: str) -> str:
    """Where the weights of an engine come from."""
    card = modelCard(weightsName)
    if card is None:
        return _("Its weights are not installed.")
    text = _("Weights: {name}, version {version}, licence {licence}, trained on {data}.")
    return text.format(**card)


def deviceTitles() -> tuple[str, ...]:
    """What people read of `DEVICES`, in order."""
    return (_("Automatic"), _("CPU"), _("GPU (CUDA)"))


def directionTitles(start: str, end: str) -> tuple[str, ...]:
    """What people read of `DIRECTIONS`, in order.

    Args:
        start: where the slices begin in the patient, as `geometry.endsOfAxis` names it.
        end: where they end.
    """
    return (
        _("Both directions"),
        _("Towards {end}").format(end=endName(end)),
        _("Towards {end}").format(end=endName(start)),
    )


def hints() -> dict[str, str]:
    """{command: what it does}."""
    return {
        "propagate": _("Fill the slices that are not annotated or out of date"),
        "stop": _("Stop within one slice; you choose whether to keep what is there"),
        "keep": _("Write the result into the segments, as one undo step"),
        "discard": _("Forget the result; the segments stay as they were"),
        "next": _("Show the slice whose correction is expected to gain most"),
        "confirm": _("The slice shown is right: it is kept as it is, and runs start from it"),
        "empty": _("The structure is not on the slice shown: it is emptied and kept empty"),
    }


def keyed(text: str, name: str) -> str:
    """A tooltip with the key that does the same."""
    return f"{text} ({STOP if name == 'stop' else KEYS[name]})"


def keysText() -> str:
    """All keys with what they do, in a line."""
    names = {
        "propagate": _("propagate"),
        "stop": _("stop"),
        "keep": _("keep"),
        "discard": _("discard"),
        "next": _("next suspicious slice"),
        "confirm": _("confirm slice"),
        "empty": _("nothing here"),
    }
    keys = {**KEYS, "stop": STOP}
    listed = ", ".join(f"{keys[name]} {text}" for name, text in names.items())
    return _("Keys: {keys}. Undo and redo: Z, Y.").format(keys=listed)


def legend() -> tuple[tuple[Line, ...], str]:
    """((colour, meaning), ...) in two lines, and the sentence below them."""
    lines = (
        (
            (COLORS[Kind.SEED], _("seed")),
            (COLORS[Kind.CORRECTION], _("correction")),
            (COLORS[Kind.CONFIRMED], _("confirmed")),
        ),
        (
            (COLORS[Kind.PROPAGATED], _("propagated")),
            (DOUBTFUL, _("doubtful")),
            (COLORS[Kind.STALE], _("out of date")),
            (COLORS[Kind.HINT], _("hint")),
        ),
    )
    return lines, _("Height: confidence. Hollow: not on this slice.")


def barOf(kind: Kind, confidence: float) -> tuple[str, float, bool]:
    """(colour name, height as a share, whether it is striped) of a cell.

    Height is confidence, anchors are full.
    """
    if kind == Kind.UNKNOWN:
        return COLORS[kind], 0.0, False
    if kind == Kind.HINT:
        return COLORS[kind], HINT_HEIGHT, False
    if kind == Kind.STALE:
        return COLORS[kind], _height(confidence), True
    if kind == Kind.PROPAGATED:
        color = DOUBTFUL if confidence < DOUBT else COLORS[kind]
        return color, _height(confidence), False
    return COLORS[kind], 1.0, False


def _height(confidence: float) -> float:
    return 0.5 if np.isnan(confidence) else max(float(confidence), 0.08)
