"""The figure on the first page of a study: how far the paper's better one is ahead here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.evaluation.plots import FAINT, GRID, new_figure
from SlicePropagationLib.studies.first_page import DOES_NOT, HOLDS, UNKNOWN, Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {HOLDS: "#009E73", DOES_NOT: "#D55E00", UNKNOWN: "#7F7F7F"}
MARKERS = {HOLDS: "o", DOES_NOT: "X", UNKNOWN: "D"}  # told apart without colours, too
WIDTH_INCHES = 7.2
LINE_INCHES = 0.25
FRAME_INCHES = 0.75  # an axis and its name


def draw_findings(path: Path | str, findings: Sequence[Finding]) -> None:
    """Write an interval for each finding, a panel for each unit.

    Nothing is written without Matplotlib, or without findings.

    Args:
        path: of the PNG.
        findings: from top to bottom.
    """
    units = list(dict.fromkeys(found.unit for found in findings))
    if util.find_spec("matplotlib") is None or not units:
        return
    panels = [[found for found in findings if found.unit == unit] for unit in units]
    heights = [FRAME_INCHES + LINE_INCHES * len(own) for own in panels]
    figure = new_figure(WIDTH_INCHES, sum(heights) + 0.3)
    cells = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for axes, own in zip(cells[:, 0], panels, strict=True):
        _draw_panel(axes, own)
    figure.suptitle(" ".join(_legend(findings)), fontsize=8, color=FAINT)
    figure.savefig(path, format="png")


def _legend(findings: Sequence[Finding]) -> list[str]:
    signs = {HOLDS: "●", DOES_NOT: "✖", UNKNOWN: "◆"}
    found = {finding.verdict for finding in findings}
    return ["right of 0: as in the paper;"] + [
        f"{sign} {verdict} " for verdict, sign in signs.items() if verdict in found
    ]


def _draw_panel(axes: Axes, findings: Sequence[Finding]) -> None:
    axes.axvline(0, color=FAINT, linewidth=1)
    for place, found in enumerate(findings):
        color = COLORS[found.verdict]
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [place, place], color=color, linewidth=2)
        axes.plot([found.ahead], [place], MARKERS[found.verdict], color=color, markersize=6)
    titles = [f"{found.where}: {found.statement}".removeprefix(": ") for found in findings]
    axes.set_yticks(np.arange(len(findings)), titles, fontsize=8)
    axes.set_ylim(len(findings) - 0.5, -0.5)
    axes.set_xlabel(f"ahead by, {findings[0].unit}", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color=GRID)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
