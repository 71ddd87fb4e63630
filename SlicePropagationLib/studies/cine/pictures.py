"""Pictures of cine sequences: an animation with outlines, some of its frames side by side, areas over time."""

from pathlib import Path

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from SlicePropagationLib.files.segmentation_file import Segment

MARGIN = 12  # pixels around the structures that are shown


def animate_cine(path, images, labels, *, title="", annotated=(), fps=12):
    """Write an animated GIF of a slice over time with the outlines of its labels, and beside it a PNG of eight of its frames.

    Args:
        images: (T, H, W), labels: (T, H, W) uint8.
        annotated: frames that a person annotated; they are marked.

    Returns:
        Paths of the GIF and the PNG.
    """
    path = Path(path)
    images, labels = _around(images, labels)
    low, high = np.percentile(images, [1, 99.5])
    figure = _new_figure(4, 4.3)
    axes = figure.subplots()

    def draw(frame):
        axes.clear()
        _draw_frame(axes, images[frame], labels[frame], low, high)
        axes.set_title(
            f"{title}  frame {frame}" + ("  (annotated)" if frame in annotated else ""),
            fontsize=9,
        )

    FuncAnimation(figure, draw, frames=len(images)).save(path, PillowWriter(fps=fps))
    still = path.with_suffix(".png")
    _film(still, images, labels, low, high, annotated, title)
    return path, still


def _film(path, images, labels, low, high, annotated, title):
    frames = np.unique(np.linspace(0, len(images) - 1, 8).round().astype(int))
    figure = _new_figure(10, 5.9)
    axes = figure.subplots(2, 4)
    for place in axes.flat:
        place.axis("off")
    for place, frame in zip(axes.flat, frames):
        _draw_frame(place, images[frame], labels[frame], low, high)
        place.set_title(
            f"frame {frame}" + (" (annotated)" if frame in annotated else ""),
            fontsize=9,
        )
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=90)


def _draw_frame(axes, image, labels, low, high):
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="bilinear")
    for label in np.unique(labels[labels > 0]):
        axes.contour(
            labels == label,
            levels=[0.5],
            colors=[Segment.plain(int(label)).color],
            linewidths=1.2,
        )
    axes.axis("off")


def _around(images, labels):
    """The part of the frames around all structures."""
    rows, columns = (np.flatnonzero((labels > 0).any(axis=(0, axis))) for axis in (2, 1))
    if not rows.size:
        return images, labels
    box = tuple(
        slice(max(0, int(side[0]) - MARGIN), int(side[-1]) + MARGIN + 1) for side in (rows, columns)
    )
    return images[(slice(None), *box)], labels[(slice(None), *box)]


def plot_areas(path, curves, *, annotated=(), truth=None, title="", unit="mm²"):
    """Write a plot of time-area curves with the annotated frames marked.

    Args:
        curves: {name: (T,) areas}.
        truth: (T,) areas, drawn in black, or None.
    """
    figure = _new_figure(6.4, 3.8)
    axes = figure.subplots()
    for frame in annotated:
        axes.axvline(
            frame,
            color="0.8",
            linewidth=5,
            zorder=0,
            label="annotated" if frame == min(annotated) else None,
        )
    if truth is not None:
        axes.plot(truth, color="black", linewidth=2, label="truth")
    for name, areas in curves.items():
        axes.plot(areas, marker=".", linewidth=1.2, label=name)
    axes.set(xlabel="frame", ylabel=f"area ({unit})", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _new_figure(width, height):
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
