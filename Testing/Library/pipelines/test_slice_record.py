"""Slices counted in one system of voxel axes and read in another."""

import json

import numpy as np
import pytest
from phantoms import square

from SlicePropagationLib.pipelines.slice_record import (
    decode_slices,
    encode_slices,
    grid_values,
    in_system,
    is_on_grid,
    restore_slices,
)
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack

PLACE = [
    [2.0, 0.0, 0.0, 10.0],
    [0.0, 2.0, 0.0, 20.0],
    [0.0, 0.0, 5.0, 30.0],
]  # four by four voxels of 2 mm, slices of 5 mm


def annotated(axis=0):
    """A session of five slices, drawn on slice 1."""
    shape = [16, 16]
    shape.insert(axis, 5)
    session = AnnotationSession(
        SliceStack.from_volume(np.zeros(shape, np.float32), (1, 1, 1), axis),
        (1,),
    )
    session.annotate(1, 1, square(4, 4, 4)[:16, :16])
    return session


@pytest.mark.parametrize(
    "written,read,axis,index",
    [
        (False, False, 0, 1),
        (True, True, 0, 1),
        (True, False, 0, 3),
        (False, True, 0, 3),
        (True, False, 1, 1),
        (True, False, 2, 1),
    ],
)
def test_slices_along_k_are_counted_from_the_other_end_when_slicer_turned_the_volume_around(
    written,
    read,
    axis,
    index,
):
    session = annotated(axis)
    values = in_system(
        decode_slices(encode_slices(session, 1, "copy", is_left_handed=written)),
        5,
        is_left_handed=read,
    )
    again = AnnotationSession(session.stack, (1,))
    masks = session.masks(1) if written == read or axis else session.masks(1)[::-1]
    restore_slices(again, 1, masks, values)
    assert again.anchors(1) == [index]
    assert again.state(1, index).provenance == Provenance.SEED
    assert again.state(1, index).patch.area == 16


def test_a_record_of_an_ordinary_volume_says_nothing_of_its_system():
    assert "left_handed" not in decode_slices(encode_slices(annotated(), 1, "copy"))


@pytest.mark.parametrize(
    "change",
    [
        {"axis": 3},
        {"slices": [1]},
        {"slices": {"-1": [2, None, 0, 1]}},
        {"slices": {"x": [2, None, 0, 1]}},
        {"slices": {"1": [9, None, 0, 1]}},
        {"slices": {"1": [2, 1.5, 0, 1]}},
        {"slices": {"1": [2, None, 0]}},
        {"slices": {"1": [2, None, -1, 0]}},
        {"format": 2},
        {"grid": {"size": [4, 4], "matrix": PLACE}},
        {"grid": {"size": [4, 4, 5], "matrix": [1]}},
        {"grid": {"size": [4, 4, 5], "matrix": [[float("nan")] * 4] * 3}},
        {"grid": 3},
    ],
)
def test_a_damaged_record_is_no_record(change):
    values = json.loads(encode_slices(annotated(), 1, "copy"))
    assert decode_slices(json.dumps(values)) == values
    assert decode_slices(json.dumps(values | change)) is None


def placed(*shift, size=(4, 4, 5), **options):
    """The grid of `PLACE`, moved by millimetres."""
    return grid_values(
        size,
        np.array(PLACE) + np.pad(np.transpose([shift or (0, 0, 0)]), ((0, 0), (3, 0))),
        **options,
    )


@pytest.mark.parametrize(
    "grid,belongs",
    [
        (placed(), True),
        (placed(0, 0, 1e-3), True),
        (placed(0.5, 0.5, 1.5), True),
        (placed(0, 0, 5), False),
        (placed(0, 0, 2.5), False),
        (placed(2, 0, 0), False),
        (placed(size=(4, 4, 6)), False),
    ],
)
def test_a_record_belongs_to_the_grid_that_it_states_and_to_one_that_is_moved_by_less_than_half_a_voxel(
    grid,
    belongs,
):
    values = decode_slices(encode_slices(annotated(), 1, "copy", grid=placed()))
    assert is_on_grid(values, grid) == belongs


def test_a_record_that_states_no_grid_belongs_to_any():
    assert is_on_grid(decode_slices(encode_slices(annotated(), 1, "copy")), placed(0, 0, 50))


def test_a_volume_that_slicer_turned_around_is_on_the_grid_that_it_was_on():
    turned = np.array(PLACE)
    turned[:, 3] += 4 * turned[:, 2]
    turned[:, 2] *= -1
    assert grid_values((4, 4, 5), turned, is_left_handed=True) == placed()
