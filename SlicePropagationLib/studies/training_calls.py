"""The one place where studies train.

It stands between the studies and `training.train` until that takes a `TrainRequest`.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.studies.request import Report
from SlicePropagationLib.training.train import RECORD as RECORD
from SlicePropagationLib.training.train import merged as merged
from SlicePropagationLib.training.train import train as _train


@dataclass(frozen=True)
class TrainRequest:
    """The fields that training.train.TrainRequest will have."""

    task: str
    cases: Path | str
    out: Path | str
    preset: str = "default"
    config: Path | str | None = None
    init: Path | str | None = None
    prior: Path | str | None = None
    labels: tuple[int, ...] | None = None
    walks: Path | str | None = None
    datasets: tuple[str, ...] | None = None
    max_cases: int | None = None
    folds: int = 0
    epochs: int | None = None
    max_hours: float | None = None
    seed: int | None = None
    workers: int = 1
    device: str = "auto"


def train(request: TrainRequest, report: Report | None = None) -> list[Path]:
    """Train as a request says; returns the paths of the best weights."""
    options = dict(vars(request))
    options["datasets"] = ",".join(request.datasets) if request.datasets else None
    options["labels"] = ",".join(map(str, request.labels)) if request.labels else None
    options["prior"] = request.prior and str(request.prior)
    options["init"] = request.init and str(request.init)
    return _train(Namespace(**options), report)
