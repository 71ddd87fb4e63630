"""What should not matter does not: padding, storage order, and the scale of the intensities.

Metamorphic tests: two images of the same thing, and no word about how good a result is.
"""

import numpy as np
import pytest
from scipy import ndimage

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.files.shipped_weights import has_model
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

SPACING_MM = (3.0, 1.0, 1.0)
AXIAL = "SPL"  # where slices, rows and columns of the scan count towards
COUNT = 14
SIZE = 44
TRAINED = ("slice_unet", "voxelmorph")
LOOKING = ("registration", *TRAINED)
BLIND = ("copy", "interpolation", "itk_interpolation")
DRAWN = {**dict.fromkeys(LOOKING, (7,)), **dict.fromkeys(BLIND, (4, 9))}


def broken(name, reason):
    """An engine that does not hold what is asked of it."""
    return pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=reason))


def texture(seed, sigma):
    noise = np.random.default_rng(seed).normal(size=(COUNT, SIZE, SIZE))
    smooth = ndimage.gaussian_filter(noise, (1.0, sigma, sigma))
    return smooth / smooth.std()


def ellipse(centre, radii):
    rows, columns = np.ogrid[:SIZE, :SIZE]
    return ((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2 <= 1


@pytest.fixture(scope="module")
def scan():
    """A textured image with a faint ellipse that drifts, grows and closes: (image, truth)."""
    truth = np.zeros((COUNT, SIZE, SIZE), bool)
    for index in range(2, 12):
        part = 1 - 0.015 * (index - 7) ** 2
        centre = (20 + 0.5 * index, 24 - 0.4 * index)
        truth[index] = ellipse(centre, (10 * part, 7 * part))
    image = 110 + 14 * texture(1, 2.0) + 6 * texture(51, 0.7) + 15 * truth
    return np.clip(image, 0, 300).astype(np.float32), truth


def engine_of(name):
    """The engine; skipped where it cannot run."""
    if name in TRAINED:
        pytest.importorskip("torch")
        if not has_model(name):
            pytest.skip(f"the weights of {name} are not there")
    if name == "itk_interpolation":
        pytest.importorskip("itk")
    return make_engine(name, "cpu")


def masks_of(name, image, drawn, towards=AXIAL):
    """(N, H, W) bool that an engine makes of an image and {slice: drawn mask}."""
    session = AnnotationSession(SliceStack(image, SPACING_MM, towards=towards), (1,))
    for index, mask in drawn.items():
        session.annotate(1, index, mask)
    for _ in propagate(session, engine_of(name), plan_session(session)):
        pass
    return session.masks(1)


def drawn_on(name, truth):
    """What is drawn for an engine: one slice, or two for those that only know shapes."""
    return {index: truth[index] for index in DRAWN[name]}


@pytest.fixture(scope="module")
def usual(scan):
    """{engine: its masks of the scan}, each made once."""
    made = {}

    def masks(name):
        if name not in made:
            made[name] = masks_of(name, scan[0], drawn_on(name, scan[1]))
        return made[name]

    return masks


@pytest.mark.parametrize("name", LOOKING)
def test_the_value_of_padding_away_from_the_structure_does_not_matter(name, scan):
    image, truth = scan
    near = ndimage.binary_dilation(truth.any(axis=0), iterations=4)
    inside = near | ellipse((22, 22), (16, 16))
    scores = []
    for filling in (image[:, inside].min(), -1000, -32768):
        padded = np.where(inside, image, np.float32(filling))
        scores.append(dice(masks_of(name, padded, drawn_on(name, truth)), truth))
    assert scores[1:] == pytest.approx(scores[:1] * 2, abs=0.02)


# what is done to the array, and where its axes count towards then
STORAGE = {
    "rows the other way": (lambda array: array[:, ::-1], "SAL"),
    "columns the other way": (lambda array: array[:, :, ::-1], "SPR"),
    "slices the other way": (lambda array: array[::-1], "IPL"),
    "rows for columns": (lambda array: array.transpose(0, 2, 1), "SLP"),
}


@pytest.mark.parametrize(
    "name",
    [
        "copy",
        "interpolation",
        "itk_interpolation",
        "registration",
        broken("voxelmorph", "the shipped weights learnt slices as they are stored"),
        broken("slice_unet", "the shipped weights learnt slices as they are stored"),
    ],
)
def test_the_order_in_which_a_picture_is_stored_does_not_matter(name, scan, usual):
    image, truth = scan
    drawn = np.zeros_like(truth)
    for index, mask in drawn_on(name, truth).items():
        drawn[index] = mask
    scores = {}
    for order, (store, towards) in STORAGE.items():
        kept = {index: mask for index, mask in enumerate(store(drawn)) if mask.any()}
        found = masks_of(name, np.ascontiguousarray(store(image)), kept, towards)
        scores[order] = dice(found, store(truth))
    expected = dict.fromkeys(STORAGE, dice(usual(name), truth))
    assert scores == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    "change",
    [lambda image: 7.5 * image - 900, lambda image: 300 - image],
    ids=["scaled and shifted", "inverted"],
)
@pytest.mark.parametrize("name", LOOKING)
def test_scale_offset_and_sign_of_the_intensities_do_not_matter(name, change, scan, usual):
    image, truth = scan
    found = masks_of(name, change(image), drawn_on(name, truth))
    assert dice(found, truth) == pytest.approx(dice(usual(name), truth), abs=0.01)


@pytest.mark.parametrize("name", BLIND)
def test_an_engine_that_does_not_look_is_not_told_by_the_image(name, scan, usual):
    image, truth = scan
    found = masks_of(name, -image, drawn_on(name, truth))
    assert np.array_equal(found, usual(name))


def test_padding_beside_the_structure_is_its_background():
    """A structure in an empty image is seen against it, however far its value is from the rest."""
    truth = np.zeros((8, 30, 30), bool)
    for index in range(8):
        truth[index, 8:18, 6 + index : 18 + index] = True
    noise = np.random.default_rng(0).normal(0, 4, truth.shape)
    image = np.where(truth, 100 + noise, 0).astype(np.float32)
    assert SliceStack(image).without_padding is not None
    found = masks_of("registration", image, {3: truth[3]})
    assert dice(found, truth) > 0.9
