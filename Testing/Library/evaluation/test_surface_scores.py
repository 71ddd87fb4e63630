"""Surface scores are those of the field: surface elements that weigh by their area."""

import numpy as np
import pytest
from scipy import ndimage

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.surface_scores import surface_scores

SPACING = (2.5, 1.0, 0.7)


def blobs():
    noise = np.random.default_rng(3).normal(size=(2, 16, 24, 26))
    first, second = ndimage.gaussian_filter(noise, (0, 2.5, 2.5, 2.5))
    return first + 0.3 * second > first.std(), first > first.std()


def test_the_surface_dice_is_that_of_monai_with_subvoxels():
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    prediction, truth = blobs()
    for tolerance in (1.0, 2.0, 4.0):
        expected = metrics.compute_surface_dice(
            torch.from_numpy(prediction)[None, None],
            torch.from_numpy(truth)[None, None],
            [tolerance],
            include_background=True,
            spacing=list(SPACING),
            use_subvoxels=True,
        )
        found = surface_scores(prediction, truth, SPACING, tolerance)
        assert found.surface_dice == pytest.approx(float(expected), abs=1e-5)


def test_two_plates_are_as_far_apart_as_they_are_moved():
    pytest.importorskip("monai")
    truth = np.zeros((18, 60, 60), bool)
    truth[3:13, 5:55, 5:55] = True
    found = surface_scores(np.roll(truth, 2, axis=0), truth, (1.5, 1.0, 1.0), tolerance_mm=2.0)
    assert found.hd95 == pytest.approx(3.0)
    # Both faces, 2 x 50 x 50 mm2, are 3 mm off; the sides, 4 x 50 x 15 mm2, mostly where they were.
    faces = 5000 / (5000 + 3000)
    assert found.surface_dice == pytest.approx(1 - faces, abs=0.05)
    assert found.mean == pytest.approx(3.0 * faces, abs=0.25)
    exact = surface_scores(truth, truth, (1.5, 1.0, 1.0))
    assert (exact.mean, exact.hd95, exact.surface_dice) == (0, 0, 1)


def test_distances_to_nothing_are_not_a_number():
    pytest.importorskip("monai")
    _, truth = blobs()
    found = surface_scores(np.zeros_like(truth), truth, SPACING)
    assert np.isnan([found.mean, found.hd95, found.surface_dice]).all()


def test_without_monai_a_sentence_names_the_extra(monkeypatch):
    monkeypatch.setattr(
        "SlicePropagationLib.evaluation.surface_scores.util.find_spec", lambda name: None
    )
    with pytest.raises(ConfigError, match=r"MONAI.*slice-propagation\[train\]"):
        surface_scores(*blobs(), SPACING)
