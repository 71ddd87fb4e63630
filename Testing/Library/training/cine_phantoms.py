"""A beating disc on disk: 4D images with labels on some frames."""

import numpy as np
import SimpleITK as sitk
from phantoms import disc

from SlicePropagationLib.files.training_cases import TrainingCase

SIDE = 32
COUNT = 8


def beating_disc(seed=0, count=COUNT):
    """(T, 1, S, S) image and truth of a disc whose radius goes from 9 to 6 and back in one cycle."""
    radii = 7.5 + 1.5 * np.cos(2 * np.pi * np.arange(count) / count)
    truth = np.stack([disc((SIDE, SIDE), (16, 15 + seed), radius) for radius in radii])[
        :, None
    ].astype(np.uint8)
    noise = np.random.default_rng(seed).normal(0, 5, truth.shape)
    return (100 * truth + noise).astype(np.int16), truth


def write_4d(path, array, spacing=(1.0, 1.0, 8.0, 1.0)):
    """Write a (T, K, J, I) array as a 4D image."""
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


def cine_cases(folder, frames=(0, 4), count=COUNT):
    """Two cases of a beating disc, labelled on some frames only."""
    cases = []
    for seed in range(2):
        image, truth = beating_disc(seed, count)
        labels = np.zeros_like(truth)
        labels[list(frames)] = truth[list(frames)]
        cases.append(
            TrainingCase(
                str(write_4d(folder / f"cine{seed}.nii.gz", image)),
                str(write_4d(folder / f"cine{seed}_label.nii.gz", labels)),
                "discs",
                f"cine{seed}",
            )
        )
    return cases
