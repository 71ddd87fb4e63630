"""Plots of an evaluation: Dice against the number of annotated slices, the drift of the first mask, and the run past the ends."""

import math
import textwrap
from importlib import util
from statistics import mean

from SlicePropagationLib.evaluation.scores import DRIFT_BINS, UNIFORM
from SlicePropagationLib.evaluation.statistics import REAL_SETS, drift_curve, is_pooled, select

# Okabe and Ito's colours, told apart by colour-blind readers too; the last engine, the one that is
# compared with the others, comes first.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TEXT = "#1F2328"
FAINT = "#667079"
GRID = "#E3E6EA"
PANEL_INCHES = (4.4, 3.4)
FRAME_INCHES = 0.8
DPI = 130  # the frame holds title and legend
NARROWEST_INCHES = 6.8
MOST_COLUMNS = 3
LETTERS_PER_INCH = 11
LETTERS_OF_A_LINE = 6  # the line before a name in the legend and the space behind it
ENDS_TICKS_MM = (0, 1, 3, 10, 30, 100, 300)
FINEST_MM = 1.0  # below, the scale of the ends is linear, so that it can show zero


def draw_plots(folder, rows, drift, results, protocol):
    """Write dice.png, drift.png and ends.png of the real data sets.

    None where Matplotlib is not installed or no real set was scored.

    Args:
        rows, drift: what `score_case` returned, of all cases.
        results: what `aggregate` made of the rows.
    """
    if util.find_spec("matplotlib") is None or not select(results, dataset=REAL_SETS):
        return
    _draw(
        folder / "dice.png",
        protocol.users,
        "Dice against the number of annotated slices (these excluded), mean over real sets with 95"
        " % interval over patients",
        lambda axes, user: _draw_dice(axes, user, results, protocol),
        protocol,
    )
    _draw(
        folder / "drift.png",
        protocol.first_users,
        "Drift: Dice of the slices at one distance from the only annotated slice, mean over real"
        " sets",
        lambda axes, user: _draw_drift(axes, user, drift, protocol),
        protocol,
    )
    _draw(
        folder / "ends.png",
        protocol.users,
        "Run past the two ends together, structures of real sets (box: quartiles, whiskers: 5 to"
        " 95 %)",
        lambda axes, user: _draw_ends(axes, user, rows, protocol),
        protocol,
    )


def _draw(path, users, title, draw_panel, protocol):
    """One panel for each simulated user, side by side on one scale, with one legend."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(len(users), MOST_COLUMNS)
    lines = math.ceil(len(users) / columns)
    size = (
        max(NARROWEST_INCHES, PANEL_INCHES[0] * columns),
        PANEL_INCHES[1] * lines + FRAME_INCHES,
    )
    figure = Figure(figsize=size, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for axes, user in zip(panels, users):
        _dress(axes)
        draw_panel(axes, user)
    for axes in panels[len(users) :]:
        axes.set_axis_off()
    figure.suptitle(_wrapped(title, size[0]), color=TEXT, fontsize=12, x=0.01, ha="left")
    handles = [_handle(name, protocol) for name in protocol.names]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=_legend_columns(protocol.names, size[0]),
        frameon=False,
        fontsize=10.5,
        labelcolor=TEXT,
    )
    figure.savefig(path, format="png")


def draw_corrections(path, rows, columns):
    """Write a plot of the thesis's score against the number of annotated slices, a line for each column, mean over objects; none without Matplotlib."""
    if util.find_spec("matplotlib") is None:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(NARROWEST_INCHES, PANEL_INCHES[1] + FRAME_INCHES),
        dpi=DPI,
        facecolor="white",
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    _dress(axes)
    shots = sorted({row["shots"] for row in rows})
    for place, name in enumerate(columns):
        means = [
            mean(row["dice_thesis"] for row in select(rows, column=name, shots=count))
            for count in shots
        ]
        axes.plot(
            shots,
            means,
            label=name,
            color=COLORS[place % len(COLORS)],
            marker=MARKERS[place % len(MARKERS)],
            linewidth=1.8,
        )
    axes.set_xticks(shots)
    _title(
        axes,
        "",
        "annotated slices (the middle one, then every tenth of the extent outwards)",
        "Dice inside the extent",
    )
    figure.suptitle(
        "Dice against the number of annotated slices, these included",
        color=TEXT,
        fontsize=12,
        x=0.01,
        ha="left",
    )
    figure.legend(
        loc="outside lower center",
        ncols=_legend_columns(columns, NARROWEST_INCHES),
        frameon=False,
        fontsize=10.5,
        labelcolor=TEXT,
    )
    figure.savefig(path, format="png")


