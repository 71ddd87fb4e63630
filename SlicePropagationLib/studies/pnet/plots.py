"""Plots of the pancreas paper's experiments: Dice against the threshold, found against true volume, Dice of every case in order."""

from importlib import util

from SlicePropagationLib.evaluation.plots import COLORS, DPI, FAINT, GRID, MARKERS, TEXT

SIZE_INCHES = (6.8, 4.0)
MANY = 30  # cases: beyond, points are small and not joined


def draw_thresholds(path, dataset, thresholds, curves):
    """Write mean Dice against the threshold of the probability; none without Matplotlib.

    Args:
        dataset: name in the title.
        thresholds: numbers in [0, 1].
        curves: {name: mean Dice at each threshold}.
    """

    def draw(axes):
        for number, (name, values) in enumerate(curves.items()):
            axes.plot(thresholds, values, label=name, **_style(number), markersize=4.5)

    _save(path, f"{dataset}: Dice against the threshold", "threshold", "mean Dice", draw)


def draw_volumes(path, dataset, rows, fits):
    """Write found against true volume, a point for each case; none without Matplotlib.

    Args:
        dataset: name in the title.
        rows: {name: rows with "true_ml" and "found_ml"}.
        fits: {name: (R², variance of the error)}.
    """

    def draw(axes):
        volumes = [
            row[name] for own in rows.values() for row in own for name in ("true_ml", "found_ml")
        ]
        axes.plot(
            [min(volumes), max(volumes)],
            [min(volumes), max(volumes)],
            color=FAINT,
            linewidth=1,
        )
        for number, (name, own) in enumerate(rows.items()):
            style = _style(number) | {"linestyle": "none"}
            axes.plot(
                [row["true_ml"] for row in own],
                [row["found_ml"] for row in own],
                label=(
                    f"{name}: R² {fits[name][0]:.2f}, variance of the error {fits[name][1]:.3g} ml²".replace(
                        "nan",
                        "unknown",
                    )
                ),
                markersize=3 if len(own) > MANY else 5,
                alpha=0.8,
                **style,
            )

    _save(
        path,
        f"{dataset}: volume in every held-out case (line: equal)",
        "true volume, ml",
        "found volume, ml",
        draw,
        legend_columns=1,
    )


def draw_sorted(path, dataset, scores):
    """Write the Dice of every case, the cases ordered by the first column; none without Matplotlib.

    Args:
        dataset: name in the title.
        scores: {name: Dice of each case, in the same order of cases}.
    """

    def draw(axes):
        first = next(iter(scores.values()))
        order = sorted(range(len(first)), key=lambda place: first[place])
        for number, (name, values) in enumerate(scores.items()):
            style = _style(number) | ({"linestyle": "none"} if number and len(order) > MANY else {})
            axes.plot(
                range(1, len(order) + 1),
                [values[place] for place in order],
                label=name,
                **style,
                markersize=3 if len(order) > MANY else 4.5,
            )
        axes.xaxis.get_major_locator().set_params(integer=True)

    _save(
        path,
        f"{dataset}: Dice of every case, in the order of {next(iter(scores))}",
        "case",
        "Dice",
        draw,
    )


def _style(number):
    return {
        "color": COLORS[number % len(COLORS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linewidth": 1.8,
    }


def _save(path, title, below, beside, draw, legend_columns=2):
    if util.find_spec("matplotlib") is None:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.tick_params(colors=FAINT, labelsize=9.5, length=0)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(FAINT)
    draw(axes)
    axes.set_xlabel(below, color=FAINT, fontsize=10)
    axes.set_ylabel(beside, color=FAINT, fontsize=10)
    figure.suptitle(title, color=TEXT, fontsize=12, x=0.01, ha="left")
    figure.legend(
        loc="outside lower center",
        ncols=legend_columns,
        frameon=False,
        fontsize=10,
        labelcolor=TEXT,
    )
    figure.savefig(path, format="png")
