"""One picture of a demo that is read at a glance.

Slices with contours, where every slice came from, and what a correction gained.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.session import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import LineStyleType

    from SlicePropagationLib.pipelines.demo import Story

Window = tuple[slice, slice]  # rows and columns of a slice

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLORS = {
    Provenance.SEED: "#56B4E9",
    Provenance.CORRECTION: "#E69F00",
    Provenance.CONFIRMED: "#009E73",
    Provenance.PROPAGATED: "#F0E442",
    Provenance.EMPTY: "#3A3F47",
}
WORDS = {
    Provenance.SEED: "drawn (seed)",
    Provenance.CORRECTION: "corrected",
    Provenance.PROPAGATED: "propagated",
}
BACKGROUND = "#14171C"
TEXT = "#F2F4F7"
FAINT = "#9AA3AF"
BEFORE = "#E57FBF"
AFTER = "#FFFFFF"
COLUMNS = 4
ROWS = 2
SIZE_INCHES = (16, 11.6)
DPI = 100
DASHES = (0, (3, 2))
ROOM = 1.25  # what is shown about the structure, in its own size
MARGIN = 20  # pixels that are shown about it at least, both sides together


def check_matplotlib() -> None:
    """Say early that the picture cannot be drawn here.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ConfigError(
            "The demo's picture needs Matplotlib, which is not installed; install the extra: pip"
            " install 'slice-propagation[demo]'."
        ) from None


