"""What the network is told: maps on the structure, and scalar features that are true.

What should not change it, as the brightness of the image, is left out.
"""

import numpy as np
import pytest
from phantoms import drifting_disc

from SlicePropagationLib.engines.network_inputs import (
    CELLS,
    MAPS,
    MAX_INTENSITY,
    SCALAR_FEATURES,
    network_inputs,
)
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


def inputs_of(stack, truth, run, others=()):
    anchors = {index: truth[index] for index in (run.anchor, *others)}
    return list(network_inputs(stack, run, anchors))


def feature(steps, name):
    """A scalar feature on every slice of a walk."""
    position = SCALAR_FEATURES.index(name)
    return [step.scalar_features[position] for step in steps]


def test_every_target_gets_maps_and_scalar_features_of_the_same_shape():
    stack, truth = drifting_disc()
    steps = inputs_of(stack, truth, Run(6, (7, 8, 9)))
    assert [step.index for step in steps] == [7, 8, 9]
    for step in steps:
        assert step.maps.shape == (len(MAPS), CELLS, CELLS)
        assert step.scalar_features.shape == (len(SCALAR_FEATURES),)
        assert np.abs(step.maps).max() <= MAX_INTENSITY
        assert np.abs(step.scalar_features).max() <= 1


def test_the_square_follows_the_structure():
    stack, truth = drifting_disc()
    right = inputs_of(stack, truth, Run(7, (8, 9, 10, 11)))
    left = inputs_of(stack, truth, Run(7, (6, 5, 4)))
    assert right[-1].roi.column > left[-1].roi.column


def test_what_registration_says_lies_on_the_truth():
    stack, truth = drifting_disc()
    step = inputs_of(stack, truth, Run(6, (7, 8)))[-1]
    expected = step.roi.sample(truth[8]) > 0.5
    found = step.maps[MAPS.index("registration")] > 0
    assert dice(found, expected) > 0.9


def test_brightness_and_contrast_of_the_scanner_do_not_matter():
    stack, truth = drifting_disc()
    other = SliceStack(3.0 * stack.images + 500.0, stack.spacing_mm)
    run = Run(6, (7,))
    first = inputs_of(stack, truth, run)[0]
    second = inputs_of(other, truth, run)[0]
    assert np.allclose(first.maps, second.maps, atol=0.02)


def test_between_two_anchors_it_is_told_the_interpolated_shape_and_how_far_the_other_is():
    stack, truth = drifting_disc()
    run = Run(5, (6, 7, 8))
    between = inputs_of(stack, truth, run, others=(9,))
    beyond = inputs_of(stack, truth, run)
    shape = MAPS.index("interpolated distance")
    assert all(step.maps[shape].max() > 0 for step in between)
    assert not any(step.maps[shape].any() for step in beyond)
    ahead = "share of the gap ahead"
    assert feature(between, ahead) == pytest.approx([0.75, 0.5, 0.25])
    assert feature(beyond, ahead) == [0, 0, 0]
    is_beyond = "is beyond the anchors"
    assert feature(between, is_beyond) == [0, 0, 0]
    assert feature(beyond, is_beyond) == [1, 1, 1]


def test_an_empty_anchor_tells_nothing():
    stack, truth = drifting_disc()
    assert inputs_of(stack, truth, Run(0, (1, 2))) == []
