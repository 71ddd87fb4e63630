"""What panel and page share of their controls: order, titles, hints and keys, and how a slice is marked in the strip."""

import numpy as np

from SlicePropagationLib.engines import ENGINES
from SlicePropagationLib.files.shipped_weights import has_model
from SlicePropagationMRML.presenting.exports import modelCard
from SlicePropagationMRML.presenting.messages import endName, packagesText
from SlicePropagationMRML.presenting.review import Kind
from SlicePropagationMRML.translation import tr as _

KEYS = {
    "propagate": "P",
    "next": "N",
    "confirm": "C",
    "empty": "E",
    "keep": "K",
    "discard": "D",
}  # none is used by Slicer, its editor or its slice views
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
}
DOUBTFUL = "#e6a700"  # a propagated slice below this confidence
DOUBT = 0.7


def engineNames():
    """Names of all engines, as the command line lists them."""
    return tuple(ENGINES)


def engineTitle(name):
    """What people read."""
    return _(ENGINES[name].title)


def blockedReason(name):
    """Why an engine cannot be chosen here.

    Empty when it can, also when what it lacks can be installed then.
    """
    info = ENGINES[name]
    lacking = [package for package in info.missing if package not in INSTALLABLE]
    if lacking:
        return _("Needs the Python package {packages}, which is not installed").format(
            packages=packagesText(lacking)
        )
    if info.has_weights and not has_model(name):
        return _("Its weights are not part of this installation; install the extension again")
    return ""


def listedTitle(name):
    """What stands in the list: an engine's title, and what it lacks here."""
    missing = ENGINES[name].missing
    return (
        _("{engine}, needs {packages}").format(
            engine=engineTitle(name),
            packages=packagesText(missing),
        )
        if missing
        else engineTitle(name)
    )


def engineNotes():
    """[(title, sentences)]: each engine, where its weights come from, what it lacks."""
    notes = []
    for name in engineNames():
        info = ENGINES[name]
        text = info.summary
        if info.has_weights:
            card = modelCard(name)
            text += " " + (
                _(
                    "Weights: {name}, version {version}, licence {licence}, trained on {data}."
                ).format(**card)
                if card
                else _("Its weights are not installed.")
            )
        if info.missing:
            text += " " + _("Needs {packages}.").format(packages=packagesText(info.missing))
        notes.append((engineTitle(name), text))
    return notes


def deviceTitles():
    """What people read of `DEVICES`, in order."""
    return (_("Automatic"), _("CPU"), _("GPU (CUDA)"))


def directionTitles(start, end):
    """What people read of `DIRECTIONS`, in order.

    Args:
        start, end: where the slices begin and end in the patient, as `geometry.endsOfAxis` names
            it.
    """
    return (
        _("Both directions"),
        _("Towards {end}").format(end=endName(end)),
        _("Towards {end}").format(end=endName(start)),
    )


def hints():
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


def keyed(text, name):
    """A tooltip with the key that does the same."""
    return f"{text} ({STOP if name == 'stop' else KEYS[name]})"


def legend():
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
        ),
    )
    return lines, _("Height: confidence. Hollow: not on this slice.")


def barOf(kind, confidence):
    """(colour name, height as a share, whether it is striped) of a cell.

    Height is confidence, anchors are full.
    """
    if kind == Kind.UNKNOWN:
        return COLORS[kind], 0.0, False
    if kind == Kind.STALE:
        return COLORS[kind], _height(confidence), True
    if kind == Kind.PROPAGATED:
        return (DOUBTFUL if confidence < DOUBT else COLORS[kind]), _height(confidence), False
    return COLORS[kind], 1.0, False


def _height(confidence):
    return 0.5 if np.isnan(confidence) else max(float(confidence), 0.08)
