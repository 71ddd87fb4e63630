"""Whether the pancreas paper's jump between neighbouring slices finds bad slices.

Alone, and together with the confidence that there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase, read_training_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice_per_slice, jumps
from SlicePropagationLib.propagation import Engine, plan_session, propagate
from SlicePropagationLib.session import Provenance
from SlicePropagationLib.studies.first_page import FirstPage
from SlicePropagationLib.studies.request import Report, StudyRequest
from SlicePropagationLib.studies.tables import Row, markdown_line, write_rows

EXPERIMENTS = ("pnet-jump",)
BAD_DICE = 0.7  # a slice below should be looked at
FEWEST_SLICES = 5
PAPER_MM = 0.5  # the paper's jump


def run(request: StudyRequest, report: Report | None = None) -> str:
    """Propagate from the middle slice of every structure of split `val`, compare the signals.

    Writes slices.csv and results.md.

    Args:
        request: the experiment and its cases.
        report: called with a line of text for each case; None to be silent.

    Returns:
        The report as Markdown.

    Raises:
        SlicePropagationError: something about the request, the cases or the folder.
    """
    engine = choose_engine(request.engine, request.device)
    rows = []
    for case in _cases(request):
        known = {"dataset": case.dataset, "case": case.name}
        rows += [known | row for row in _rows_of(case, request.label, engine)]
        if report:
            report(f"{case.dataset} {case.name} propagated")
    if not rows:
        raise InputError(
            "No case of split val shows a structure on enough slices; choose other --datasets or"
            " another --label."
        )
    text = _text(rows, engine.name)
    with atomic_folder(request.folder) as partial:
        (partial / "results.md").write_text(text, encoding="utf-8")
        write_rows(partial / "slices.csv", rows)
    return text


def area_under_curve(signal: Sequence[float], is_bad: Sequence[bool]) -> float:
    """Probability that a bad slice has a higher signal than a good one, ties count half.

    NaN where all are good or all are bad.

    Args:
        signal: (N,) numbers.
        is_bad: (N,) bool.
    """
    values = np.asarray(signal, float)
    is_marked = np.asarray(is_bad, bool)
    bad = values[is_marked]
    good = np.sort(values[~is_marked])
    if not bad.size or not good.size:
        return np.nan
    below = np.searchsorted(good, bad, "left")
    not_above = np.searchsorted(good, bad, "right")
    return float((below + not_above).mean() / 2 / good.size)


def _cases(request: StudyRequest) -> Iterator[TrainingCase]:
    """The first cases of every data set that are not trained on."""
    taken: Counter[str] = Counter()
    for case in read_training_cases(request.cases, request.datasets):
        if case.split not in ("", "val"):
            continue
        taken[case.dataset] += 1
        if request.max_cases is None or taken[case.dataset] <= request.max_cases:
            yield case


def _rows_of(
    case: TrainingCase,
    label: int,
    engine: Engine,
) -> Iterator[Row]:
    """A row for each slice on which a structure was predicted."""
    volume = read_volume(case.image)
    labels, segments = read_labels(case.label_map, volume)
    for segment in segments:
        session, truth = object_session(volume, labels, segment.label, 0)
        shown = np.flatnonzero(truth.any(axis=(1, 2)))
        if label not in (0, segment.label) or len(shown) < FEWEST_SLICES:
            continue
        middle = int(shown[len(shown) // 2])
        session.annotate(segment.label, middle, truth[middle])
        for _ in propagate(session, engine, plan_session(session)):
            pass
        masks = session.masks(segment.label)
        scores = dice_per_slice(masks, truth)
        jumped = jumps(masks, session.stack.spacing_mm)
        is_predicted = session.provenance[0] == Provenance.PROPAGATED
        for index in np.flatnonzero(is_predicted & masks.any(axis=(1, 2))):
            yield {
                "label": segment.label,
                "slice": int(index),
                "dice": float(scores[index]),
                "confidence": float(session.confidence[0, index]),
                "jump_mm": float(jumped[index]),
            }


def _doubt(row: Row) -> float:
    return 1 - row["confidence"]


def _jump(row: Row) -> float:
    return row["jump_mm"]


def _both(row: Row) -> float:
    """The doubt, and up to a quarter for the jump."""
    return _doubt(row) + row["jump_mm"] / (1 + row["jump_mm"]) / 4


SIGNALS: dict[str, Callable[[Row], float]] = {
    "confidence": _doubt,
    "jump": _jump,
    "both": _both,
}


def _text(rows: list[Row], engine: str) -> str:
    header = [
        "data set",
        "slices",
        "bad",
        *SIGNALS,
        f"bad among jumps above {PAPER_MM} mm",
    ]
    page = FirstPage(
        title=f"The jump between neighbouring slices as a sign of a bad slice ({engine})",
        asked="Does the paper's jump find bad slices, alone or beside the confidence?",
        how=(
            f"Split `val`, seed on the middle slice; slices with a Dice below {BAD_DICE} count as"
            " bad. Numbers: area under the ROC curve, 0.5 is chance; `both` adds up to a quarter"
            " for the jump to the doubt. Last column: share of bad slices among those with a jump"
            f" above the paper's {PAPER_MM} mm."
        ),
    )
    parts = [
        page.text(),
        markdown_line(header),
        "|" + " --- |" * len(header),
    ]
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        parts.append(markdown_line([dataset, *_cells(own)]))
    return "\n".join(parts) + "\n"


def _cells(rows: list[Row]) -> list[object]:
    """What one data set shows."""
    is_bad = [row["dice"] < BAD_DICE for row in rows]
    areas = []
    for signal in SIGNALS.values():
        area = area_under_curve([signal(row) for row in rows], is_bad)
        areas.append(f"{area:.3f}")
    share = "none"
    jumped = [row["dice"] < BAD_DICE for row in rows if row["jump_mm"] > PAPER_MM]
    if jumped:
        share = f"{100 * np.mean(jumped):.0f} % of {len(jumped)}"
    return [len(rows), sum(is_bad), *areas, share]
