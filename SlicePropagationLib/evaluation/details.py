"""What is told of one prediction beside its Dice: surfaces, ends, and where the lost Dice went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Masks
from SlicePropagationLib.evaluation.ends import end_offsets, end_shares, end_tolerance
from SlicePropagationLib.evaluation.lost_dice import lost_dice
from SlicePropagationLib.evaluation.protocol import Row
from SlicePropagationLib.evaluation.simulated_annotator import Extent, Round
from SlicePropagationLib.evaluation.surface_scores import has_surface_scores, surface_scores
from SlicePropagationLib.metrics import slices_past_ends
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

Judge = Callable[[np.ndarray], Row]  # the (N, H, W) prediction -> further scores of it


@dataclass(frozen=True)
class Structure:
    """One labelled structure of a case.

    Attributes:
        stack: the image.
        truth: (N, H, W) bool.
        judge: gives further scores of a prediction.
        is_nominal: whether the spacing is a guess.
    """

    stack: SliceStack
    truth: Masks
    judge: Judge
    is_nominal: bool = False

    @property
    def extent(self) -> int:
        """Slices from the first to the last that show it."""
        return Extent.of(self.truth).length


def details_of(
    entry: Round,
    session: AnnotationSession,
    structure: Structure,
) -> Row:
    """The scores of one round; distances are of the whole volume, annotated slices included.

    Args:
        entry: the round.
        session: as that round left it, of label 1.
        structure: what is annotated.
    """
    prediction = session.masks(1)
    spacing_mm = structure.stack.spacing_mm
    first, last = slices_past_ends(prediction, structure.truth)
    seconds = entry.seconds_per_slice
    scores = {
        "dice": round(entry.dice, 5),
        "dice_whole": round(entry.dice_whole, 5),
        "dice_thesis": round(entry.dice_thesis, 5),
        "mm_past_first": round(first * spacing_mm[0], 3),
        "mm_past_last": round(last * spacing_mm[0], 3),
        "mm_past_ends": round(entry.mm_past_ends, 3),
        "seconds_per_slice": "" if seconds is None else round(seconds, 6),
    }
    scores |= _surface_row(prediction, structure) | _ends_row(prediction, structure)
    lost = lost_dice(prediction, structure.truth, session.anchors(1))
    scores |= {f"lost_{part}": round(share, 5) for part, share in lost.items()}
    return scores | structure.judge(prediction)


def _surface_row(prediction: Masks, structure: Structure) -> Row:
    """Surface scores; blank where MONAI is not installed."""
    if not has_surface_scores():
        return dict.fromkeys(("surface_dice", "hd95_mm", "mean_surface_mm"), "")
    surface = surface_scores(prediction, structure.truth, structure.stack.spacing_mm)
    return {
        "surface_dice": round(surface.surface_dice, 5),
        "hd95_mm": round(surface.hd95, 3),
        "mean_surface_mm": round(surface.mean, 3),
    }


def _ends_row(prediction: Masks, structure: Structure) -> Row:
    slice_mm = structure.stack.spacing_mm[0]
    tolerance = end_tolerance(slice_mm, is_nominal=structure.is_nominal)
    shares = end_shares(end_offsets(prediction, structure.truth), tolerance)
    return {f"ends_{name}": share for name, share in shares._asdict().items()}
