"""How long the networks of the pancreas paper's experiments are trained."""

from __future__ import annotations

from SlicePropagationLib.studies.request import StudyRequest

SMALL_HOURS = 0.02  # of one fold, where no number of epochs is given
SMALL_BATCHES = 50  # per epoch
FOLDS = 4


def hours_of(request: StudyRequest) -> float | None:
    """Training time of a fold, None where epochs end it."""
    if request.max_hours:
        return request.max_hours
    return SMALL_HOURS if request.is_small and not request.epochs else None
