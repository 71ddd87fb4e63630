import numpy as np
import pytest
from engine_phantoms import cone, cylinder, stack_of

from SlicePropagationLib.engines.end_detection import Taper, TaperConfig, cap_shrink
from SlicePropagationLib.planning import Run

STEADY = TaperConfig(doubt=0.0)


def slices_until_closed(
    masks,
    anchor,
    indices,
    config=STEADY,
    spacing_mm=(1.0, 1.0, 1.0),
    loss=0.0,
):
    anchors = {index: masks[index] for index in indices}
    taper = Taper(
        stack_of(masks, spacing_mm),
        Run(anchor, tuple(range(anchor + 1, 200))),
        anchors,
        config,
    )
    return next(
        step
        for step in range(1, 200)
        if taper.advance(spacing_mm[0], 1 - loss * (step - 1)) is None
    )


def test_a_cap_of_equal_radius_and_reach_is_a_sphere():
    assert cap_shrink(0, 5, 5) == 0
    assert cap_shrink(3, 5, 5) == pytest.approx(1.0)
    assert cap_shrink(5, 5, 5) is None


def test_the_outline_never_moves_outwards_beyond_the_anchors():
    masks = cone()[::-1]
    taper = Taper(
        stack_of(masks),
        Run(10, tuple(range(11, 21))),
        {4: masks[4], 10: masks[10]},
        STEADY,
    )
    shrink_mm = taper.advance(1.0, 1.0)
    assert shrink_mm is not None
    assert shrink_mm >= 0


def test_a_structure_that_narrows_towards_its_end_closes_sooner():
    assert slices_until_closed(cone(), 8, [2, 8]) < slices_until_closed(cylinder(6.0), 8, [2, 8])


def test_a_lone_anchor_reaches_as_far_as_its_radius_says():
    assert slices_until_closed(cylinder(8.0), 0, [0]) == np.ceil(1.8 * 8)


def test_thick_slices_do_not_close_at_once():
    assert slices_until_closed(cylinder(4.0), 0, [0], spacing_mm=(10.0, 1.0, 1.0)) >= 4


def test_the_cap_closes_before_an_empty_anchor():
    masks = cylinder(8.0, last=5)
    assert slices_until_closed(masks, 3, [3, 8]) <= 5


def test_a_slice_that_looks_less_like_the_anchor_counts_as_a_longer_way():
    assert slices_until_closed(cylinder(), 0, [0], TaperConfig(), loss=0.1) < slices_until_closed(
        cylinder(),
        0,
        [0],
        TaperConfig(),
        loss=0.0,
    )
