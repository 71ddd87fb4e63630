"""Ejection fraction and volumes of networks against the truth, as in the ACNN paper's Table II."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.studies.tables import Row, markdown_table

FRAMES = ("ED", "ES")
LIMITS = 1.96  # standard deviations on either side of the bias that hold 95 % of a normal
FEWEST_PATIENTS = 3
HEADER = (
    "network",
    "correlation of ejection fractions",
    "their bias ± limits, points",
    "bias ± limits at ED, ml",
    "at ES, ml",
)


Values = Sequence[float] | np.ndarray  # of the same cases


class Agreement(NamedTuple):
    """What Bland and Altman plot.

    Attributes:
        bias: mean of found - true.
        limits: half width of the limits of agreement, 1.96 standard deviations of it.
    """

    bias: float
    limits: float


def agreement(found: Values, truth: Values) -> Agreement:
    """How two measurements of the same agree (Bland and Altman, The Lancet 327, 1986)."""
    apart = np.asarray(found, float) - np.asarray(truth, float)
    return Agreement(float(apart.mean()), float(LIMITS * apart.std(ddof=1)))


def ejection_fraction(end_diastolic: float, end_systolic: float) -> float:
    """Share of the volume at ED that is gone at ES, in per cent."""
    return 100 * (end_diastolic - end_systolic) / end_diastolic


def ejection_table(
    scores: dict[str, list[list[Row]]],
    names: Sequence[str],
    number: int,
) -> str:
    """A line for each network; "" where fewer than three patients have a truth at ED and at ES.

    Args:
        scores: {network: for each case its rows, with "class", "found_ml" and "true_ml"}.
        names: of the cases, PATIENT_ED and PATIENT_ES.
        number: of the class.
    """
    lines = []
    for network, cases in scores.items():
        found, true = _volumes(cases, names, number)
        if len(true) < FEWEST_PATIENTS:
            return ""
        lines.append([network, *_cells(found, true)])
    return markdown_table(HEADER, lines)


def _volumes(
    cases: list[list[Row]],
    names: Sequence[str],
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    """((patients, 2) found ml, (patients, 2) true ml) at ED and ES, of patients who have both."""
    rows: dict[str, dict[str, Row]] = {}
    for name, own in zip(names, cases, strict=True):
        patient = patient_of(name)
        frame = name[len(patient) :].strip("_")
        for row in own:
            if row["class"] == number and frame in FRAMES and row["true_ml"] > 0:
                rows.setdefault(patient, {})[frame] = row
    both = [own for own in rows.values() if len(own) == len(FRAMES)]
    found = [[own[frame]["found_ml"] for frame in FRAMES] for own in both]
    true = [[own[frame]["true_ml"] for frame in FRAMES] for own in both]
    return np.array(found), np.array(true)


def _cells(found: np.ndarray, true: np.ndarray) -> list[str]:
    """Of patients with a volume found at ED; who has none has no ejection fraction."""
    is_known = found[:, 0] > 0
    cells = ["-", "-"]
    if is_known.sum() >= FEWEST_PATIENTS:
        fractions = [ejection_fraction(*row) for row in found[is_known]]
        truths = [ejection_fraction(*row) for row in true[is_known]]
        cells = [f"{_correlation(fractions, truths):.3f}", _in_words(agreement(fractions, truths))]
    for frame in range(len(FRAMES)):
        cells.append(_in_words(agreement(found[:, frame], true[:, frame])))
    return cells


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's; NaN where one does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _in_words(own: Agreement) -> str:
    return f"{own.bias:.2f} ± {own.limits:.2f}"
