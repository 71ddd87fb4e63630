"""A click finds the structure at it, and a box the one inside, on pictures whose truth is known."""

import numpy as np
import pytest
from phantoms import disc

from SlicePropagationLib.drawing.click_seed import Box, seeded_at, seeded_in
from SlicePropagationLib.metrics import dice

SHAPE = (120, 140)
ORGAN = disc(SHAPE, (60, 70), 22)
BODY = disc(SHAPE, (60, 70), 52)
SPACING = (1.0, 1.0)


def picture(noise=8.0, organ=120.0, body=60.0, air=-900.0, seed=1):
    """An organ in a body in air, with noise, in Hounsfield units."""
    clean = np.where(ORGAN, organ, np.where(BODY, body, air))
    return (clean + np.random.default_rng(seed).normal(0, noise, SHAPE)).astype(np.float32)


@pytest.mark.parametrize("row, column", [(60, 70), (50, 60), (70, 82)])
def test_a_click_anywhere_in_an_organ_outlines_it(row, column):
    assert dice(seeded_at(picture(), SPACING, row, column), ORGAN) > 0.95


def test_a_dark_structure_is_found_as_a_bright_one():
    assert dice(seeded_at(picture(organ=10.0), SPACING, 60, 70), ORGAN) > 0.95


def test_the_scale_of_intensities_does_not_matter():
    image = picture()
    found = seeded_at(image, SPACING, 60, 70)
    assert dice(seeded_at(image * 0.01 - 3, SPACING, 60, 70), found) > 0.99
    assert dice(seeded_at(-image, SPACING, 60, 70), found) > 0.99


def test_holes_of_an_organ_are_filled():
    image = picture()
    image[disc(SHAPE, (62, 74), 4)] = -100
    found = seeded_at(image, SPACING, 52, 60)
    assert found[62, 74]
    assert dice(found, ORGAN) > 0.95


def test_a_thin_bridge_to_the_next_organ_is_not_crossed():
    image = picture()
    other = disc(SHAPE, (60, 112), 9)
    image[other] = 120
    image[60, 90:106] = 120
    found = seeded_at(image, SPACING, 60, 66)
    assert not found[60, 112]
    assert dice(found, ORGAN) > 0.9


def test_a_click_reaches_no_further_than_its_window():
    found = seeded_at(np.zeros((400, 400), np.float32), SPACING, 200, 200)
    rows, columns = np.nonzero(found)
    assert found[200, 200]
    assert rows.min() >= 120 and columns.max() <= 280


def test_a_box_bounds_the_outline():
    image = picture(organ=75.0, noise=10.0)  # hard to tell from the body
    box = Box(36, 46, 85, 95)
    found = seeded_in(image, box)
    outside = np.ones(SHAPE, bool)
    outside[36:85, 46:95] = False
    assert not (found & outside).any()
    assert dice(found, ORGAN) > 0.85


def test_a_box_around_the_body_finds_the_body_and_around_the_organ_the_organ():
    image = picture(organ=90.0)
    assert dice(seeded_in(image, Box(36, 46, 85, 95)), ORGAN) > 0.9
    assert dice(seeded_in(image, Box(6, 16, 115, 125)), BODY) > 0.9


def test_a_box_may_reach_beyond_the_slice():
    found = seeded_in(picture(), Box(-20, -20, 130, 200))
    assert found.shape == SHAPE
    assert found[60, 70]


def test_a_picture_of_one_intensity_has_no_structure_but_the_window():
    assert seeded_at(np.full((40, 40), 7.0, np.float32), SPACING, 20, 20)[20, 20]
    assert seeded_in(np.full((40, 40), 7.0, np.float32), Box(10, 10, 20, 20))[15, 15]
