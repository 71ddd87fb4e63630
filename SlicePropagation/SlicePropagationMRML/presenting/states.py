"""What can be done now, and why the rest cannot: one pure function."""

from dataclasses import dataclass

from SlicePropagationMRML.presenting.messages import packagesText
from SlicePropagationMRML.translation import tr as _


@dataclass(frozen=True)
class Situation:
    """What the panel knows.

    Attributes:
        hasVolume, hasSegmentation: whether the nodes are chosen.
        numSegments: how many segments a run would fill.
        hasSeed: whether one of them is annotated on a slice.
        isRunning, hasResult: whether a run is under way, or its result waits for a decision.
        missing: packages that the engine chosen needs and that are not installed.
        problem: why the choice cannot be worked on, as a sentence; empty when it can.
        isShown: whether the slice views show a slice of the volume.
        hasPrediction: whether anything is propagated in the segment that is reviewed.
        numFrames: how many frames the volume's sequence has; 0 when it is not a frame of one.
        isPlaying: whether that sequence is playing; isFollowing: whether the segmentation shows
            another content in each frame.
        numListed: how many segments the segmentation has; isChecking: whether a run fills those
            that are checked in the list.
        isCarried: whether frames can get back what they held before they were carried, or after.
        isAnchor: whether the slice shown is annotated in it; isEmptyAnchor: and shows nothing.
    """

    hasVolume: bool = False
    hasSegmentation: bool = False
    numSegments: int = 0
    hasSeed: bool = False
    isRunning: bool = False
    hasResult: bool = False
    missing: tuple = ()
    problem: str = ""
    isShown: bool = False
    hasPrediction: bool = False
    isAnchor: bool = False
    isEmptyAnchor: bool = False
    numFrames: int = 0
    isPlaying: bool = False
    isFollowing: bool = False
    isCarried: bool = False
    numListed: int = 0
    isChecking: bool = False


@dataclass(frozen=True)
class ViewState:
    """Why each control cannot be used; an empty text means that it can."""

    propagate: str
    choices: str
    decide: str
    next: str
    confirm: str
    empty: str
    export: str
    carry: str
    takeBack: str


def viewState(situation):
    """The `ViewState` of a `Situation`."""
    nodes = _nodesReason(situation)
    idle = (
        _("A run is under way; stop it first")
        if situation.isRunning
        else _("Keep or discard the last result first")
        if situation.hasResult
        else ""
    )
    review = nodes or idle
    shown = (
        ""
        if situation.isShown
        else _("No slice view shows a slice of the volume; choose 'Align views'")
    )
    return ViewState(
        propagate="" if situation.isRunning else nodes or idle or _seedReason(situation),
        choices=idle,
        decide=(
            ""
            if situation.hasResult
            else _(
                "Only after a run was stopped, or when it would take voxels from another segment"
            )
        ),
        next=review or ("" if situation.hasPrediction else _("Nothing is propagated yet")),
        confirm=review
        or shown
        or (_("You annotated this slice already") if situation.isAnchor else ""),
        empty=review
        or shown
        or (_("This slice is marked as empty already") if situation.isEmptyAnchor else ""),
        export=nodes,
        carry=_framesReason(situation) or nodes or idle or _drawnReason(situation),
        takeBack=_framesReason(situation)
        or nodes
        or idle
        or ("" if situation.isCarried else _("Nothing was carried to all frames yet")),
    )


def _nodesReason(situation):
    if not situation.hasVolume:
        return _("Load or choose a volume")
    if not situation.hasSegmentation:
        return _("Choose a segmentation, or create one in the list")
    if situation.numSegments == 0 and situation.numListed == 0:
        return _("Add a segment with the Add button below")
    if situation.numSegments == 0:
        return (
            _("Check the segments that a run shall fill") if situation.isChecking else _drawReason()
        )
    return (
        _("The sequence is playing; stop it to work on a frame")
        if situation.isPlaying
        else situation.problem
    )


def _framesReason(situation):
    if situation.numFrames == 0:
        return _("No sequence browser drives this volume; choose a frame of a 4D volume")
    return _("The sequence has a single frame") if situation.numFrames == 1 else ""


def _drawnReason(situation):
    return (
        ""
        if situation.hasSeed or situation.isFollowing
        else _("Segment this frame first: draw a slice, propagate, review")
    )


def _seedReason(situation):
    if not situation.hasSeed:
        return _drawReason()
    if situation.missing:
        return _("This engine needs {packages}; install it or choose another engine").format(
            packages=packagesText(situation.missing)
        )
    return ""


def _drawReason():
    return _("Draw the structure on one slice first, with Paint or Draw")
