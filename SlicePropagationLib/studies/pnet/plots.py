"""Plots of the pancreas paper's experiments.

Dice against the threshold, found against true volume, Dice of every case in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.evaluation.plots import (
    FAINT,
    add_legend,
    dress,
    line_style,
    new_figure,
    title_figure,
)
from SlicePropagationLib.studies.tables import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (6.8, 4.0)
MANY = 30  # cases: beyond, points are small and not joined


def draw_thresholds(
    path: Path,
    dataset: str,
    thresholds: Sequence[float],
    curves: Mapping[str, np.ndarray],
) -> None:
    """Write mean Dice against the threshold of the probability; none without Matplotlib.

    Args:
        path: of the PNG.
        dataset: name in the title.
        thresholds: numbers in [0, 1].
        curves: {name: mean Dice at each threshold}.
    """

    def draw(axes: Axes) -> None:
        for number, (name, values) in enumerate(curves.items()):
            style = line_style(number)
            axes.plot(
                thresholds,
                values,
                label=name,
                **style,
                markersize=4.5,
            )

    title = f"{dataset}: Dice against the threshold"
    _save(path, title, ("threshold", "mean Dice"), draw)


def draw_volumes(
    path: Path,
    dataset: str,
    rows: Mapping[str, list[Row]],
    fits: Mapping[str, tuple[float, float]],
) -> None:
    """Write found against true volume, a point for each case; none without Matplotlib.

    Args:
        path: of the PNG.
        dataset: name in the title.
        rows: {name: rows with "true_ml" and "found_ml"}.
        fits: {name: (R², variance of the error)}.
    """

    def draw(axes: Axes) -> None:
        _draw_equality(axes, rows)
        for number, (name, own) in enumerate(rows.items()):
            style = line_style(number)
            style["linestyle"] = "none"
            style["markersize"] = 3 if len(own) > MANY else 5
            axes.plot(
                [row["true_ml"] for row in own],
                [row["found_ml"] for row in own],
                label=f"{name}: {_fit_text(*fits[name])}",
                alpha=0.8,
                **style,
            )

    title = f"{dataset}: volume in every held-out case (line: equal)"
    _save(path, title, ("true volume, ml", "found volume, ml"), draw, legend_columns=1)


def draw_sorted(
    path: Path,
    dataset: str,
    scores: Mapping[str, Sequence[float]],
) -> None:
    """Write the Dice of every case, the cases ordered by the first column; none without Matplotlib.

    Args:
        path: of the PNG.
        dataset: name in the title.
        scores: {name: Dice of each case, in the same order of cases}.
    """
    first = next(iter(scores))
    order = sorted(range(len(scores[first])), key=lambda place: scores[first][place])
    are_many = len(order) > MANY

    def draw(axes: Axes) -> None:
        for number, (name, values) in enumerate(scores.items()):
            style = line_style(number)
            style["markersize"] = 3 if are_many else 4.5
            if number and are_many:
                style["linestyle"] = "none"
            axes.plot(
                range(1, len(order) + 1),
                [values[place] for place in order],
                label=name,
                **style,
            )
        locator: Any = axes.xaxis.get_major_locator()
        locator.set_params(integer=True)

    title = f"{dataset}: Dice of every case, in the order of {first}"
    _save(path, title, ("case", "Dice"), draw)


def _draw_equality(axes: Axes, rows: Mapping[str, list[Row]]) -> None:
    """The line on which found volumes are the true ones."""
    volumes = []
    for own in rows.values():
        for row in own:
            volumes += [row["true_ml"], row["found_ml"]]
    ends = [min(volumes), max(volumes)]
    axes.plot(ends, ends, color=FAINT, linewidth=1)


def _fit_text(fit: float, variance: float) -> str:
    text = f"R² {fit:.2f}, variance of the error {variance:.3g} ml²"
    return text.replace("nan", "unknown")


def _save(
    path: Path,
    title: str,
    labels: tuple[str, str],
    draw: Callable[[Axes], None],
    legend_columns: int = 2,
) -> None:
    """Write a figure with `labels` below and beside its axes; none without Matplotlib."""
    if util.find_spec("matplotlib") is None:
        return
    below, beside = labels
    figure = new_figure(*SIZE_INCHES)
    axes = figure.subplots()
    dress(axes)
    draw(axes)
    axes.set_xlabel(below, color=FAINT, fontsize=10)
    axes.set_ylabel(beside, color=FAINT, fontsize=10)
    title_figure(figure, title)
    add_legend(figure, legend_columns, 10)
    figure.savefig(path, format="png")