def draw_picture(path: Path | str, story: Story) -> None:
    """Write the picture of a `demo.Story` as PNG, 1600 pixels wide.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=SIZE_INCHES,
        dpi=DPI,
        facecolor=BACKGROUND,
    )
    FigureCanvasAgg(figure)
    _draw_headline(figure, story)
    _draw_montage(figure, story)
    _draw_strip(figure, story)
    _draw_scores(figure, story)
    figure.savefig(
        path,
        format="png",
        facecolor=BACKGROUND,
        pil_kwargs={"optimize": True},
    )


def choose_slices(
    truth: np.ndarray, annotated: Iterable[int], count: int = COLUMNS * ROWS
) -> list[int]:
    """Slices to show, ascending: the annotated ones, and others spread evenly over the structure.

    Args:
        truth: (N, H, W) bool.
        annotated: slices that must be shown.
        count: how many are shown.
    """
    shown = np.flatnonzero(truth.any(axis=(1, 2))).tolist()
    chosen = set(annotated)
    ends = {shown[0], shown[-1]}
    while len(chosen) < min(count, len(shown)):
        free = [index for index in shown if index not in chosen]
        apart = [_distance(index, chosen | ends) for index in free]
        chosen.add(free[apart.index(max(apart))])
    return sorted(chosen)


def _distance(index: int, others: Iterable[int]) -> int:
    """How far a slice is from the nearest of others."""
    return min(abs(index - other) for other in others)


def _annotated(story: Story) -> list[int]:
    return [index for index in (story.seed, story.correction) if index is not None]


def _listed(indices: Sequence[int]) -> str:
    numbers = " and ".join(str(index) for index in sorted(indices))
    return f"slice{'s' if len(indices) > 1 else ''} {numbers}"


def _draw_headline(figure: Figure, story: Story) -> None:
    spacing = story.session.stack.spacing_mm
    before, after = story.scores
    is_corrected = story.correction is not None
    how = "after one correction" if is_corrected else "no slice was worth correcting"
    figure.text(
        0.025,
        0.972,
        f"{story.name}: Dice {before:.2f} \N{RIGHTWARDS ARROW} {after:.2f} {how}",
        color=TEXT,
        fontsize=27,
        weight="bold",
        va="top",
    )
    details = (
        f"3D Dice over the slices nobody drew ({_listed(_annotated(story))} left out)  "
        f" \N{MIDDLE DOT}   engine: {story.engine.name}   \N{MIDDLE DOT}  "
        f" {len(story.session.stack)} slices of {spacing[0]:g} mm, pixels {spacing[1]:g}"
        f" \N{MULTIPLICATION SIGN} {spacing[2]:g} mm"
    )
    figure.text(
        0.025,
        0.925,
        details,
        color=FAINT,
        fontsize=13.5,
        va="top",
    )


def _draw_montage(figure: Figure, story: Story) -> None:
    grid = figure.add_gridspec(
        ROWS,
        COLUMNS,
        left=0.025,
        right=0.985,
        top=0.868,
        bottom=0.335,
        wspace=0.03,
        hspace=0.05,
    )
    window = _crop(story)
    grey = _grey_window(story, window)
    shown = choose_slices(story.truth, _annotated(story))
    for number, index in enumerate(shown):
        axes = figure.add_subplot(grid[divmod(number, COLUMNS)])
        _draw_slice(axes, story, index, window, grey)
    _draw_legend(figure, story)


def _draw_legend(figure: Figure, story: Story) -> None:
    from matplotlib.lines import Line2D

    found = [kind for kind in WORDS if kind in story.session.provenance]
    handles = [
        Line2D(
            [],
            [],
            color=COLORS[kind],
            linewidth=3,
            label=WORDS[kind],
        )
        for kind in found
    ]
    handles.append(
        Line2D(
            [],
            [],
            color="white",
            linewidth=1.4,
            linestyle=DASHES,
            label="truth",
        )
    )
    if story.correction is not None:
        name = "before the correction"
        handles.append(
            Line2D(
                [],
                [],
                color=BEFORE,
                linewidth=1.6,
                linestyle=":",
                label=name,
            )
        )
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.017, 0.907),
        ncols=len(handles),
        frameon=False,
        labelcolor=TEXT,
        fontsize=13,
        handlelength=1.8,
        columnspacing=1.8,
    )


def _draw_slice(
    axes: Axes, story: Story, index: int, window: Window, grey: tuple[float, float]
) -> None:
    stack = story.session.stack
    kind = Provenance(story.session.state(story.label, index).provenance)
    axes.imshow(
        stack.images[index][window],
        cmap="gray",
        vmin=grey[0],
        vmax=grey[1],
        interpolation="bilinear",
        aspect="auto",
    )
    if kind < Provenance.SEED:
        _contour(axes, story.truth[index][window], "white", 1.5, DASHES)
    num_changed = (story.after[index] != story.before[index]).sum()
    if kind == Provenance.CORRECTION or num_changed > 0.1 * story.after[index].sum():
        _contour(axes, story.before[index][window], BEFORE, 1.8, ":")
    width = 2.6 if kind >= Provenance.SEED else 2.0
    _contour(axes, story.after[index][window], COLORS[kind], width, "-")
    _label_slice(axes, story, index, kind)


def _label_slice(
    axes: Axes,
    story: Story,
    index: int,
    kind: Provenance,
) -> None:
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=3, foreground="black")]
    word = {Provenance.SEED: "  SEED", Provenance.CORRECTION: "  CORRECTED"}.get(kind, "")
    color = COLORS[kind] if word else TEXT
    axes.text(
        0.03,
        0.96,
        f"slice {index}{word}",
        transform=axes.transAxes,
        color=color,
        fontsize=14,
        weight="bold",
        va="top",
        path_effects=outline,
    )
    if not word:
        axes.text(
            0.03,
            0.04,
            _score_text(story, index),
            transform=axes.transAxes,
            color=TEXT,
            fontsize=13,
            path_effects=outline,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    frame = {"color": color, "linewidth": 3.5} if word else {"color": "#000000", "linewidth": 0.5}
    for spine in axes.spines.values():
        spine.set(**frame)


def _score_text(story: Story, index: int) -> str:
    before, after = (scores[index] for scores in story.slice_scores)
    if not np.isfinite(after):
        return ""
    if not story.after[index].any():
        return "missed, Dice 0"
    is_same = not np.isfinite(before) or f"{before:.2f}" == f"{after:.2f}"
    return f"Dice {after:.2f}" if is_same else f"Dice {before:.2f} \N{RIGHTWARDS ARROW} {after:.2f}"


def _contour(
    axes: Axes,
    mask: np.ndarray,
    color: str,
    width: float,
    style: LineStyleType,
) -> None:
    if mask.any() and not mask.all():
        axes.contour(
            mask.astype(np.float32),
            levels=[0.5],
            colors=[color],
            linewidths=[width],
            linestyles=[style],
        )


def _crop(story: Story) -> Window:
    """Rows and columns around the structure, of the proportions of the montage's cells."""
    masks = np.concatenate([story.truth, story.after, story.before])
    shown = np.asarray(masks.any(axis=0))
    cell = (0.96 * SIZE_INCHES[0] / COLUMNS) / (0.533 * SIZE_INCHES[1] / ROWS)  # width by height
    _, row_mm, column_mm = story.session.stack.spacing_mm
    rows = np.flatnonzero(shown.any(axis=1))
    columns = np.flatnonzero(shown.any(axis=0))
    height_mm = max(_wanted(rows) * row_mm, _wanted(columns) * column_mm / cell)
    num_rows, num_columns = shown.shape
    return (
        _interval((rows[0] + rows[-1]) / 2, height_mm / row_mm, num_rows),
        _interval((columns[0] + columns[-1]) / 2, height_mm * cell / column_mm, num_columns),
    )


