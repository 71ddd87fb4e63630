"""Pictures of examples: what each column of a comparison found, over the image, with the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Mask, Masks
from SlicePropagationLib.evaluation.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 8  # pixels around the structure that are shown
TRUTH_COLOR = "#F0C000"
FOUND_COLOR = "#20C060"
CELL_INCHES = 2.0
MIDDLE = 0.5  # a mask's outline, or where a probability becomes one
LEAST_WIDTH_INCHES = 5.0  # for the title


class Example(NamedTuple):
    """A slice, and what was found on it.

    Attributes:
        name: stands beside it.
        image: (H, W) intensities.
        truth: (H, W) bool.
        found: {column: (H, W) bool masks, or float probabilities in [0, 1]}.
        pixel_mm: (height, width) of a pixel.
    """

    name: str
    image: np.ndarray
    truth: Mask
    found: Mapping[str, np.ndarray]
    pixel_mm: tuple[float, float] = (1.0, 1.0)

    def cropped(self) -> Example:
        """The part around the truth and what was found."""
        shown = self.truth.copy()
        for found in self.found.values():
            shown |= np.asarray(found) >= MIDDLE
        rows, columns = np.nonzero(shown)
        if not rows.size:
            return self
        box = _side(rows), _side(columns)
        found = {name: np.asarray(array)[box] for name, array in self.found.items()}
        return self._replace(image=self.image[box], truth=self.truth[box], found=found)


def draw_overlays(path: Path | str, examples: Sequence[Example], title: str) -> None:
    """Write a row for each example and a column for each of what is compared.

    A mask is an outline over the image, a probability map takes the image's place; the outline of
    the truth is in each. Nothing is written without Matplotlib, or without examples.

    Args:
        path: of the PNG.
        examples: all with the same columns.
        title: above them.
    """
    if util.find_spec("matplotlib") is None or not examples:
        return
    columns = list(examples[0].found)
    width = max(CELL_INCHES * (1 + len(columns)), LEAST_WIDTH_INCHES)
    figure = new_figure(width, CELL_INCHES * len(examples) + 0.7)
    cells = figure.subplots(len(examples), 1 + len(columns), squeeze=False)
    for row, example in zip(cells, examples, strict=True):
        _draw_row(row, example.cropped())
    for cell, name in zip(cells[0], ["image", *columns], strict=True):
        cell.set_title(name, fontsize=9)
    figure.suptitle(f"{title}\nyellow: truth, green: found", fontsize=10)
    figure.savefig(path, format="png")


class Stack(NamedTuple):
    """A structure as outlines in space.

    Attributes:
        name: stands above it.
        truth: (N, H, W) bool.
        found: (N, H, W) bool.
        spacing_mm: along N, H, W.
    """

    name: str
    truth: Masks
    found: Masks
    spacing_mm: Sequence[float]


def draw_stacks(path: Path | str, stacks: Sequence[Stack], title: str) -> None:
    """Write the outlines of all slices in space, the truth and what was found, side by side.

    Args:
        path: of the PNG; nothing is written without Matplotlib, or without structures.
        stacks: what is drawn.
        title: above them.
    """
    if util.find_spec("matplotlib") is None or not stacks:
        return
    figure = new_figure(3.2 * max(len(stacks), 2), 3.9)
    for place, stack in enumerate(stacks, 1):
        axes = figure.add_subplot(1, len(stacks), place, projection="3d")
        for color, masks in ((TRUTH_COLOR, stack.truth), (FOUND_COLOR, stack.found)):
            _draw_stack(axes, masks, stack.spacing_mm, color)
        _fit(axes, stack)
        axes.set_title(stack.name, fontsize=9)
    figure.suptitle(f"{title}\nyellow: truth, green: found", fontsize=10)
    figure.savefig(path, format="png")


def _fit(axes: Any, stack: Stack) -> None:
    """Let what is shown fill the axes, in millimetres alike in all directions."""
    places = np.argwhere(stack.truth | stack.found)
    axes.set_axis_off()
    if not len(places):
        return
    low = places.min(axis=0) * stack.spacing_mm
    high = (places.max(axis=0) + 2) * stack.spacing_mm
    axes.set(zlim=(low[0], high[0]), ylim=(low[1], high[1]), xlim=(low[2], high[2]))
    axes.set_box_aspect((high - low)[::-1], zoom=1.3)


def _draw_row(cells: Sequence[Axes], example: Example) -> None:
    aspect = example.pixel_mm[0] / example.pixel_mm[1]
    _draw_image(cells[0], example.image, aspect)
    cells[0].set_ylabel(example.name, fontsize=8)
    for cell, found in zip(cells[1:], example.found.values(), strict=True):
        if found.dtype == bool:
            _draw_image(cell, example.image, aspect)
            _draw_outline(cell, found, FOUND_COLOR)
        else:
            cell.imshow(found, cmap="gray", vmin=0, vmax=1, aspect=aspect)
            _without_ticks(cell)
        _draw_outline(cell, example.truth, TRUTH_COLOR)


def _draw_image(cell: Axes, image: np.ndarray, aspect: float) -> None:
    low, high = np.percentile(image, [1, 99.5])
    cell.imshow(image, cmap="gray", vmin=low, vmax=high, aspect=aspect)
    _without_ticks(cell)


def _without_ticks(cell: Axes) -> None:
    """Its name beside it stays, which `axis("off")` takes away."""
    cell.set_xticks([])
    cell.set_yticks([])
    for spine in cell.spines.values():
        spine.set_visible(False)


def _draw_outline(cell: Axes, mask: Mask, color: str) -> None:
    if mask.any() and not mask.all():
        cell.contour(mask, levels=[MIDDLE], colors=[color], linewidths=1.2)


def _draw_stack(axes: Any, masks: Masks, spacing_mm: Sequence[float], color: str) -> None:
    thickness, height, width = spacing_mm
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    down, along = np.indices(padded.shape[1:])
    for index in np.flatnonzero(padded.any(axis=(1, 2))):
        axes.contour(
            along * width,
            down * height,
            padded[index],
            levels=[MIDDLE],
            zdir="z",
            offset=float(index * thickness),
            colors=[color],
            linewidths=0.8,
        )


def _side(places: np.ndarray) -> slice:
    """From the first to the last place, with a margin."""
    return slice(max(0, int(places.min()) - MARGIN), int(places.max()) + MARGIN + 1)
