"""Interpolation against super-resolution without and with prior (the ACNN paper's Table III)."""

from __future__ import annotations

from collections.abc import Callable

from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.studies.acnn.data_sets import described
from SlicePropagationLib.studies.acnn.inputs import INPUTS, STILL
from SlicePropagationLib.studies.acnn.measurement import Measurement
from SlicePropagationLib.studies.acnn.measures import (
    interpolator,
    score_superresolution,
    summary,
    wilcoxon_p,
)
from SlicePropagationLib.studies.first_page import Claim, Finding, Part, Score, findings_of
from SlicePropagationLib.studies.tables import Row, markdown_table

HEADER = (
    "method",
    "SSIM",
    "seconds",
    "p of ACNN-SR against it",
    "p of SR without prior against it",
)
CLAIMS = (
    Claim("ACNN-SR", "linear", "+.019", "ssim", unit="SSIM"),
    Claim("ACNN-SR", "B-spline", "+.017", "ssim", unit="SSIM"),
    Claim("ACNN-SR", "3D-UNet", "+.012", "ssim", unit="SSIM"),
    Claim("ACNN-SR", "SR without prior", "not given", "ssim", unit="SSIM"),
)
METHODS = ("linear", "B-spline", "3D-UNet", "SR without prior", "ACNN-SR")

Scores = dict[str, list[Row]]  # {method: a row for each case}


def measure_superresolution(measurement: Measurement) -> Part:
    """Table III on one data set, SSIM."""
    scores: dict[str, Scores] = {title: {} for title in INPUTS}
    grids = []
    for part in measurement.parts():
        grids.append(_score_part(part, scores))
    count = len(scores[STILL]["linear"])
    parts = [f"### {measurement.dataset}, {measurement.judged(count)}, {described(grids[-1])}\n"]
    parts.append(f"{measurement.placed()}\n")
    for title, own in scores.items():
        lines = [[name, *_cells(own, name)] for name in METHODS]
        parts += [f"{title}:\n", markdown_table(HEADER, lines)]
    return Part("\n".join(parts), _findings(scores[STILL], measurement.dataset))


def _findings(scores: Scores, dataset: str) -> tuple[Finding, ...]:
    """What was found about the paper's claims on slices that lie still."""

    def scores_of(column: str, measure: str) -> list[Score]:
        return [
            Score(dataset, patient_of(row["case"]), row["case"], row[measure])
            for row in scores[column]
        ]

    return findings_of(CLAIMS, scores_of, scores, dataset)


def _score_part(part: Measurement, scores: dict[str, Scores]) -> FineGridConfig:
    """Add the scores of one part; returns the grid of its networks."""
    plain = part.network("acnn_superresolution", "paper-plain")
    unet = part.network("acnn_superresolution", "paper-unet")
    guided = part.network("acnn_superresolution", "paper", part.tl_prior())
    grid = plain.grid
    methods: dict[str, Callable] = {
        "linear": interpolator(grid, 1),
        "B-spline": interpolator(grid, 3),
        "3D-UNet": unet.network,
        "SR without prior": plain.network,
        "ACNN-SR": guided.network,
    }
    data = part.val_data(plain)
    for title, config in INPUTS.items():
        for name, method in methods.items():
            for seed, (case, (image, _)) in enumerate(zip(data.names, data.samples, strict=True)):
                row = score_superresolution(method, image, grid, config, seed)
                scores[title].setdefault(name, []).append({"case": case} | row)
    return grid


def _cells(scores: Scores, name: str) -> list[str]:
    own = scores[name]
    cells = []
    for measure in ("ssim", "seconds"):
        cells.append(summary([row[measure] for row in own]))
    for judged in ("ACNN-SR", "SR without prior"):
        cells.append(_p(scores[judged], own))
    return cells


def _p(rows: list[Row], others: list[Row]) -> str:
    first = [row["ssim"] for row in rows]
    second = [row["ssim"] for row in others]
    return f"{wilcoxon_p(first, second):.3g}"