def _wanted(shown: np.ndarray) -> float:
    """Pixels to show of rows or columns that show the structure, with what is around them."""
    return (shown[-1] - shown[0] + 1) * ROOM + MARGIN


def _interval(
    centre: float,
    size: float,
    count: int,
) -> slice:
    size = min(int(round(size)), count)
    start = int(np.clip(round(centre - size / 2), 0, count - size))
    return slice(start, start + size)


def _grey_window(story: Story, window: Window) -> tuple[float, float]:
    """Darkest and brightest grey: the tissue's, so that air and bone do not flatten it."""
    images = story.session.stack.images
    inside = images[story.truth]
    middle = float(np.median(inside))
    spread = float(np.std(inside))
    near = images[:, *window]
    low, quarter, high = np.percentile(near[::2], (2, 25, 99.5))
    reach = max(4 * spread, 1.3 * abs(middle - quarter), 1e-6)
    return max(low, middle - reach), min(high, middle + reach)


def _draw_strip(figure: Figure, story: Story) -> None:
    """One cell for each slice.

    Colour for where it came from, height for how far it can be trusted.
    """
    axes = figure.add_axes((0.06, 0.215, 0.925, 0.075))
    session = story.session
    for index in range(len(session.stack)):
        state = session.state(story.label, index)
        kind = state.provenance if not state.patch.is_empty else Provenance.EMPTY
        height = 0.0 if np.isnan(state.confidence) else state.confidence
        axes.bar(index, 1, width=0.9, color="#22262D")
        axes.bar(
            index,
            height,
            width=0.9,
            color=COLORS[kind],
        )
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1], ["0", "1"])
    _plain(axes, len(session.stack), "confidence")
    axes.set_xticks([])
    axes.set_title(
        "Slice strip: colour = where the slice came from (grey: structure not there), height ="
        " confidence",
        color=FAINT,
        fontsize=12.5,
        loc="left",
        pad=5,
    )


def _draw_scores(figure: Figure, story: Story) -> None:
    axes = figure.add_axes((0.06, 0.055, 0.925, 0.115))
    indices = np.arange(len(story.truth))
    before, after = story.slice_scores
    axes.fill_between(
        indices,
        before,
        after,
        where=after >= before,
        color="#009E73",
        alpha=0.35,
        linewidth=0,
    )
    axes.plot(
        indices,
        before,
        color=BEFORE,
        linewidth=2,
        linestyle=":",
        marker=".",
        label="before",
    )
    axes.plot(
        indices,
        after,
        color=AFTER,
        linewidth=2.2,
        marker=".",
        label="after",
    )
    for index, kind in ((story.seed, Provenance.SEED), (story.correction, Provenance.CORRECTION)):
        if index is not None:
            axes.plot(
                index,
                after[index],
                "o",
                color=COLORS[kind],
                markersize=11,
                zorder=5,
            )
    axes.set_ylim(-0.05, 1.08)
    axes.set_yticks([0, 0.5, 1])
    axes.grid(axis="y", color="#2C313A")
    _plain(axes, len(story.truth), "Dice")
    axes.set_xlabel("slice", color=FAINT, fontsize=12.5)
    axes.set_title(
        "Dice of each slice, before and after the correction",
        color=FAINT,
        fontsize=12.5,
        loc="left",
        pad=5,
    )
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.98),
        ncols=2,
        frameon=False,
        labelcolor=TEXT,
        fontsize=12,
    )


def _plain(
    axes: Axes,
    count: int,
    name: str,
) -> None:
    axes.set_facecolor(BACKGROUND)
    axes.set_xlim(-0.6, count - 0.4)
    axes.tick_params(
        colors=FAINT,
        labelsize=12,
        length=0,
    )
    axes.set_ylabel(name, color=FAINT, fontsize=12.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
