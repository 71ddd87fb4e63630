"""Whether the pancreas paper's jump between neighbouring slices finds bad slices: alone, and together with the confidence that there is."""

import csv
from pathlib import Path

import numpy as np

from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice_per_slice, jumps
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import Provenance

NAME = "pnet-jump"
BAD_DICE = 0.7  # a slice below should be looked at
FEWEST_SLICES = 5
PAPER_MM = 0.5  # the paper's jump
SIGNALS = {
    "confidence": lambda row: 1 - row["confidence"],
    "jump": lambda row: row["jump_mm"],
    "both": lambda row: 1 - row["confidence"] + row["jump_mm"] / (1 + row["jump_mm"]) / 4,
}


def run_jump_experiment(arguments, report=None):
    """Propagate from the middle slice of every structure of split `val`, compare the signals with the truth, write slices.csv and results.md.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the folder.
    """
    engine = choose_engine(arguments.engine, arguments.device)
    datasets = arguments.datasets.split(",") if arguments.datasets else None
    cases = [
        case for case in read_training_cases(arguments.cases, datasets) if case.split in ("", "val")
    ]
    rows = []
    taken = {}
    for case in cases:
        taken[case.dataset] = taken.get(case.dataset, 0) + 1
        if arguments.max_cases and taken[case.dataset] > arguments.max_cases:
            continue
        rows += [
            {"dataset": case.dataset, "case": case.name} | row
            for row in _rows_of(case, arguments.label, engine)
        ]
        if report:
            report(f"{case.dataset} {case.name} propagated")
    if not rows:
        raise InputError(
            "No case of split val shows a structure on enough slices; choose other --datasets or"
            " another --label."
        )
    text = _text(rows, engine)
    out = Path(arguments.out) / NAME
    with atomic_folder(out) as partial:
        (partial / "results.md").write_text(text, encoding="utf-8")
        with open(partial / "slices.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    return text


def _rows_of(case, label, engine):
    """A row for each slice on which a structure was predicted."""
    volume = read_volume(case.image)
    labels, segments = read_labels(case.label_map, volume)
    rows = []
    for segment in segments:
        session, truth = object_session(volume, labels, segment.label, 0)
        shown = np.flatnonzero(truth.any(axis=(1, 2)))
        if label not in (0, segment.label) or len(shown) < FEWEST_SLICES:
            continue
        session.annotate(segment.label, int(shown[len(shown) // 2]), truth[shown[len(shown) // 2]])
        for _ in propagate(session, engine, plan_session(session)):
            pass
        masks = session.masks(segment.label)
        scores = dice_per_slice(masks, truth)
        jumped = jumps(masks, session.stack.spacing_mm)
        chosen = np.flatnonzero(
            (session.provenance[0] == Provenance.PROPAGATED) & masks.any(axis=(1, 2))
        )
        rows += [
            {
                "label": segment.label,
                "slice": int(index),
                "dice": float(scores[index]),
                "confidence": float(session.confidence[0, index]),
                "jump_mm": float(jumped[index]),
            }
            for index in chosen
        ]
    return rows


def area_under_curve(signal, is_bad):
    """Probability that a bad slice has a higher signal than a good one, ties count half.

    NaN where all are good or all are bad.

    Args:
        signal: (N,) numbers.
        is_bad: (N,) bool.
    """
    signal = np.asarray(signal, float)
    is_bad = np.asarray(is_bad, bool)
    bad = signal[is_bad]
    good = np.sort(signal[~is_bad])
    if not bad.size or not good.size:
        return np.nan
    below = (np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")) / 2
    return float(below.mean() / good.size)


def _text(rows, engine):
    parts = [
        f"## The jump between neighbouring slices as a sign of a bad slice ({engine.name})\n",
        (
            f"Split `val`, seed on the middle slice; slices with a Dice below {BAD_DICE} count as"
            " bad. Numbers: area under the ROC curve, 0.5 is chance; `both` adds up to a quarter"
            " for the jump to the doubt. Last column: share of bad slices among those with a jump"
            f" above the paper's {PAPER_MM} mm.\n"
        ),
        "| data set | slices | bad | "
        + " | ".join(SIGNALS)
        + f" | bad among jumps above {PAPER_MM} mm |",
        "|" + " --- |" * (4 + len(SIGNALS)),
    ]
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        is_bad = [row["dice"] < BAD_DICE for row in own]
        areas = [
            f"{area_under_curve([signal(row) for row in own], is_bad):.3f}"
            for signal in SIGNALS.values()
        ]
        jumped = [bad for row, bad in zip(own, is_bad) if row["jump_mm"] > PAPER_MM]
        share = f"{100 * np.mean(jumped):.0f} % of {len(jumped)}" if jumped else "none"
        parts.append(
            f"| {dataset} | {len(own)} | {sum(is_bad)} | " + " | ".join(areas) + f" | {share} |"
        )
    return "\n".join(parts) + "\n"
