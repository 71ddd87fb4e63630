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
        hasSeed: whether one of them is annotated on a slice; hasHint: whether one of them is drawn
            on in another plane.
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
        isCarried: whether frames can get back what they held before they were carried.
        isTakenBack: whether frames can get again what was taken back.
        isAnchor: whether the slice shown is annotated in it; isEmptyAnchor: and shows nothing.
    """

    hasVolume: bool = False
    hasSegmentation: bool = False
    numSegments: int = 0
    hasSeed: bool = False
    hasHint: bool = False
    isRunning: bool = False
    hasResult: bool = False
    missing: tuple[str, ...] = ()
    problem: str = ""
    isShown: bool = False
    hasPrediction: bool = False
    isAnchor: bool = False
    isEmptyAnchor: bool = False
    numFrames: int = 0
    isPlaying: bool = False
    isFollowing: bool = False
    isCarried: bool = False
    isTakenBack: bool = False
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
    doAgain: str
    first: str


def viewState(situation: Situation) -> ViewState:
    """The `ViewState` of a `Situation`."""
    nodes = _nodesReason(situation)
    idle = _busyReason(situation)
    review = nodes or idle
    frames = _framesReason(situation) or nodes or idle
    return ViewState(
        propagate="" if situation.isRunning else review or _seedReason(situation),
        choices=idle,
        decide=_undecidedReason(situation),
        next=review or _unpredictedReason(situation),
        confirm=review or _shownReason(situation) or _anchorReason(situation),
        empty=review or _shownReason(situation) or _emptyReason(situation),
        export=nodes,
        carry=frames or _drawnReason(situation),
        takeBack=frames or _uncarriedReason(situation),
        doAgain=frames or _notTakenBackReason(situation),
        first=_openReason(situation) or idle,
    )


def _busyReason(situation: Situation) -> str:
    if situation.isRunning:
        return _("A run is under way; stop it first")
    return _("Keep or discard the last result first") if situation.hasResult else ""


def _undecidedReason(situation: Situation) -> str:
    if situation.hasResult:
        return ""
    return _("Only after a run was stopped, or when it would take voxels from another segment")


def _unpredictedReason(situation: Situation) -> str:
    return "" if situation.hasPrediction else _("Nothing is propagated yet")


def _shownReason(situation: Situation) -> str:
    if situation.isShown:
        return ""
    return _("No slice view shows a slice of the volume; choose 'Align views'")


def _anchorReason(situation: Situation) -> str:
    return _("You annotated this slice already") if situation.isAnchor else ""


def _emptyReason(situation: Situation) -> str:
    return _("This slice is marked as empty already") if situation.isEmptyAnchor else ""


def _uncarriedReason(situation: Situation) -> str:
    return "" if situation.isCarried else _("Nothing was carried to all frames yet")


def _notTakenBackReason(situation: Situation) -> str:
    return "" if situation.isTakenBack else _("Nothing was undone in all frames")


def _nodesReason(situation: Situation) -> str:
    if not (situation.hasVolume and situation.hasSegmentation):
        return _openReason(situation)
    if situation.numSegments == 0 and situation.numListed == 0:
        return _("Add a segment with the Add button below")
    if situation.numSegments == 0 and situation.isChecking:
        return _("Check the segments that a run shall fill")
    if situation.numSegments == 0:
        return _drawReason()
    if situation.isPlaying:
        return _("The sequence is playing; stop it to work on a frame")
    return situation.problem


def _openReason(situation: Situation) -> str:
    """Why a model cannot segment: it needs no segment, and nothing drawn."""
    if not situation.hasVolume:
        return _("Load or choose a volume")
    if not situation.hasSegmentation:
        return _("Choose a segmentation, or create one in the list")
    if situation.isPlaying:
        return _("The sequence is playing; stop it to work on a frame")
    return ""


def _framesReason(situation: Situation) -> str:
    if situation.numFrames == 0:
        return _("No sequence browser drives this volume; choose a frame of a 4D volume")
    return _("The sequence has a single frame") if situation.numFrames == 1 else ""


def _drawnReason(situation: Situation) -> str:
    if situation.hasSeed or situation.isFollowing:
        return ""
    return _("Segment this frame first: draw a slice, propagate, review")


def _seedReason(situation: Situation) -> str:
    if not situation.hasSeed and situation.hasHint:
        return _(
            "All that is drawn lies in another plane, as a hint; draw on one slice of this plane, or"
            " choose the other one below Options"
        )
    if not situation.hasSeed:
        return _drawReason()
    if situation.missing:
        return _("This engine needs {packages}; install it or choose another engine").format(
            packages=packagesText(situation.missing)
        )
    return ""


def _drawReason() -> str:
    return _("Draw the structure on one slice first, with Paint or Draw")
