"""A model sees slices as it has learnt to, whichever way a volume is stored."""

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.orientation import Turn, check_letters, letters_of, order_of

SEEN = "SPL"


def stored(axes, signs):
    """The (3, 3) directions of a volume whose I, J, K run along the patient's `axes`."""
    directions = np.zeros((3, 3))
    for voxel, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        directions[axis, voxel] = sign
    return directions


def test_letters_are_those_that_simpleitk_has():
    for axes, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        directions = stored(axes, signs)
        cosines = directions.ravel().tolist()
        named = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(cosines)
        assert letters_of(directions) == named[::-1]


def test_oblique_axes_get_the_nearest_way():
    turn = np.deg2rad(30)
    rotation = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    assert letters_of(rotation) == "SPL"
    assert letters_of(np.ravel(rotation)) == "SPL"


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
def test_however_it_is_stored_the_model_sees_the_same_and_results_come_back(axes, signs):
    patient = np.arange(24).reshape(2, 3, 4)  # S, P, L
    volume = np.transpose(patient, [2 - axis for axis in reversed(axes)])
    volume = volume[tuple(slice(None, None, sign) for sign in reversed(signs))]
    letters = letters_of(stored(axes, signs))
    order = order_of(letters, SEEN)
    slices = np.transpose(volume, order)
    seen = Turn.between("".join(letters[axis] for axis in order), SEEN).of(slices)
    # which end the slices begin at is the same to a model
    assert {one.tobytes() for one in seen.copy()} == {one.tobytes() for one in patient}
    across = order[0]
    as_opened = np.moveaxis(volume, across, 0)
    towards = letters[across] + "".join(letters[a] for a in range(3) if a != across)
    turn = Turn.between(towards, SEEN)
    assert {one.tobytes() for one in turn.of(as_opened).copy()} == {
        one.tobytes() for one in patient
    }
    assert np.array_equal(turn.back(turn.of(as_opened)), as_opened)
    rows, columns = as_opened.shape[1:]
    assert turn.pair((rows, columns)) == (3, 4)


def test_slices_of_another_plane_are_refused_with_what_to_choose():
    with pytest.raises(InputError, match="looks at axial slices, these are coronal"):
        Turn.between("PSL", SEEN)


def test_slices_of_which_nobody_knows_stay_as_they_are():
    assert Turn.between("", SEEN) == Turn()
    assert Turn.between("PSL", "") == Turn()


@pytest.mark.parametrize("letters", ["SP", "SPP", "SPX", "SPLA"])
def test_what_is_no_orientation_is_refused(letters):
    with pytest.raises(ConfigError, match="orientation"):
        check_letters(letters)
