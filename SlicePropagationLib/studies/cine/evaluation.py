"""`evaluate-cine`: models and engines on sequences with known truth.

Tables with intervals, time-area curves.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib.engines import MODEL_SUFFIXES
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.sequence import read_label_sequence, read_sequence, time_stacks
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.pipelines.propagate_frames import TimeSession
from SlicePropagationLib.pipelines.segment_file import is_segmenter, load_segmenter
from SlicePropagationLib.studies.cine.measures import measure_series
from SlicePropagationLib.studies.cine.pictures import plot_areas
from SlicePropagationLib.studies.cine.tables import comparison, write_report

COLUMNS = {
    "dice": ("Dice", True),
    "distance_mm": ("distance", True),
    "area_error_mm2": ("area error", True),
    "jitter_mm2": ("jitter", True),
    "curvature": ("curvature", True),
    "curvature_truth": ("of the truth", False),
}
ROW = ("model", "dataset", "case", "label", "position", *COLUMNS, "ms_per_frame")
MOST_PLOTS = 12


@dataclass(frozen=True)
class CineCase:
    """One sequence: image, labels (annotated frames only) and truth (every frame)."""

    image: str
    label: str
    truth: str
    dataset: str
    name: str


def evaluate_cine(table, models, out, *, split="val", max_cases=None, device="auto", report=None):
    """Measure models on the sequences of a table, on frames that nobody annotated.

    Args:
        table: with columns image, label, truth, case and optionally split, dataset, as `make-cine`
            writes it.
        models: {name: model file or engine}; models that segment by themselves do so, others carry
            the annotated frames along time.

    Returns:
        The report as Markdown; it is also written to `out`/report.md, beside rows.csv and plots of
        time-area curves.

    Raises:
        SlicePropagationError: about the table, a model or a case.
    """
    out = Path(out)
    rows = []
    cases = _cases(Path(table), split)[:max_cases]
    walkers = {name: _labeller(model, device) for name, model in models.items()}
    out.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(cases, 1):
        rows += _measure(case, walkers, out if number <= MOST_PLOTS else None)
        if report:
            report(f"{number} of {len(cases)}: {case.name}")
    text = describe(rows, list(models))
    write_report(out, text, rows, ROW)
    return text


def describe(rows, models):
    """Tables in Markdown, one for each data set and label: means with 95 % bootstrap intervals over patients, and paired differences to the first model."""
    lines = [
        "Frames that nobody annotated; distances in mm, areas in mm2, jitter: mean |second"
        " difference| over time of the error of the area in mm2, curvature of the time-area curve"
        " with areas as shares of the mean true one and time as a share of the cycle. 95 %"
        " intervals over patients."
    ]
    if any(row["dataset"].startswith("synthetic") for row in rows):
        lines.append(
            "These sequences are synthetic: a motion between two real frames, not a real heart"
            " beat."
        )
    lines += comparison(
        rows,
        models,
        COLUMNS,
        ("case", "position"),
        ("ms per frame", "ms_per_frame", "{:.0f}"),
    )
    return "\n".join(lines) + "\n"


def _labeller(model, device):
    """A function (SliceStack, its drawn labels, annotated frames) -> (T, H, W) labels."""
    if str(model).endswith(MODEL_SUFFIXES) and is_segmenter(model):
        segmenter = load_segmenter(model, device)
        return lambda stack, drawn, annotated: segmenter.segment(stack)
    engine = choose_engine(model, device)

    def carry(stack, drawn, annotated):
        timed = TimeSession(stack, drawn, annotated)
        for _ in timed.steps(engine):
            pass
        return timed.label_map()

    return carry


def _measure(case, walkers, plots):
    """The rows of one case; plots of its middle slice where a folder is given."""
    sequence = read_sequence(case.image)
    drawn, truth = (read_label_sequence(path, sequence) for path in (case.label, case.truth))
    annotated = np.flatnonzero(drawn.any(axis=(1, 2, 3))).tolist()
    frames = [frame for frame in range(len(sequence)) if frame not in annotated]
    if not annotated or not frames:
        raise InputError(
            f"Case {case.name} has {len(annotated)} annotated of {len(sequence)} frames; it needs"
            " some of either kind."
        )
    rows = []
    curves = {}
    stacks = [(place, stack) for place, stack in time_stacks(sequence) if drawn[place].any()]
    middle = stacks[len(stacks) // 2][0][-1]
    for place, stack in stacks:
        labels = [int(label) for label in np.unique(drawn[place][drawn[place] > 0])]
        for name, labeller in walkers.items():
            began = time.perf_counter()
            found = labeller(stack, drawn[place], annotated)
            milliseconds = 1000 * (time.perf_counter() - began) / len(stack)
            rows += [
                {
                    "model": name,
                    "dataset": case.dataset,
                    "case": case.name,
                    "label": label,
                    "position": place[-1],
                    "ms_per_frame": milliseconds,
                }
                | measure_series(
                    found == label,
                    truth[place] == label,
                    stack.spacing_mm[1:],
                    frames,
                )
                for label in labels
            ]
            if place[-1] == middle:
                curves |= {
                    (label, name): (found == label).sum(axis=(1, 2)) * stack.pixel_area_mm2
                    for label in labels
                }
    pixel = stacks[0][1].pixel_area_mm2
    for label in sorted({label for label, _ in curves}) if plots else ():
        plot_areas(
            plots / f"areas-{case.name}-{label}.png",
            {name: areas for (own, name), areas in curves.items() if own == label},
            annotated=annotated,
            truth=(truth[:, middle] == label).sum(axis=(1, 2)) * pixel,
            title=f"{case.name}, slice {middle}, label {label}",
        )
    return rows


def _cases(table, split):
    found = [
        CineCase(
            *(str(table.parent / row[name]) for name in ("image", "label", "truth")),
            row.get("dataset") or "all",
            row["case"],
        )
        for row in read_table(table, ("image", "label", "truth", "case"))
        if not split or row.get("split", "") in ("", split)
    ]
    if not found:
        raise InputError(f"{table} has no case of split '{split}'; choose another --split.")
    return found
