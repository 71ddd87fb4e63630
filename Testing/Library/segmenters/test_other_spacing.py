"""Slices that lie otherwise than a model's are averaged or interpolated, and results lie on theirs."""

import numpy as np
import pytest

from SlicePropagationLib.segmenters.acnn.other_spacing import SliceSpacing


def ramp(count):
    return np.arange(count, dtype=np.float32)[:, None, None] + np.zeros((count, 2, 2), np.float32)


def test_thin_slices_are_averaged_as_a_scanner_does():
    slices = SliceSpacing(12, 1.0, 4.0, 4)
    assert slices.thick(ramp(12))[:, 0, 0] == pytest.approx([1.5, 5.5, 9.5])
    assert slices.num_fine == 1


def test_thicker_slices_are_interpolated():
    slices = SliceSpacing(4, 8.0, 4.0, 4)
    assert slices.num_thick == 8
    thick = slices.thick(ramp(4))[:, 0, 0]
    assert thick[1:-1] == pytest.approx([0.25, 0.75, 1.25, 1.75, 2.25, 2.75])
    assert slices.num_fine == 8


@pytest.mark.parametrize(("count", "spacing_mm"), [(12, 1.0), (30, 0.7), (5, 7.0), (3, 4.0)])
def test_what_lies_somewhere_comes_back_there(count, spacing_mm):
    """Fine slices that say where they are in mm are the places of the result's slices."""
    thick_mm, factor = 4.0, 5
    slices = SliceSpacing(count, spacing_mm, thick_mm, factor)
    middle = (slices.num_thick - 1) / 2
    fine = (np.arange(slices.num_thick * factor) - factor // 2) / factor - middle
    found = slices.back((fine * thick_mm)[None, :, None, None].astype(np.float32))[0, :, 0, 0]
    own = (np.arange(count * slices.num_fine) - slices.num_fine // 2) / slices.num_fine
    wanted = (own - (count - 1) / 2) * spacing_mm
    inside = (wanted >= fine[0] * thick_mm) & (wanted <= fine[-1] * thick_mm)
    assert inside.sum() > count * slices.num_fine / 2
    assert found[inside] == pytest.approx(wanted[inside], abs=1e-4)


@pytest.mark.parametrize(("count", "spacing_mm"), [(12, 1.0), (6, 2.0), (5, 7.0), (3, 4.0)])
def test_labels_are_those_of_the_nearest_slice(count, spacing_mm):
    """Each thick slice is given the label of the slice that lies half a distance from it at most."""
    slices = SliceSpacing(count, spacing_mm, 4.0, 4)
    own = (np.arange(count * slices.num_fine) - slices.num_fine // 2) / slices.num_fine
    places = (own - (count - 1) / 2) * spacing_mm
    found = places[slices.nearest(np.arange(len(own), dtype=np.uint8))]
    wanted = (np.arange(slices.num_thick) - (slices.num_thick - 1) / 2) * 4.0
    inside = (wanted >= places[0]) & (wanted <= places[-1])
    assert inside.any()
    assert np.abs(found - wanted)[inside].max() <= spacing_mm / slices.num_fine / 2 + 1e-6
