"""The smart brush, on pictures of a few pixels."""

import numpy as np

from SlicePropagationLib.drawing.smart_brush import around, smart_stroke

# A dark organ (10) beside a bright one (100), and a dark island in that one.
IMAGE = np.array(
    [
        [10, 10, 10, 100, 100, 100],
        [10, 12, 10, 100, 10, 100],
        [10, 10, 10, 100, 100, 100],
    ],
    np.float32,
)
ALL = np.ones(IMAGE.shape, bool)


def test_the_stroke_stops_at_an_edge_and_leaves_out_what_is_not_connected():
    found = smart_stroke(IMAGE, ALL, [(1, 1)], tolerance=5)
    assert found[:, :3].all()
    assert found.sum() == 9


def test_nothing_is_taken_that_the_brush_did_not_go_over():
    stroke = np.zeros_like(ALL)
    stroke[1, :2] = True
    assert np.array_equal(smart_stroke(IMAGE, stroke, [(1, 1)], tolerance=5), stroke)


def test_a_centre_that_goes_on_to_the_island_takes_it_too_but_not_what_lies_between():
    found = smart_stroke(IMAGE, ALL, [(1, 1), (1, 3), (1, 4)], tolerance=5)
    assert found[1, 4] and not found[1, 3]
    assert found.sum() == 10


def test_a_wide_tolerance_is_a_plain_brush():
    assert smart_stroke(IMAGE, ALL, [(1, 1)], tolerance=90).all()


def test_what_begins_outside_of_the_image_counts_from_where_it_comes_in():
    found = smart_stroke(IMAGE, ALL, [(1, -2), (1, 5), (9, 9)], tolerance=5)
    assert found.sum() == 8  # the bright organ
    assert not smart_stroke(IMAGE, ALL, [(-1, 0)], tolerance=5).any()


def test_one_noisy_voxel_does_not_move_what_the_stroke_looks_for():
    noisy = IMAGE.copy()
    noisy[1, 1] = 300
    assert around(noisy, (1, 1)) == 10
    found = smart_stroke(noisy, ALL, [(1, 1), (0, 1)], tolerance=5)
    assert found.sum() == 8


def test_in_a_volume_it_goes_through_slices():
    volume = np.stack([IMAGE, IMAGE, np.full_like(IMAGE, 100)])
    found = smart_stroke(volume, np.ones(volume.shape, bool), [(0, 1, 1)], tolerance=5)
    assert [layer.sum() for layer in found] == [9, 9, 0]
