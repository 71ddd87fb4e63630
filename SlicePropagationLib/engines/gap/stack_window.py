"""Windows cut from a stack: what is annotated in them, and annotated slices outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from SlicePropagationLib.arrays import Anchors
from SlicePropagationLib.engines.distance import equivalent_radius
from SlicePropagationLib.engines.gap.square import Square
from SlicePropagationLib.engines.gap.window import (
    MAX_INTENSITY,
    Annotation,
    Window,
    statistics_of,
)
from SlicePropagationLib.stack import SliceStack

MEMORY = 3  # annotated slices outside a window that are shown to the network


def cut_window(
    stack: SliceStack,
    square: Square,
    indices: Sequence[int],
    annotations: Mapping[int, Annotation],
    anchors: Anchors,
    device: str = "cpu",
) -> Window:
    """The window of some slices of a stack.

    Args:
        stack: the slices.
        square: where the cells lie.
        indices: slices of the window, ascending, about evenly spaced.
        annotations: {slice index: Annotation} of those that count as annotated.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.
        device: where the intensities go.
    """
    spacing = stack.spacing_mm[1:]
    places = {index: place for place, index in enumerate(indices)}
    step = (indices[-1] - indices[0]) / max(1, len(indices) - 1)
    others = {}
    for index, mask in anchors.items():
        if not indices[0] <= index <= indices[-1]:
            radius_mm = equivalent_radius(mask.sum() * stack.pixel_area_mm2)
            others[round((index - indices[0]) / max(step, 1e-6))] = radius_mm / square.pitch_mm
    return Window(
        cells=square.sample(stack.images[list(indices)], spacing, device),
        annotations={places[index]: note for index, note in annotations.items()},
        thickness=max(step, 1.0) * stack.spacing_mm[0] / square.pitch_mm,
        is_slice=torch.ones(len(indices), dtype=torch.bool),
        is_inside=square.inside(stack.slice_shape, spacing),
        others=others,
        pixel=min(spacing) / square.pitch_mm,
    )


def annotate(stack: SliceStack, square: Square, mask: np.ndarray) -> Annotation:
    """The annotation of an (H, W) mask, bool or a share in [0, 1], on the cells of a square."""
    spacing = stack.spacing_mm[1:]
    cells = square.sample(mask[None].astype(np.float32), spacing)[0]
    return Annotation.of(cells, square.inside(stack.slice_shape, spacing))


def recall(stack: SliceStack, square: Square, window: Window, anchors: Anchors) -> Tensor:
    """(MEMORY, 4, C, C) annotated slices outside a window, the nearest ones; zeros for none.

    Args:
        stack: the slices.
        square: where the cells lie.
        window: what is seen anyway; its intensities say how these are normalised.
        anchors: {slice index: (H, W) bool mask} of those outside the window, nearest first.
    """
    spacing = stack.spacing_mm[1:]
    middle, spread = statistics_of(window)
    memory = torch.zeros(MEMORY, 4, square.size, square.size)
    for number, (index, mask) in enumerate(list(anchors.items())[:MEMORY]):
        around = [max(0, index - 1), index, min(len(stack) - 1, index + 1)]
        cells = square.sample(stack.images[around], spacing)
        scaled = ((cells - middle) / spread).clamp(-MAX_INTENSITY, MAX_INTENSITY)
        memory[number, :3] = 0.5 * scaled
        memory[number, 3] = 2 * square.sample(mask[None].astype(np.float32), spacing)[0] - 1
    return memory
