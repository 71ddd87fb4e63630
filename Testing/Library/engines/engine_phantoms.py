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
    return (rows * spacing[0] - centre[0]) ** 2 + (
        columns * spacing[1] - centre[1]
    ) ** 2 < radius**2


def stack_of(masks, spacing_mm=(1.0, 1.0, 1.0), noise=0.1):
    """A bright structure on a dark, faintly textured ground; the same every time."""
    rng = np.random.default_rng(7)
    texture = rng.normal(size=masks.shape[1:])
    return SliceStack(
        (masks + noise * texture + 0.3 * noise * rng.normal(size=masks.shape)).astype(np.float32),
        spacing_mm,
    )


def cylinder(radius=8.0, first=0, last=NUM_SLICES - 1):
    """(N, H, W) bool: the same disc from slice `first` to slice `last`."""
    return np.stack(
        [disc(radius) if first <= index <= last else disc(0) for index in range(NUM_SLICES)]
    )


def cone(radius=10.0, slope=0.5):
    """Discs whose radius falls from the first slice on by `slope` a slice."""
    return np.stack([disc(max(0.0, radius - slope * index)) for index in range(NUM_SLICES)])


def sphere(radius=8.0, middle=10):
    """A ball that vanishes on both sides."""
    return np.stack(
        [disc(np.sqrt(max(0.0, radius**2 - (index - middle) ** 2))) for index in range(NUM_SLICES)]
    )


def moving_disc(step=1.0, radius=6.0):
    """A disc that moves by `step` rows a slice."""
    return np.stack([disc(radius, (14 + step * index, SIZE / 2)) for index in range(NUM_SLICES)])


def propagate_with(engine, stack, anchors):
    """(N, H, W) float32 probabilities: every walk to its end, gaps blended, anchors as they are."""
    walks = {}
    result = np.zeros(stack.images.shape, np.float32)
    for run in plan_runs(anchors, len(stack)):
        for index, probability in zip(run.targets, engine.walk(stack, run, anchors)):
            walks.setdefault(index, {})[run.step] = probability
    nothing = np.zeros(stack.slice_shape, np.float32)
    blend = getattr(engine, "blend", blend_by_distance)
    for index, passed in walks.items():
        gap = gap_of(index, anchors)
        closed = None not in gap
        result[index] = (
            blend(stack, index, passed.get(1, nothing), passed.get(-1, nothing), gap, anchors)
            if closed
            else next(iter(passed.values()))
        )
    for index, mask in anchors.items():
        result[index] = mask
    return result


def anchors_of(masks, *indices):
    """{index: mask} of some slices."""
    return {index: masks[index] for index in indices}
