"""What panel and page say: sentences made of plain values.

So they can be translated and tested without a window.
"""

from collections.abc import Callable, Iterable

from SlicePropagationMRML.presenting.review import Kind, SliceReasons, SliceReview
from SlicePropagationMRML.run.change_log import Change, Travel
from SlicePropagationMRML.translation import tr as _


def packagesText(packages: Iterable[str]) -> str:
    """Python packages by the names that people know."""
    return ", ".join("PyTorch" if package == "torch" else package for package in packages)


def kindName(kind: Kind) -> str:
    """What a cell of the strip is, in one word or two."""
    return {
        Kind.UNKNOWN: _("not propagated yet"),
        Kind.PROPAGATED: _("propagated"),
        Kind.SEED: _("seed: drawn by you"),
        Kind.CORRECTION: _("correction: drawn by you over a prediction"),
        Kind.CONFIRMED: _("confirmed by you"),
        Kind.STALE: _("out of date: an annotated slice nearby changed since"),
        Kind.HINT: _("hint: drawn by you in another plane, to be filled"),
    }[kind]


def planeName(plane: str, angle: float) -> str:
    """An axis by its anatomical plane; oblique ones with their angle in degrees."""
    name = {
        "axial": _("Axial"),
        "coronal": _("Coronal"),
        "sagittal": _("Sagittal"),
    }[plane]
    if angle < 1:
        return name
    return _("{plane}, oblique by {angle:.0f}°").format(plane=name, angle=angle)


def otherAxisText() -> str:
    """What a person should know who goes on along another axis than before."""
    return _(
        "These segments were annotated along other slices; along these, all that they show counts"
        " as drawn by you."
    )


def otherGridText() -> str:
    """What a person should know who goes on where the volume has other slices, or lies elsewhere."""
    return _(
        "These segments were annotated on other slices than those of this volume where it lies now;"
        " all that they show counts as drawn by you."
    )


def endName(end: str) -> str:
    """Where slices lead to in the patient."""
    return {
        "left": _("left"),
        "right": _("right"),
        "anterior": _("anterior"),
        "posterior": _("posterior"),
        "superior": _("superior"),
        "inferior": _("inferior"),
    }[end]


def sliceText(
    index: int,
    count: int,
    kind: Kind,
    confidence: float,
    reasons: SliceReasons | None,
    *,
    isHinted: bool = False,
) -> str:
    """What hovering over a slice says.

    Args:
        index: the slice.
        count: how many there are.
        kind: what it is.
        confidence: 0 to 1.
        reasons: a SliceReasons, or None where nothing was predicted.
        isHinted: whether a person drew on it in another plane.
    """
    lines = [
        _("Slice {index} of {count}: {kind}").format(
            index=index,
            count=count,
            kind=kindName(kind),
        )
    ]
    if reasons is not None:
        lines.append(_("Confidence {confidence:.0%}").format(confidence=confidence))
        lines += reasonTexts(reasons, index)
    if isHinted:
        lines.append(_("What you drew here in another plane stays in the segment"))
    return "\n".join([*lines, _("Click to show it")])


def reasonTexts(reasons: SliceReasons, index: int) -> list[str]:
    """Why a predicted slice is trusted as it is, one sentence each."""
    texts = []
    if reasons.foundBy:
        texts.append(_("Found by the model {model}").format(model=reasons.foundBy))
    elif reasons.anchor is None:
        texts.append(_("No annotated slice shows the structure"))
    else:
        number = abs(index - reasons.anchor)
        away = _("1 slice") if number == 1 else _("{number} slices").format(number=number)
        text = _("{away} from the annotated slice {anchor}")
        if reasons.isFar:
            text = _("{away} from the annotated slice {anchor}, further than the structure is wide")
        texts.append(text.format(away=away, anchor=reasons.anchor))
    if reasons.isEmpty:
        texts.append(
            _("Nothing was found here")
            if reasons.foundBy
            else _("Predicted to be empty: the structure ended before")
        )
    if reasons.differsFrom is not None and not reasons.isEmpty:
        texts.append(
            _("The outline differs much from slice {other} ({change:+.0%} area)").format(
                other=reasons.differsFrom,
                change=reasons.areaChange,
            )
        )
    return texts


def slicesText(slices: Iterable[int]) -> str:
    """Slice numbers as text: "slice 5", "slices 5-9", "slices 0-6, 8-15".

    At most three such parts are named.
    """
    parts: list[list[int]] = []
    for index in sorted(slices):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    if len(parts) == 1 and parts[0][0] == parts[0][1]:
        return _("slice {index}").format(index=parts[0][0])
    spans = [str(first) if first == last else f"{first}-{last}" for first, last in parts[:3]]
    named = ", ".join(spans)
    rest = sum(last - first + 1 for first, last in parts[3:])
    if rest:
        return _("slices {named} and {number} more").format(named=named, number=rest)
    return _("slices {named}").format(named=named)


