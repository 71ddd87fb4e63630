"""Pictures of cine sequences.

An animation with outlines, some of its frames side by side, areas over time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from SlicePropagationLib.arrays import Labels, Slices
from SlicePropagationLib.files.segments import Segment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 12  # pixels around the structures that are shown
NUM_STILLS = 8


class Film(NamedTuple):
    """What is drawn of a slice over time.

    Attributes:
        images: (T, H, W).
        labels: (T, H, W) uint8.
        low: intensity that is black.
        high: intensity that is white.
        title: above it.
        annotated: frames that a person annotated; they are marked.
    """

    images: Slices
    labels: Labels
    low: float
    high: float
    title: str
    annotated: Collection[int]

    def draw(
        self,
        axes: Axes,
        frame: int,
    ) -> None:
        """Draw a frame with the outlines of its labels."""
        axes.imshow(
            self.images[frame],
            cmap="gray",
            vmin=self.low,
            vmax=self.high,
            interpolation="bilinear",
        )
        labels = self.labels[frame]
        for label in np.unique(labels[labels > 0]):
            axes.contour(
                labels == label,
                levels=[0.5],
                colors=[Segment.plain(int(label)).color],
                linewidths=1.2,
            )
        axes.axis("off")

    def mark(
        self,
        frame: int,
        gap: str,
    ) -> str:
        """What stands behind the number of a frame: a gap and that it is annotated, or nothing."""
        return f"{gap}(annotated)" if frame in self.annotated else ""


def animate_cine(
    path: Path | str,
    images: Slices,
    labels: Labels,
    *,
    title: str = "",
    annotated: Collection[int] = (),
    fps: int = 12,
) -> tuple[Path, Path]:
    """Write an animated GIF of a slice over time with the outlines of its labels.

    And beside it a PNG of eight of its frames.

    Args:
        path: of the GIF.
        images: (T, H, W).
        labels: (T, H, W) uint8.
        title: above the frames.
        annotated: frames that a person annotated; they are marked.
        fps: frames in a second.

    Returns:
        Paths of the GIF and the PNG.
    """
    path = Path(path)
    images, labels = _around(images, labels)
    low, high = np.percentile(images, [1, 99.5])
    film = Film(images, labels, float(low), float(high), title, annotated)
    figure = _new_figure(4, 4.3)
    axes = figure.subplots()

    def draw(frame: int) -> list[Any]:
        axes.clear()
        film.draw(axes, frame)
        mark = film.mark(frame, "  ")
        axes.set_title(f"{title}  frame {frame}{mark}", fontsize=9)
        return []

    FuncAnimation(figure, draw, frames=len(images)).save(path, PillowWriter(fps=fps))
    still = path.with_suffix(".png")
    _save_stills(still, film)
    return path, still


def plot_areas(
    path: Path,
    curves: Mapping[str, np.ndarray],
    *,
    annotated: Collection[int] = (),
    truth: np.ndarray | None = None,
    title: str = "",
    unit: str = "mm²",
) -> None:
    """Write a plot of time-area curves with the annotated frames marked.

    Args:
        path: of the PNG.
        curves: {name: (T,) areas}.
        annotated: frames that a person annotated.
        truth: (T,) areas, drawn in black, or None.
        title: above the plot.
        unit: of the areas.
    """
    figure = _new_figure(6.4, 3.8)
    axes = figure.subplots()
    for frame in annotated:
        label = "annotated" if frame == min(annotated) else None
        axes.axvline(
            frame,
            color="0.8",
            linewidth=5,
            zorder=0,
            label=label,
        )
    if truth is not None:
        axes.plot(
            truth,
            color="black",
            linewidth=2,
            label="truth",
        )
    for name, areas in curves.items():
        axes.plot(
            areas,
            marker=".",
            linewidth=1.2,
            label=name,
        )
    axes.set(
        xlabel="frame",
        ylabel=f"area ({unit})",
        title=title,
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(
        fontsize=8,
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _save_stills(path: Path, film: Film) -> None:
    """Write some frames side by side."""
    places = np.linspace(0, len(film.images) - 1, NUM_STILLS)
    frames = np.unique(places.round().astype(int))
    figure = _new_figure(10, 5.9)
    cells = list(figure.subplots(2, NUM_STILLS // 2).flat)
    for cell in cells:
        cell.axis("off")
    for cell, frame in zip(cells, frames, strict=False):
        film.draw(cell, frame)
        mark = film.mark(frame, " ")
        cell.set_title(f"frame {frame}{mark}", fontsize=9)
    figure.suptitle(film.title, fontsize=10)
    figure.savefig(path, dpi=90)


def _around(images: Slices, labels: Labels) -> tuple[Slices, Labels]:
    """The part of the frames around all structures."""
    shown = (labels > 0).any(axis=0)
    if not shown.any():
        return images, labels
    rows, columns = np.nonzero(shown)
    box = (slice(None), _side(rows), _side(columns))
    return images[box], labels[box]


def _side(places: np.ndarray) -> slice:
    """From the first to the last place with a structure, with a margin."""
    first = max(0, int(places.min()) - MARGIN)
    return slice(first, int(places.max()) + MARGIN + 1)


def _new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
