"""What is done with every case of an evaluation, and the columns of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from SlicePropagationLib.evaluation.lost_dice import PARTS
from SlicePropagationLib.files.dataset_groups import Groups

Row = dict[str, Any]  # a line of a table: {column: number or text}

PICKS = ("largest", "middle")  # the slice that is annotated first
STEPS = "steps"  # a user who corrects at every tenth of the extent, as in the thesis
UNIFORM = "uniform"  # a user whose first slice follows from the rule of the others
CORRECTIONS = ("suggested", "worst", UNIFORM, STEPS)

ALL_SPLITS = "all"  # in the place of a split: the cases of every one

LOST_COLUMNS = tuple(f"lost_{part}" for part in PARTS)
EFFORT_COLUMNS = ("slices_to_90", "slices_to_95", "whole_slices_to_90", "whole_slices_to_95")
OBJECT = ("dataset", "patient", "case", "label", "engine", "pick", "correct")
COLUMNS = (
    *OBJECT,
    "shots",
    "extent",
    "dice",
    "dice_whole",
    "dice_thesis",
    "surface_dice",
    "hd95_mm",
    "mean_surface_mm",
    "mm_past_first",
    "mm_past_last",
    "mm_past_ends",
    "ends_found",
    "ends_early",
    "ends_past",
    *LOST_COLUMNS,
    "seconds_per_slice",
    *EFFORT_COLUMNS,
    "is_nominal",
)
# Columns that scores had before a number of slices was judged by the structure's extent.
EARLIER_COLUMNS = (
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
MOST_OF_EXTENT = 3  # a number of slices is scored where that many times as many show the structure


def is_scored(row: Row) -> bool:
    """Whether so many annotated slices are at most a third of the structure's extent.

    With more of them, little is left to score, and the score falls while the result improves.
    """
    return MOST_OF_EXTENT * row["shots"] <= row["extent"]


def scored_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows whose number of slices is scored."""
    return [row for row in rows if is_scored(row)]


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
        split: the split that the cases are of, or "all".
        max_cases: number of cases of each data set at most, or None.
        labels: the only labels that are scored, or None for all.
        device: what engines with a network run on: "auto", "cpu" or "cuda".
        prior: model file of a shape model that says how implausible a predicted shape is, or None.
        groups: {group: its data sets}: a mean over each is given, however few patients it has.
        effort: number of slices up to which annotators go on while Dice .95 is not reached; 0 for
            the largest of `shots`.
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
    groups: Groups = field(default_factory=dict)
    effort: int = 0

    @property
    def budget(self) -> int:
        """Annotated slices at most."""
        return max(self.effort, *self.shots)

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
