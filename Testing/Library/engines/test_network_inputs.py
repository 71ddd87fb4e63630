"""What the network is told: maps on the structure, facts that are true, and the image left out of what it should not change."""

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
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


def inputs_of(stack, truth, run, others=()):
    return list(
        network_inputs(stack, run, {index: truth[index] for index in (run.anchor, *others)})
    )


def test_every_target_gets_maps_and_facts_of_the_same_shape():
    stack, truth = drifting_disc()
    steps = inputs_of(stack, truth, Run(6, (7, 8, 9)))
    assert [step.index for step in steps] == [7, 8, 9]
    assert all(
        step.maps.shape == (len(MAPS), CELLS, CELLS)
        and step.scalar_features.shape == (len(SCALAR_FEATURES),)
        for step in steps
    )
    assert all(
        np.abs(step.maps).max() <= MAX_INTENSITY and np.abs(step.scalar_features).max() <= 1
        for step in steps
    )


def test_the_square_follows_the_structure():
    stack, truth = drifting_disc()
    right, left = (
        [step.roi.column for step in inputs_of(stack, truth, Run(7, targets))]
        for targets in ((8, 9, 10, 11), (6, 5, 4))
    )
    assert right[-1] > left[-1]


def test_what_registration_says_lies_on_the_truth():
    stack, truth = drifting_disc()
    step = inputs_of(stack, truth, Run(6, (7, 8)))[-1]
    expected = step.roi.sample(truth[8]) > 0.5
    found = step.maps[MAPS.index("registration")] > 0
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.9


def test_brightness_and_contrast_of_the_scanner_do_not_matter():
    stack, truth = drifting_disc()
    other = SliceStack(3.0 * stack.images + 500.0, stack.spacing_mm)
    first, second = (inputs_of(volume, truth, Run(6, (7,)))[0].maps for volume in (stack, other))
    assert np.allclose(first, second, atol=0.02)


def test_between_two_anchors_it_is_told_the_interpolated_shape_and_how_far_the_other_is():
    stack, truth = drifting_disc()
    between = inputs_of(stack, truth, Run(5, (6, 7, 8)), others=(9,))
    beyond = inputs_of(stack, truth, Run(5, (6, 7, 8)))
    shape = MAPS.index("interpolated distance")
    assert all(step.maps[shape].max() > 0 for step in between)
    assert not any(step.maps[shape].any() for step in beyond)
    ahead = SCALAR_FEATURES.index("share of the gap ahead")
    assert [step.scalar_features[ahead] for step in between] == pytest.approx([0.75, 0.5, 0.25])
    assert [step.scalar_features[ahead] for step in beyond] == [0, 0, 0]
    assert [
        step.scalar_features[SCALAR_FEATURES.index("is beyond the anchors")]
        for step in (between[0], beyond[0])
    ] == [0, 1]


def test_an_empty_anchor_tells_nothing():
    stack, truth = drifting_disc()
    assert inputs_of(stack, truth, Run(0, (1, 2))) == []