def _legend_columns(names, width_inches):
    """How many entries fit beside each other."""
    return max(
        1,
        min(
            len(names),
            int(width_inches * LETTERS_PER_INCH / (max(map(len, names)) + LETTERS_OF_A_LINE)),
        ),
    )


def _wrapped(title, width_inches):
    return "\n".join(textwrap.wrap(title, int(width_inches * LETTERS_PER_INCH)))


def _style(name, protocol):
    place = protocol.names[::-1].index(name)
    return {
        "color": COLORS[place % len(COLORS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linewidth": 2.6 if place == 0 else 1.6,
    }


def _handle(name, protocol):
    from matplotlib.lines import Line2D

    return Line2D([], [], label=name, **_style(name, protocol))


def _dress(axes):
    axes.tick_params(colors=FAINT, labelsize=9.5, length=0)
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(FAINT)


def _title(axes, text, below, beside):
    axes.set_title(text, color=TEXT, fontsize=10.5, loc="left")
    axes.set_xlabel(below, color=FAINT, fontsize=10)
    if axes.get_subplotspec().is_first_col():
        axes.set_ylabel(beside, color=FAINT, fontsize=10)


def _user_title(pick, correct):
    return "uniform slices" if correct == UNIFORM else f"first slice {pick}, corrections {correct}"


def _draw_dice(axes, user, results, protocol):
    pick, correct = user
    for place, name in enumerate(protocol.names):
        chosen = select(results, dataset=REAL_SETS, engine=name, pick=pick, correct=correct)
        positions = [index + _dodge(place, protocol, 0.05) for index in range(len(chosen))]
        style = _style(name, protocol)
        axes.plot(positions, [row["dice"] for row in chosen], markersize=5.5, **style)
        bounds = [
            (position, row["dice_low"], row["dice_high"])
            for position, row in zip(positions, chosen)
            if row["dice_low"] != ""
        ]
        for position, low, high in bounds:
            axes.plot([position] * 2, [low, high], color=style["color"], linewidth=1.2, alpha=0.75)
    axes.set_xticks(range(len(protocol.shots)), protocol.shots)
    axes.set_ylim(top=1.0)
    _title(axes, _user_title(*user), "annotated slices", "Dice")


def _draw_drift(axes, user, drift, protocol):
    pick, correct = user
    for name in protocol.names:
        curve = drift_curve(drift, engine=name, pick=pick, correct=correct)
        axes.plot(
            range(len(curve)),
            [value if not math.isnan(value) else None for value in curve.values()],
            markersize=5.5,
            **_style(name, protocol),
        )
    axes.set_xticks(range(len(DRIFT_BINS)), list(DRIFT_BINS))
    axes.set_ylim(0, 1)
    _title(
        axes,
        "middle slice of the true extent" if pick == UNIFORM else f"annotated: {pick} slice",
        "slices from the annotated one",
        "Dice",
    )


def _draw_ends(axes, user, rows, protocol):
    pick, correct = user
    own = [row for row in select(rows, pick=pick, correct=correct) if is_pooled(row["dataset"])]
    for place, name in enumerate(protocol.names):
        values = [
            [row["mm_past_ends"] for row in select(own, engine=name, shots=shots)]
            for shots in protocol.shots
        ]
        positions = [
            index + _dodge(place, protocol, 0.8 / len(protocol.names))
            for index in range(len(values))
        ]
        color = _style(name, protocol)["color"]
        axes.boxplot(
            values,
            positions=positions,
            widths=0.62 / len(protocol.names),
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": color, "edgecolor": color, "alpha": 0.55},
            medianprops={"color": color, "linewidth": 2.6},
            whiskerprops={"color": color},
            capprops={"color": color},
        )
    axes.set_yscale("symlog", linthresh=FINEST_MM)
    axes.set_yticks(ENDS_TICKS_MM, ENDS_TICKS_MM)
    axes.minorticks_off()
    axes.set_xticks(range(len(protocol.shots)), protocol.shots)
    axes.set_ylim(0, 1.3 * max(FINEST_MM, *(row["mm_past_ends"] for row in rows)))
    _title(axes, _user_title(*user), "annotated slices", "millimetres past the ends")


def _dodge(place, protocol, step):
    """How far an engine's mark stands beside the middle of its group."""
    return (place - (len(protocol.names) - 1) / 2) * step
