"""Plots of an evaluation.

Dice against the number of annotated slices, the drift of the first mask, and the run past the ends.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from importlib import util
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, Literal

from SlicePropagationLib.evaluation.protocol import (
    UNIFORM,
    EvaluationProtocol,
    Row,
    scored_rows,
)
from SlicePropagationLib.evaluation.scores import DRIFT_BINS
from SlicePropagationLib.evaluation.statistics import REAL_SETS, drift_curve, real_sets, select
from SlicePropagationLib.evaluation.tables import Tables, of_sets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers too; the last engine, the one that is
# compared with the others, comes first.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TEXT = "#1F2328"
FAINT = "#667079"
GRID = "#E3E6EA"
PANEL_INCHES = (4.4, 3.4)
FRAME_INCHES = 0.8  # holds title and legend
DPI = 130
NARROWEST_INCHES = 6.8
MOST_COLUMNS = 3
LETTERS_PER_INCH = 11
LETTERS_OF_A_LINE = 6  # the line before a name in the legend and the space behind it
ENDS_TICKS_MM = (0, 1, 3, 10, 30, 100, 300)
FINEST_MM = 1.0  # below, the scale of the ends is linear, so that it can show zero
DICE_TITLE = (
    "Dice against the number of annotated slices (these excluded), mean over real sets with 95"
    " % interval over patients"
)
DRIFT_TITLE = (
    "Drift: Dice of the slices at one distance from the only annotated slice, mean over real sets"
)
ENDS_TITLE = (
    "Run past the two ends together, structures of real sets (box: quartiles, whiskers: 5 to 95 %)"
)

User = tuple[str, str]  # (pick, correct) of a simulated annotator
DrawPanel = Callable[["Axes", User], None]


def draw_plots(
    folder: Path,
    tables: Tables,
    protocol: EvaluationProtocol,
) -> None:
    """Write dice.png, drift.png and ends.png of the real data sets.

    None where Matplotlib is not installed or no real set was scored.

    Args:
        folder: where they go.
        tables: what was found.
        protocol: what was asked for.
    """
    if not _can_draw() or not select(tables.results, dataset=REAL_SETS):
        return

    datasets = real_sets(tables.rows)
    real_drift = of_sets(tables.drift, datasets)
    real_rows = scored_rows(of_sets(tables.rows, datasets))

    def draw_dice(axes: Axes, user: User) -> None:
        _draw_dice(axes, user, tables.results, protocol)

    def draw_drift(axes: Axes, user: User) -> None:
        _draw_drift(axes, user, real_drift, protocol)

    def draw_ends(axes: Axes, user: User) -> None:
        _draw_ends(axes, user, real_rows, protocol)

    _draw(folder / "dice.png", DICE_TITLE, protocol.users, draw_dice, protocol)
    _draw(folder / "drift.png", DRIFT_TITLE, protocol.first_users, draw_drift, protocol)
    _draw(folder / "ends.png", ENDS_TITLE, protocol.users, draw_ends, protocol)


def draw_corrections(
    path: Path,
    rows: list[Row],
    columns: Sequence[str],
) -> None:
    """Write a plot of the thesis's score against the number of annotated slices.

    A line for each column, mean over objects; none without Matplotlib.

    Args:
        path: of the PNG.
        rows: with "column", "shots" and "dice_thesis".
        columns: in the order of the legend.
    """
    if not _can_draw():
        return
    figure = new_figure(NARROWEST_INCHES, PANEL_INCHES[1] + FRAME_INCHES)
    axes = figure.subplots()
    dress(axes, grid_axis="y")
    shots = sorted({row["shots"] for row in rows})
    for place, name in enumerate(columns):
        means = []
        for count in shots:
            chosen = select(rows, column=name, shots=count)
            means.append(mean(row["dice_thesis"] for row in chosen))
        axes.plot(shots, means, label=name, **line_style(place))
    axes.set_xticks(shots)
    _title(
        axes,
        "",
        "annotated slices (the middle one, then every tenth of the extent outwards)",
        "Dice inside the extent",
    )
    title_figure(figure, "Dice against the number of annotated slices, these included")
    add_legend(figure, _legend_columns(columns, NARROWEST_INCHES), 10.5)
    figure.savefig(path, format="png")


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of that many inches, drawn without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(width, height),
        dpi=DPI,
        facecolor="white",
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, grid_axis: Literal["both", "x", "y"] = "both") -> None:
    """Give axes faint ticks and grid, and no frame but the line below."""
    axes.tick_params(
        colors=FAINT,
        labelsize=9.5,
        length=0,
    )
    axes.grid(axis=grid_axis, color=GRID)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(FAINT)


def line_style(place: int, width: float = 1.8) -> dict[str, Any]:
    """Colour and marker of the line at one place of the order."""
    return {
        "color": COLORS[place % len(COLORS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linewidth": width,
    }


def title_figure(figure: Figure, title: str) -> None:
    """Write a title above a figure, at its left."""
    figure.suptitle(
        title,
        color=TEXT,
        fontsize=12,
        x=0.01,
        ha="left",
    )


def add_legend(
    figure: Figure,
    columns: int,
    size: float,
    **options: object,
) -> None:
    """Put a legend below a figure.

    Args:
        figure: the figure.
        columns: of the legend.
        size: of its letters.
        options: more of Matplotlib's `legend`.
    """
    figure.legend(
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=size,
        labelcolor=TEXT,
        **options,
    )


def _can_draw() -> bool:
    return util.find_spec("matplotlib") is not None


def _draw(
    path: Path,
    title: str,
    users: Sequence[User],
    draw_panel: DrawPanel,
    protocol: EvaluationProtocol,
) -> None:
    """One panel for each simulated annotator, side by side on one scale, with one legend."""
    columns = min(len(users), MOST_COLUMNS)
    lines = math.ceil(len(users) / columns)
    width = max(NARROWEST_INCHES, PANEL_INCHES[0] * columns)
    figure = new_figure(width, PANEL_INCHES[1] * lines + FRAME_INCHES)
    panels = list(
        figure.subplots(
            lines,
            columns,
            sharey=True,
            squeeze=False,
        ).flat
    )
    for axes, user in zip(panels, users, strict=False):
        dress(axes, grid_axis="y")
        draw_panel(axes, user)
    for axes in panels[len(users) :]:
        axes.set_axis_off()
    title_figure(figure, _wrapped(title, width))
    handles = [_handle(name, protocol) for name in protocol.names]
    columns = _legend_columns(protocol.names, width)
    add_legend(figure, columns, 10.5, handles=handles)
    figure.savefig(path, format="png")


def _legend_columns(names: Sequence[str], width_inches: float) -> int:
    """How many entries fit beside each other."""
    longest = max(map(len, names)) + LETTERS_OF_A_LINE
    fitting = int(width_inches * LETTERS_PER_INCH / longest)
    return max(1, min(len(names), fitting))


def _wrapped(title: str, width_inches: float) -> str:
    return "\n".join(textwrap.wrap(title, int(width_inches * LETTERS_PER_INCH)))


def _style(name: str, protocol: EvaluationProtocol) -> dict[str, Any]:
    place = protocol.names[::-1].index(name)
    width = 1.6 if place else 2.6
    return line_style(place, width)


def _handle(name: str, protocol: EvaluationProtocol) -> object:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=name, **_style(name, protocol))


def _title(
    axes: Axes,
    text: str,
    below: str,
    beside: str,
) -> None:
    axes.set_title(
        text,
        color=TEXT,
        fontsize=10.5,
        loc="left",
    )
    axes.set_xlabel(below, color=FAINT, fontsize=10)
    place = axes.get_subplotspec()
    if place is not None and place.is_first_col():
        axes.set_ylabel(beside, color=FAINT, fontsize=10)


def _user_title(pick: str, correct: str) -> str:
    if correct == UNIFORM:
        return "uniform slices"
    return f"first slice {pick}, corrections {correct}"


def _draw_dice(
    axes: Axes,
    user: User,
    results: list[Row],
    protocol: EvaluationProtocol,
) -> None:
    pick, correct = user
    real = select(
        results,
        dataset=REAL_SETS,
        pick=pick,
        correct=correct,
    )
    for place, name in enumerate(protocol.names):
        chosen = select(real, engine=name)
        shift = _dodge(place, protocol, 0.05)
        positions = [protocol.shots.index(row["shots"]) + shift for row in chosen]
        style = _style(name, protocol)
        axes.plot(positions, [row["dice"] for row in chosen], markersize=5.5, **style)
        for position, row in zip(positions, chosen, strict=True):
            if row["dice_low"] != "":
                _draw_interval(axes, position, row, style["color"])
    counts = {row["shots"]: row["objects"] for row in real}
    ticks = [f"{shots}\nn = {counts.get(shots, 0)}" for shots in protocol.shots]
    axes.set_xticks(range(len(protocol.shots)), ticks)
    axes.set_ylim(top=1.0)
    _title(axes, _user_title(*user), "annotated slices, and the objects that are scored", "Dice")


def _draw_interval(
    axes: Axes,
    position: float,
    row: Row,
    color: str,
) -> None:
    axes.plot(
        [position, position],
        [row["dice_low"], row["dice_high"]],
        color=color,
        linewidth=1.2,
        alpha=0.75,
    )


def _draw_drift(
    axes: Axes,
    user: User,
    drift: list[Row],
    protocol: EvaluationProtocol,
) -> None:
    pick, correct = user
    for name in protocol.names:
        curve = drift_curve(
            drift,
            engine=name,
            pick=pick,
            correct=correct,
        )
        axes.plot(
            range(len(curve)),
            list(curve.values()),
            markersize=5.5,
            **_style(name, protocol),
        )
    axes.set_xticks(range(len(DRIFT_BINS)), list(DRIFT_BINS))
    axes.set_ylim(0, 1)
    rule = "middle slice of the true extent" if pick == UNIFORM else f"annotated: {pick} slice"
    _title(axes, rule, "slices from the annotated one", "Dice")


def _draw_ends(
    axes: Axes,
    user: User,
    rows: list[Row],
    protocol: EvaluationProtocol,
) -> None:
    pick, correct = user
    own = select(rows, pick=pick, correct=correct)
    share = 1 / len(protocol.names)  # of an engine of the width of a group
    for place, name in enumerate(protocol.names):
        of_engine = select(own, engine=name)
        values = []
        for shots in protocol.shots:
            values.append([row["mm_past_ends"] for row in select(of_engine, shots=shots)])
        shift = _dodge(place, protocol, 0.8 * share)
        positions = [index + shift for index in range(len(values))]
        _draw_boxes(axes, values, positions, 0.62 * share, _style(name, protocol)["color"])
    axes.set_yscale("symlog", linthresh=FINEST_MM)
    axes.set_yticks(ENDS_TICKS_MM, list(map(str, ENDS_TICKS_MM)))
    axes.minorticks_off()
    axes.set_xticks(range(len(protocol.shots)), list(map(str, protocol.shots)))
    farthest = max((row["mm_past_ends"] for row in rows), default=FINEST_MM)
    axes.set_ylim(0, 1.3 * max(FINEST_MM, farthest))
    _title(axes, _user_title(*user), "annotated slices", "millimetres past the ends")


def _draw_boxes(
    axes: Axes,
    values: list[list[float]],
    positions: list[float],
    width: float,
    color: str,
) -> None:
    axes.boxplot(
        values,
        positions=positions,
        widths=width,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={
            "facecolor": color,
            "edgecolor": color,
            "alpha": 0.55,
        },
        medianprops={"color": color, "linewidth": 2.6},
        whiskerprops={"color": color},
        capprops={"color": color},
    )


def _dodge(
    place: int,
    protocol: EvaluationProtocol,
    step: float,
) -> float:
    """How far an engine's mark stands beside the middle of its group."""
    return (place - (len(protocol.names) - 1) / 2) * step
