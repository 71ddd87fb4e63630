import numpy as np
import pytest

from SlicePropagationLib.engines.distance import (
    FAR_MM,
    equivalent_radius,
    probability_of,
    signed_distance,
)


def test_the_edge_lies_halfway_between_a_pixel_inside_and_its_neighbour_outside():
    mask = np.zeros((1, 5), bool)
    mask[0, 1:4] = True
    distance = signed_distance(mask, (1.0, 1.0))
    assert distance.tolist() == [[-0.5, 0.5, 1.5, 0.5, -0.5]]


def test_distances_are_in_millimetres_along_each_axis():
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    distance = signed_distance(mask, (2.0, 1.0))
    assert distance[5, 3] == pytest.approx(-3.5)
    assert distance[3, 5] == pytest.approx(-1.5)


def test_an_empty_mask_is_far_away_everywhere():
    nothing = np.zeros((4, 4), bool)
    distance = signed_distance(nothing, (1.0, 1.0))
    assert (distance == -FAR_MM).all()


def test_a_full_mask_is_inside_everywhere():
    everything = np.ones((3, 4), bool)
    distance = signed_distance(everything, (1.0, 1.0))
    assert (distance == 5.0).all()


def test_the_border_of_the_slice_is_no_edge():
    mask = np.zeros((1, 4), bool)
    mask[0, :2] = True
    distance = signed_distance(mask, (1.0, 1.0))
    assert distance[0, 0] == 1.5


def test_probability_is_one_half_on_the_edge_and_never_overflows():
    distance = np.array([-FAR_MM, 0.0, FAR_MM])
    outside, edge, inside = probability_of(distance, 0.5)
    assert outside < 1e-9
    assert edge == 0.5
    assert inside > 1 - 1e-6


def test_the_equivalent_radius_is_that_of_the_disc_of_equal_area():
    assert equivalent_radius(np.pi * 9) == pytest.approx(3.0)