def changeText(change: Change | None, nameOf: Callable[[str], str]) -> str:
    """What a `Change` was: "the propagation of Liver, slices 3-20".

    Args:
        change: it, or None where it is not known.
        nameOf: the name of a segment by its ID.
    """
    if change is None:
        return _("the last step")
    what = {
        "run": _("the propagation of {segments}, {slices}"),
        "edit": _("the drawing of {segments}, {slices}"),
        "confirm": _("the confirmation of {segments}, {slices}"),
        "empty": _("'Nothing here' for {segments}, {slices}"),
    }[change.kind]
    return what.format(
        segments=", ".join(nameOf(segmentID) for segmentID in change.segmentIDs),
        slices=slicesText(change.slices),
    )


def travelText(travel: Travel, nameOf: Callable[[str], str]) -> str:
    """What an undo or redo did; `nameOf` as above."""
    text = _("Undone: {change}.") if travel.isUndo else _("Redone: {change}.")
    return text.format(change=changeText(travel.change, nameOf))


def progressText(
    step: int,
    total: int,
    seconds: float,
) -> str:
    """How far a run is: "slice 37 of 112, 4 s left"; the rest is estimated from the second step on.

    Args:
        step: how many slices are done.
        total: how many there are.
        seconds: since the run began.
    """
    text = _("Slice {step} of {total}").format(step=step, total=total)
    if step < 2 or step >= total:
        return text
    return f"{text}, {_leftText(seconds / step * (total - step))}"


def frameProgressText(
    position: int,
    numPositions: int,
    share: float,
    seconds: float,
) -> str:
    """How far carrying to all frames is: "Slice 3 of 12 through all frames, 4 s left".

    Args:
        position: the slice, from 1 on.
        numPositions: how many there are.
        share: part of this slice that is done, 0 to 1.
        seconds: since the run began.
    """
    text = _("Slice {position} of {total} through all frames").format(
        position=position,
        total=numPositions,
    )
    done = position - 1 + share
    if done < 0.2 or done >= numPositions:
        return text
    return f"{text}, {_leftText(seconds / done * (numPositions - done))}"


def framesText(
    numWritten: int,
    skipped: list[int],
    numMissing: int,
    seconds: float,
) -> str:
    """What carrying to all frames did.

    Args:
        numWritten: how many frames were written.
        skipped: numbers of frames, from 1 on, that a person changed meanwhile.
        numMissing: slices that a run which was stopped did not come to.
        seconds: since the run began.
    """
    if numMissing:
        text = _(
            "Kept in {number} frames; {missing} slices were not reached, carry again for them."
        ).format(number=numWritten, missing=numMissing)
    else:
        text = _(
            "Carried to {number} frames in {seconds:.1f} s; move through them and correct what is"
            " wrong."
        ).format(number=numWritten, seconds=seconds)
    changed = _("You changed frame {frames} meanwhile; it stays as you left it.")
    return text + _skippedText(changed, skipped)


def framesReturnedText(
    isUndo: bool,
    number: int,
    skipped: list[int],
) -> str:
    """What the way back from carrying did, or the way forth again; `skipped` as above."""
    text = _("Redone: carried to {number} frames.")
    if isUndo:
        text = _("Undone: {number} frames are as they were before.")
    changed = _("You changed frame {frames} since; it stays as you left it.")
    return text.format(number=number) + _skippedText(changed, skipped)


def _skippedText(text: str, skipped: list[int]) -> str:
    """A further sentence about frames that stay; empty without any."""
    return " " + text.format(frames=", ".join(map(str, skipped))) if skipped else ""


def _leftText(seconds: float) -> str:
    if seconds >= 90:
        return _("{minutes} min left").format(minutes=round(seconds / 60))
    return _("{seconds} s left").format(seconds=max(round(seconds), 1))


def summaryText(review: SliceReview, segmentName: str) -> str:
    """One line about a segment: how much is annotated, predicted, out of date."""
    anchors = review.count(Kind.SEED, Kind.CORRECTION, Kind.CONFIRMED)
    text = _("<b>{segment}</b>: {anchors} annotated, {propagated} propagated").format(
        segment=segmentName,
        anchors=anchors,
        propagated=review.count(Kind.PROPAGATED, Kind.STALE),
    )
    stale = review.count(Kind.STALE)
    text += _(", {stale} out of date").format(stale=stale) if stale else ""
    hinted = int(review.isHinted.sum())
    return text + (_(", hints on {hinted}").format(hinted=hinted) if hinted else "")
