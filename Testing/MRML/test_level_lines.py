"""Level tracing: the line of equal intensity through a place."""

import numpy as np
from phantoms import disc
from SlicePropagationMRML.nodes.level_lines import levelLine, smoothedForLines

from SlicePropagationLib.drawing.outline import filled_outline
from SlicePropagationLib.metrics import dice

SHAPE = (64, 80)


def noisy(mask, inside=120.0, outside=40.0):
    noise = np.random.default_rng(0).normal(0, 8, mask.shape)
    return smoothedForLines(np.where(mask, inside, outside) + noise)


def traced(image, row, column):
    line = levelLine(image, row, column)
    return None if line is None else filled_outline(line, image.shape)


def test_the_line_at_an_edge_goes_around_the_structure():
    organ = disc(SHAPE, (30, 40), 12)
    other = disc(SHAPE, (55, 70), 6)
    assert dice(traced(noisy(organ | other), 30, 28), organ) > 0.97
    dark = noisy(organ | other, 40.0, 120.0)
    assert dice(traced(dark, 18, 40), organ) > 0.97


def test_the_line_passes_through_the_place():
    image = noisy(disc(SHAPE, (30, 40), 12))
    for place in ((30.0, 28.3), (17.6, 40.0), (38.5, 48.5)):
        line = levelLine(image, *place)
        assert np.hypot(*(line - place).T).min() < 1


def test_a_brighter_place_gives_a_smaller_outline():
    rows, columns = np.indices(SHAPE)
    hill = smoothedForLines(-np.hypot(rows - 30, columns - 40))
    areas = [traced(hill, 30, 40 + away).sum() for away in (6, 12, 18)]
    assert np.allclose(areas, [np.pi * away**2 for away in (6, 12, 18)], rtol=0.05)


def test_a_structure_that_the_slice_cuts_off_is_closed_along_its_edge():
    organ = disc(SHAPE, (30, 0), 14)
    for inside, outside in ((120, 40), (40, 120)):
        assert dice(traced(noisy(organ, inside, outside), 30, 13.5), organ) > 0.95


def test_there_is_no_line_off_the_slice_or_where_all_is_alike():
    assert levelLine(noisy(disc(SHAPE, (30, 40), 12)), -1, 5) is None
    assert levelLine(smoothedForLines(np.full(SHAPE, 7.0)), 30, 40) is None
