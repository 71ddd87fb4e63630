"""What is done with every case of an evaluation, and the columns of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]  # a line of a table: {column: number or text}

PICKS = ("largest", "middle")  # the slice that is annotated first
STEPS = "steps"  # a user who corrects at every tenth of the extent, as in the thesis
UNIFORM = "uniform"  # a user whose first slice follows from the rule of the others
CORRECTIONS = ("suggested", "worst", UNIFORM, STEPS)

OBJECT = ("dataset", "patient", "case", "label", "engine", "pick", "correct")
COLUMNS = (
    *OBJECT,
    "shots",
    "dice",
    "dice_thesis",
    "surface_dice",
    "hd95_mm",
    "mean_surface_mm",
    "mm_past_first",
    "mm_past_last",
    "mm_past_ends",
    "seconds_per_slice",
    "slices_to_90",
    "slices_to_95",
    "is_nominal",
)
DRIFT_COLUMNS = (*OBJECT, "slices_away", "intersection", "size", "slice_mm")
SHAPE_COLUMNS = ("implausibility", "misfit")  # with a shape model only


@dataclass(frozen=True)
class EvaluationProtocol:
    """What is done with every case.

    Attributes:
        engines: (name in the tables, name or model file of the engine) pairs.
        users: (pick, correct) pairs of simulated annotators; ("uniform", "uniform") has no first
            slice of its own.
        shots: numbers of annotated slices, ascending.
        axis: "i", "j" or "k".
        min_slices: structures on fewer slices are left out.
        split: the split that the cases are of.
        max_cases: number of cases of each data set at most, or None.
        labels: the only labels that are scored, or None for all.
        device: what engines with a network run on: "auto", "cpu" or "cuda".
        prior: model file of a shape model that says how implausible a predicted shape is, or None.
    """

    engines: tuple[tuple[str, str], ...]
    users: tuple[tuple[str, str], ...]
    shots: tuple[int, ...]
    axis: str = "k"
    min_slices: int = 5
    split: str = "val"
    max_cases: int | None = None
    labels: tuple[int, ...] | None = None
    device: str = "auto"
    prior: Path | str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table of scores."""
        return COLUMNS + SHAPE_COLUMNS if self.prior else COLUMNS

    @property
    def names(self) -> list[str]:
        """The engines' names in the tables."""
        return [name for name, _ in self.engines]

    @property
    def first_users(self) -> list[tuple[str, str]]:
        """One annotator for each rule of the first slice.

        What is annotated later does not change the first mask. Uniform slices only where nothing
        else is asked for.
        """
        by_pick = {pick: (pick, correct) for pick, correct in reversed(self.users)}
        return [
            user
            for user in self.users
            if user in by_pick.values() and (user[0] != UNIFORM or len(by_pick) == 1)
        ]


@dataclass(frozen=True)
class Job:
    """One case to score: its files and what to do with it."""

    image: str
    label_map: str
    dataset: str
    case: str
    protocol: EvaluationProtocol

    @property
    def key(self) -> str:
        """Data set and case: what tells it from the others."""
        return case_key(self.dataset, self.case)


def case_key(dataset: str, case: str) -> str:
    """The name of a case in the files that say what was done."""
    return f"{dataset}/{case}"
