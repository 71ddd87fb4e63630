"""folds.csv: what a cross-validation reached."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from SlicePropagationLib.files.atomic import atomic_folder


def write_fold_table(out: Path, folders: Sequence[Path]) -> None:
    """Write what the folds reached to folds.csv, with mean and standard deviation.

    The figure of a fold is that of its last weights on its held-out patients, who chose nothing of
    them; beside it stands the best epoch, which they did choose.

    Args:
        out: the folder of the table.
        folders: one for each fold, with its metrics.jsonl.
    """
    score = _score_of(folders[0])
    rows = [_row_of(folder, score) for folder in folders]
    scores = np.array([row[:2] for row in rows])
    with (
        atomic_folder(out) as partial,
        open(
            partial / "folds.csv",
            "w",
            newline="",
            encoding="utf-8",
        ) as file,
    ):
        table = csv.writer(file)
        table.writerow(["fold", score, f"best_{score}", "best_epoch"])
        for number, (last, best, epoch) in enumerate(rows, 1):
            table.writerow([number, round(last, 5), round(best, 5), epoch])
        table.writerow(["mean", *scores.mean(axis=0).round(5), ""])
        table.writerow(["sd", *scores.std(axis=0, ddof=1).round(5), ""])


def _lines_of(folder: Path) -> list[dict[str, float]]:
    """{name: value} of every epoch."""
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _score_of(folder: Path) -> str:
    return "dice" if "dice" in _lines_of(folder)[0] else "ssim"


def _row_of(folder: Path, score: str) -> tuple[float, float, float]:
    """Score of the last epoch, of the best, and which that is."""
    lines = _lines_of(folder)
    best = max(lines, key=lambda line: line[score])
    return lines[-1][score], best[score], best["epoch"]
