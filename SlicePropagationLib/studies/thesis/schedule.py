"""How long the variants of the thesis are trained."""

from __future__ import annotations

from SlicePropagationLib.studies.request import Settings, StudyRequest

BATCHES_PER_EPOCH = 100  # of a small variant, which ends by time
SMALL_HOURS = 0.05
THESIS_EPOCHS = 30
THESIS_MILESTONES = (10, 20, 25)  # after which the learning rate falls to a tenth


def hours_of(request: StudyRequest) -> float | None:
    """Training time of a variant; None where epochs or the preset end it."""
    if request.max_hours:
        return request.max_hours
    return SMALL_HOURS if request.is_small and not request.epochs else None


def loop_settings(request: StudyRequest, *, is_guided: bool) -> Settings:
    """Settings of the loop.

    Short epochs at small scale, and with fewer of them the falls of the learning rate earlier.

    Args:
        request: the experiment.
        is_guided: whether it is for the `default` preset, whose rate falls by itself.
    """
    settings: Settings = {}
    if request.is_small:
        settings["batches_per_epoch"] = BATCHES_PER_EPOCH
    if request.epochs and not is_guided:
        settings["milestones"] = [
            request.epochs * milestone / THESIS_EPOCHS for milestone in THESIS_MILESTONES
        ]
    return settings


def budget_text(request: StudyRequest) -> str:
    """What every variant was given, in words; nothing where that is the preset's own."""
    if request.epochs:
        batches = f" of {BATCHES_PER_EPOCH} batches" if request.is_small else ""
        return f"{request.epochs} epochs{batches} each, "
    hours = hours_of(request)
    return f"{60 * hours:.3g} minutes each, " if hours else ""
