import numpy as np

from SlicePropagationLib.engines.appearance import NUM_BINS, Appearance, Sample
from SlicePropagationLib.engines.distance import signed_distance


def learn(image, mask):
    distance = signed_distance(mask, (1.0, 1.0))
    return Appearance.learn([Sample(image.astype(np.float32), distance, ring=4.0)])


def square():
    mask = np.zeros((20, 20), bool)
    mask[6:14, 6:14] = True
    return mask


def test_what_is_bright_inside_speaks_for_the_structure():
    mask = square()
    appearance = learn(mask * 1.0, mask)
    odds = appearance.log_odds(mask.astype(np.float32))
    assert odds[10, 10] > 1
    assert odds[0, 0] < -1


def test_a_constant_image_says_nothing():
    image = np.full((20, 20), 7.0, np.float32)
    appearance = learn(image, square())
    assert not appearance.log_odds(image).any()


def test_a_mask_that_fills_the_slice_has_no_surroundings_and_says_nothing():
    image = np.random.default_rng(0).normal(size=(20, 20))
    appearance = learn(image, np.ones((20, 20), bool))
    assert not appearance.log_odds(image.astype(np.float32)).any()


def test_intensities_never_seen_count_as_the_nearest_seen():
    mask = square()
    appearance = learn(mask * 1.0, mask)
    odds = appearance.log_odds(np.full((20, 20), 1e6, np.float32))
    assert np.isfinite(odds).all()
    assert (odds > 0).all()


def test_between_two_bins_of_the_histogram_the_ratio_changes_linearly():
    log_ratio = np.random.default_rng(6).normal(size=NUM_BINS).astype(np.float32)
    appearance = Appearance(10.0, 72.0, log_ratio)
    image = np.linspace(0, 80, 400, dtype=np.float32).reshape(20, 20)
    wanted = np.interp(image, np.linspace(10, 72, NUM_BINS), log_ratio)
    assert np.allclose(appearance.log_odds(image, smoothing=0.0), wanted, atol=1e-5)
