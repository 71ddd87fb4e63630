"""A picture of what changes along the components of codes that tell groups apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib.studies.acnn.principal_components import Components, principal_components
from SlicePropagationLib.studies.acnn.random_forest import RandomForest

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.shape_model import ShapeModel

STEPS = (-2, -1, 0, 1, 2)  # standard deviations
COLORS = np.array(
    [
        (20, 23, 28),
        (86, 180, 233),
        (230, 159, 0),
        (0, 158, 115),
        (240, 228, 66),
        (213, 94, 0),
        (204, 121, 167),
    ],
    np.uint8,
)  # of the background and of the classes 1, 2, ...
MOST_COMPONENTS = 16


def components_that_matter(
    codes: Sequence[np.ndarray],
    groups: Sequence[int],
    count: int = 3,
) -> Components:
    """The principal components of codes on which a forest relies most to tell groups apart.

    Args:
        codes: (cases, code_size).
        groups: (cases,) group numbers.
        count: of the components.
    """
    table = np.array(codes)
    most = min(MOST_COMPONENTS, len(table) - 1)
    components = principal_components(np.asarray(table, np.float32), most)
    forest = RandomForest().fit(components.of(table), np.asarray(groups))
    chosen = np.argsort(-forest.importance)[:count]
    return Components(
        components.mean,
        components.axes[chosen],
        components.deviations[chosen],
    )


def draw_traversal(
    path: Path,
    model: ShapeModel,
    components: Components,
) -> None:
    """Write a picture of the shapes at -2 to 2 standard deviations along each component.

    Middle slice, and a cut through all slices.

    Args:
        path: of the PNG.
        model: a shape model.
        components: as `components_that_matter` gives them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(components.axes)
    size = (2.2 * len(STEPS), 3.9 * count)
    figure = Figure(
        figsize=size,
        dpi=100,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    cells = figure.subplots(2 * count, len(STEPS), squeeze=False)
    for number in range(count):
        change = components.deviations[number] * components.axes[number]
        above, below = cells[2 * number : 2 * number + 2]
        for place, step in enumerate(STEPS):
            code = components.mean + step * change
            _draw_shape(model, code, above[place], below[place])
            title = f"{step:+d} sd" if step else "mean"
            above[place].set_title(title, fontsize=11)
        above[0].set_ylabel(f"component {number + 1}\nmiddle slice", fontsize=10)
        below[0].set_ylabel("all slices,\nmiddle row", fontsize=10)
    figure.savefig(path, format="png")


def _draw_shape(
    model: ShapeModel,
    code: np.ndarray,
    above: Any,
    below: Any,
) -> None:
    """Draw what a code decodes to: the middle slice above, a cut through all slices below."""
    classes = model.probabilities(code).argmax(axis=0) % len(COLORS)
    slice_mm, row_mm, column_mm = model.grid.spacing_mm
    middle_slice = classes[len(classes) // 2]
    middle_row = classes[:, model.grid.shape[1] // 2]
    _draw_plane(above, middle_slice, row_mm / column_mm)
    _draw_plane(below, middle_row, slice_mm / column_mm)


def _draw_plane(
    axes: Any,
    plane: np.ndarray,
    aspect: float,
) -> None:
    axes.imshow(COLORS[plane], aspect=aspect, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
