"""Truths with one damage each: what a shape model should tell from the truth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from SlicePropagationLib.arrays import Labels, Masks, Spacing
from SlicePropagationLib.studies.tables import Row

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.shape_model import ShapeModel

SHIFT_MM = 4.0
HOLE_SHARE = 0.3
NUM_SLICES = 3
JUDGEMENTS = ("code distance", "misfit")


def damages(classes: Labels, spacing_mm: Spacing) -> dict[str, Labels]:
    """Copies of a shape with one damage each, as an annotation that went wrong has it.

    Args:
        classes: (D, H, W) class numbers with a structure.
        spacing_mm: along D, H, W.

    Returns:
        {"missing slices": three middle slices empty, "shifted slices": those moved by 4 mm, "hole":
        a ball of 0.3 of the structure's equivalent radius at its deepest voxel empty, "cut end":
        the last quarter of the extent empty}, each (D, H, W).
    """
    shown = np.flatnonzero(classes.any(axis=(1, 2)))
    first = int(shown[len(shown) // 2]) - NUM_SLICES // 2
    middle = slice(first, first + NUM_SLICES)
    missing = classes.copy()
    missing[middle] = 0
    shifted = classes.copy()
    pixels = int(round(SHIFT_MM / spacing_mm[1]))
    shifted[middle] = np.roll(classes[middle], pixels, axis=1)
    holed = classes.copy()
    holed[_ball(classes, spacing_mm)] = 0
    cut = classes.copy()
    cut[shown[-1] - len(shown) // 4 + 1 :] = 0
    return {
        "missing slices": missing,
        "shifted slices": shifted,
        "hole": holed,
        "cut end": cut,
    }


def judged(model: ShapeModel, classes: Labels) -> Row:
    """How implausible a shape on the model's grid is.

    Returns:
        {"code distance": the implausibility, "misfit": 1 - Dice of the structures with what their
        code decodes to}.
    """
    numbers = (model.implausibility(classes), model.reconstruction_error(classes))
    return dict(zip(JUDGEMENTS, numbers, strict=True))


def damage_rows(
    model: ShapeModel,
    names_and_classes: Iterable[tuple[str, Labels]],
) -> list[Row]:
    """A row for every truth and every damage of it.

    Args:
        model: a shape model.
        names_and_classes: of each case its name and its (D, H, W) class numbers on the model's
            grid.

    Returns:
        Rows with "case", "what", "code distance" and "misfit".
    """
    rows = []
    for name, classes in names_and_classes:
        shapes = {"truth": classes} | damages(classes, model.grid.spacing_mm)
        for what, shape in shapes.items():
            rows.append({"case": name, "what": what} | judged(model, shape))
    return rows


def _ball(classes: Labels, spacing_mm: Spacing) -> Masks:
    """(D, H, W) bool: a ball around the voxel of a structure that is deepest inside."""
    depth = np.asarray(ndimage.distance_transform_edt(classes > 0, spacing_mm))
    deepest = np.unravel_index(depth.argmax(), depth.shape)
    volume = np.count_nonzero(classes) * np.prod(spacing_mm)
    radius = HOLE_SHARE * (3 * volume / (4 * np.pi)) ** (1 / 3)
    away = np.zeros(classes.shape)
    axes = np.ogrid[tuple(slice(size) for size in classes.shape)]
    for axis, centre, step in zip(axes, deepest, spacing_mm, strict=True):
        away = away + ((axis - centre) * step) ** 2
    return away <= radius**2
