"""Models and engines on sequences with known truth: tables with intervals, time-area curves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.engines import MODEL_SUFFIXES
from SlicePropagationLib.engines.brought import is_brought
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.sequence import read_label_sequence, read_sequence, time_stacks
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.pipelines.propagate_frames import TimeSession
from SlicePropagationLib.pipelines.segment_file import is_segmenter, load_segmenter
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.cine.measures import measure_frames, measure_series
from SlicePropagationLib.studies.cine.pictures import plot_areas
from SlicePropagationLib.studies.cine.tables import (
    LastColumn,
    Measured,
    comparison,
    write_report,
)
from SlicePropagationLib.studies.overlays import Example, draw_overlays
from SlicePropagationLib.studies.request import Report
from SlicePropagationLib.studies.tables import Row

ANNOTATED = {
    "dice": "dice_ed_es",
    "distance_mm": "distance_ed_es_mm",
    "area_error_mm2": "area_error_ed_es_mm2",
}  # {measure: its name on the annotated frames}
COLUMNS = {
    "dice_ed_es": Measured("Dice at ED, ES"),
    "distance_ed_es_mm": Measured("distance at ED, ES"),
    "area_error_ed_es_mm2": Measured("area error at ED, ES"),
    "dice": Measured("Dice"),
    "distance_mm": Measured("distance"),
    "area_error_mm2": Measured("area error"),
    "jitter_mm2": Measured("jitter"),
    "curvature": Measured("curvature"),
    "curvature_truth": Measured("of the truth", is_compared=False),
}
SPEED = LastColumn("ms per frame", "ms_per_frame", "{:.0f}")
ROW = ("model", "dataset", "case", "label", "position", *COLUMNS, "ms_per_frame")
MOST_PLOTS = 12
MEANING = (
    "At ED, ES: the annotated frames, which models that segment by themselves did not see the"
    " labels of (Bai et al., Table 2); these are the real frames, with the noise, gain and breathing"
    " of the sequence. All else: frames that nobody annotated; distances in mm, areas in mm2, jitter: mean |second"
    " difference| over time of the error of the area in mm2, curvature of the time-area curve"
    " with areas as shares of the mean true one and time as a share of the cycle. 95 %"
    " intervals and paired t-tests over patients."
)
SYNTHETIC = (
    "These sequences are synthetic: a motion between two real frames, not a real heart beat."
)

# (SliceStack along time, its drawn labels, annotated frames) -> (T, H, W) labels
Label = Callable[[SliceStack, np.ndarray, list[int]], np.ndarray]


class Labeller(NamedTuple):
    """What labels a stack along time.

    Attributes:
        label: does it.
        sees_labels: whether it is given the annotated frames, which are then no measure of it.
    """

    label: Label
    sees_labels: bool


@dataclass(frozen=True)
class CineCase:
    """One sequence.

    Attributes:
        image: file of the sequence.
        label: file of the annotated frames only.
        truth: file of the truth of every frame.
        dataset: where it comes from.
        name: what it is called.
    """

    image: str
    label: str
    truth: str
    dataset: str
    name: str


class Position(NamedTuple):
    """One slice position over time.

    Attributes:
        number: of the slice.
        stack: its image, time first.
        drawn: (T, H, W) labels of the annotated frames.
        truth: (T, H, W) labels of every frame.
    """

    number: int
    stack: SliceStack
    drawn: Labels
    truth: Labels

    @property
    def labels(self) -> list[int]:
        """The labels that are annotated on it."""
        return [int(label) for label in np.unique(self.drawn[self.drawn > 0])]

    def area_mm2(
        self,
        labels: Labels,
        label: int,
    ) -> np.ndarray:
        """(T,) areas of a label."""
        return (labels == label).sum(axis=(1, 2)) * self.stack.pixel_area_mm2


class OpenCase(NamedTuple):
    """A sequence that was read.

    Attributes:
        case: its files.
        positions: those with an annotation.
        annotated: indices of the annotated frames.
        frames: indices of the others, which are measured.
    """

    case: CineCase
    positions: list[Position]
    annotated: list[int]
    frames: list[int]


def evaluate_cine(
    table: Path | str,
    models: Mapping[str, Path | str],
    out: Path | str,
    *,
    split: str = "val",
    max_cases: int | None = None,
    device: str = "auto",
    report: Report | None = None,
) -> str:
    """Measure models on the sequences of a table, on frames that nobody annotated.

    Args:
        table: with columns image, label, truth, case and optionally split, dataset, as `make-cine`
            writes it.
        models: {name: model file or engine}; models that segment by themselves do so, others
            propagate the annotated frames along time.
        out: folder of report.md, rows.csv and plots of time-area curves.
        split: only cases of this split; "" for all.
        max_cases: only the first so many cases; None for all.
        device: "auto", "cpu" or "cuda".
        report: called with a line of text for each case; None to be silent.

    Returns:
        The report as Markdown.

    Raises:
        SlicePropagationError: about the table, a model or a case.
    """
    out = Path(out)
    rows = []
    cases = _cases(Path(table), split)[:max_cases]
    labellers = {name: _labeller(model, device) for name, model in models.items()}
    out.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(cases, 1):
        plots = out if number <= MOST_PLOTS else None
        rows += _measure(_read(case), labellers, plots)
        if report:
            report(f"{number} of {len(cases)}: {case.name}")
    text = describe(rows, list(models))
    write_report(out, text, rows, ROW)
    return text


def describe(rows: list[Row], models: list[str]) -> str:
    """Tables in Markdown, one for each data set and label.

    Means with 95 % bootstrap intervals over patients, and paired differences to the first model.

    Args:
        rows: with the columns of ROW.
        models: names in the order of the lines.
    """
    lines = [MEANING]
    if any(row["dataset"].startswith("synthetic") for row in rows):
        lines.append(SYNTHETIC)
    lines += comparison(rows, models, COLUMNS, ("case", "position"), SPEED)
    return "\n".join(lines) + "\n"


def _labeller(model: Path | str, device: str) -> Labeller:
    """What labels a stack along time: a segmenter by itself, an engine from annotated frames."""
    is_file = str(model).endswith(MODEL_SUFFIXES) and not is_brought(str(model))
    if is_file and is_segmenter(model):
        segmenter = load_segmenter(model, device)
        return Labeller(lambda stack, drawn, annotated: segmenter.segment(stack), False)
    engine = choose_engine(str(model), device)

    def propagate_along_time(
        stack: SliceStack,
        drawn: np.ndarray,
        annotated: list[int],
    ) -> np.ndarray:
        timed = TimeSession(stack, drawn, annotated)
        for _ in timed.steps(engine):
            pass
        return timed.label_map()

    return Labeller(propagate_along_time, True)


def _read(case: CineCase) -> OpenCase:
    sequence = read_sequence(case.image)
    drawn = read_label_sequence(case.label, sequence)
    truth = read_label_sequence(case.truth, sequence)
    annotated = np.flatnonzero(drawn.any(axis=(1, 2, 3))).tolist()
    frames = [frame for frame in range(len(sequence)) if frame not in annotated]
    if not annotated or not frames:
        raise InputError(
            f"Case {case.name} has {len(annotated)} annotated of {len(sequence)} frames; it needs"
            " some of either kind."
        )
    positions = []
    for number, (place, stack) in enumerate(time_stacks(sequence)):
        if drawn[place].any():
            positions.append(Position(number, stack, drawn[place], truth[place]))
    return OpenCase(case, positions, annotated, frames)


def _measure(
    opened: OpenCase,
    labellers: Mapping[str, Labeller],
    plots: Path | None,
) -> list[Row]:
    """The rows of one case; plots of its middle slice where a folder is given."""
    rows = []
    shown: dict[str, Labels] = {}  # {model: its labels on the middle slice}
    middle = opened.positions[len(opened.positions) // 2]
    for position in opened.positions:
        for name, labeller in labellers.items():
            began = time.perf_counter()
            found = labeller.label(position.stack, position.drawn, opened.annotated)
            seconds = time.perf_counter() - began
            known = {
                "model": name,
                "dataset": opened.case.dataset,
                "case": opened.case.name,
                "position": position.number,
                "ms_per_frame": 1000 * seconds / len(position.stack),
            }
            seen = [] if labeller.sees_labels else opened.annotated
            rows += [known | row for row in _label_rows(position, found, opened.frames, seen)]
            if position is middle:
                shown[name] = found
    if plots:
        for label in sorted(middle.labels):
            _plot(plots, opened, middle, label, shown)
    return rows


def _label_rows(
    position: Position,
    found: Labels,
    frames: list[int],
    annotated: list[int],
) -> list[Row]:
    """The measures of each label on one slice position; none at ED and ES where these are given."""
    rows = []
    for label in position.labels:
        measures = measure_series(
            found == label,
            position.truth == label,
            position.stack.spacing_mm[1:],
            frames,
        )
        at_ends = dict.fromkeys(ANNOTATED, float("nan"))
        if annotated:
            spacing_mm = position.stack.spacing_mm[1:]
            at_ends = measure_frames(found == label, position.truth == label, spacing_mm, annotated)
        renamed = {ANNOTATED[name]: value for name, value in at_ends.items()}
        rows.append({"label": label} | renamed | measures)
    return rows


def _plot(
    folder: Path,
    opened: OpenCase,
    middle: Position,
    label: int,
    shown: Mapping[str, Labels],
) -> None:
    """Time-area curves, and outlines on frames at and between the annotated ones (Figure 3)."""
    name = opened.case.name
    title = f"{name}, slice {middle.number}, label {label}"
    plot_areas(
        folder / f"areas-{name}-{label}.png",
        {model: middle.area_mm2(found, label) for model, found in shown.items()},
        annotated=opened.annotated,
        truth=middle.area_mm2(middle.truth, label),
        title=title,
    )
    examples = [
        Example(
            f"frame {frame}" + (", annotated" if frame in opened.annotated else ""),
            middle.stack.images[frame],
            middle.truth[frame] == label,
            {model: found[frame] == label for model, found in shown.items()},
            middle.stack.spacing_mm[1:],
        )
        for frame in _shown_frames(opened)
    ]
    draw_overlays(folder / f"frames-{name}-{label}.png", examples, title)


def _shown_frames(opened: OpenCase) -> list[int]:
    """The first two annotated frames, and those half-way to the next one."""
    total = len(opened.annotated) + len(opened.frames)
    bounds = [*opened.annotated, total]
    found = []
    for first, after in list(pairwise(bounds))[:2]:
        found += [first, (first + after) // 2]
    return sorted(set(found))


def _cases(table: Path, split: str) -> list[CineCase]:
    found = []
    for row in read_table(table, ("image", "label", "truth", "case")):
        if split and row.get("split", "") not in ("", split):
            continue
        found.append(
            CineCase(
                image=str(table.parent / row["image"]),
                label=str(table.parent / row["label"]),
                truth=str(table.parent / row["truth"]),
                dataset=row.get("dataset") or "all",
                name=row["case"],
            )
        )
    if not found:
        raise InputError(f"{table} has no case of split '{split}'; choose another --split.")
    return found
