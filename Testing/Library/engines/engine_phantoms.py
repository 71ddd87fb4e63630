"""Small stacks with known structures, and the loop that walks an engine over them."""

import numpy as np

from SlicePropagationLib.planning import gap_of, plan_runs
from SlicePropagationLib.propagation import blend_by_distance
from SlicePropagationLib.stack import SliceStack

SIZE = 48
NUM_SLICES = 21


def disc(radius, centre=(SIZE / 2, SIZE / 2), spacing=(1.0, 1.0), size=SIZE):
    """(size, size) bool disc of `radius` millimetres around a centre in millimetres."""
    rows, columns = np.ogrid[:size, :size]
    down = rows * spacing[0] - centre[0]
    across = columns * spacing[1] - centre[1]
    return down**2 + across**2 < radius**2


def discs(radii):
    """(N, H, W) bool: a disc in the middle of each slice."""
    return np.stack([disc(radius) for radius in radii])


def stack_of(masks, spacing_mm=(1.0, 1.0, 1.0), noise=0.1):
    """A bright structure on a dark, faintly textured ground; the same every time."""
    rng = np.random.default_rng(7)
    texture = noise * rng.normal(size=masks.shape[1:])
    grain = 0.3 * noise * rng.normal(size=masks.shape)
    images = masks + texture + grain
    return SliceStack(images.astype(np.float32), spacing_mm)


def cylinder(radius=8.0, first=0, last=NUM_SLICES - 1):
    """(N, H, W) bool: the same disc from slice `first` to slice `last`."""
    radii = np.zeros(NUM_SLICES)
    radii[first : last + 1] = radius
    return discs(radii)


def cone(radius=10.0, slope=0.5):
    """Discs whose radius falls from the first slice on by `slope` a slice."""
    radii = radius - slope * np.arange(NUM_SLICES)
    return discs(np.maximum(0.0, radii))


def sphere(radius=8.0, middle=10):
    """A ball that vanishes on both sides."""
    offsets = np.arange(NUM_SLICES) - middle
    squared = radius**2 - offsets**2
    return discs(np.sqrt(np.maximum(0.0, squared)))


def moving_disc(step=1.0, radius=6.0):
    """A disc that moves by `step` rows a slice."""
    rows = 14 + step * np.arange(NUM_SLICES)
    return np.stack([disc(radius, (row, SIZE / 2)) for row in rows])


def propagate_with(engine, stack, anchors):
    """(N, H, W) float32 probabilities: every walk to its end, gaps blended, anchors as they are."""
    walks = {1: {}, -1: {}}
    for run in plan_runs(anchors, len(stack)):
        steps = engine.walk(stack, run, anchors)
        walks[run.step].update(zip(run.targets, steps, strict=False))
    result = np.zeros(stack.images.shape, np.float32)
    nothing = np.zeros(stack.slice_shape, np.float32)
    blend = getattr(engine, "blend", blend_by_distance)
    for index in walks[1].keys() | walks[-1].keys():
        gap = gap_of(index, anchors)
        forward = walks[1].get(index, nothing)
        backward = walks[-1].get(index, nothing)
        if None in gap:
            result[index] = np.maximum(forward, backward)  # only one of them passes here
        else:
            result[index] = blend(stack, index, forward, backward, gap, anchors)
    for index, mask in anchors.items():
        result[index] = mask
    return result


def anchors_of(masks, *indices):
    """{index: mask} of some slices."""
    return {index: masks[index] for index in indices}
