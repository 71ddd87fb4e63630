"""Slices counted in one system of voxel axes and read in another."""

import json

import numpy as np
import pytest

from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.slice_record import decode_slices, encode_slices, in_system, restore_slices
from SlicePropagationLib.stack import SliceStack
from phantoms import square


def annotated(axis=0):
    """A session of five slices, drawn on slice 1."""
    shape = [16, 16]
    shape.insert(axis, 5)
    session = AnnotationSession(SliceStack.from_volume(np.zeros(shape, np.float32), (1, 1, 1), axis), (1,))
    session.annotate(1, 1, square(4, 4, 4)[:16, :16])
    return session


@pytest.mark.parametrize("written,read,axis,index", [(False, False, 0, 1), (True, True, 0, 1), (True, False, 0, 3), (False, True, 0, 3), (True, False, 1, 1), (True, False, 2, 1)])
def test_slices_along_k_are_counted_from_the_other_end_when_slicer_turned_the_volume_around(written, read, axis, index):
    session = annotated(axis)
    values = in_system(decode_slices(encode_slices(session, 1, "copy", is_left_handed=written)), 5, is_left_handed=read)
    again = AnnotationSession(session.stack, (1,))
    masks = session.masks(1) if written == read or axis else session.masks(1)[::-1]
    restore_slices(again, 1, masks, values)
    assert again.anchors(1) == [index] and again.state(1, index).provenance == Provenance.SEED and again.state(1, index).patch.area == 16


def test_a_record_of_an_ordinary_volume_says_nothing_of_its_system():
    assert "left_handed" not in decode_slices(encode_slices(annotated(), 1, "copy"))


@pytest.mark.parametrize("change", [{"axis": 3}, {"slices": [1]}, {"slices": {"-1": [2, None, 0, 1]}}, {"slices": {"x": [2, None, 0, 1]}}, {"slices": {"1": [9, None, 0, 1]}}, {"slices": {"1": [2, 1.5, 0, 1]}},
                                    {"slices": {"1": [2, None, 0]}}, {"slices": {"1": [2, None, -1, 0]}}, {"format": 2}])
def test_a_damaged_record_is_no_record(change):
    values = json.loads(encode_slices(annotated(), 1, "copy"))
    assert decode_slices(json.dumps(values)) == values and decode_slices(json.dumps(values | change)) is None
