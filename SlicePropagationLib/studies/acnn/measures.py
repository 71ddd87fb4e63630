"""What networks from thick slices to a fine grid score on cases with truth there, and the statistics of it."""

import time

import numpy as np
import torch
from scipy import ndimage, stats

from SlicePropagationLib.metrics import dice, hausdorff, ssim, surface_distances
from SlicePropagationLib.training.acnn.degradation import move_slices, thick_slices

MEASURES = ("dice", "mean_mm", "hausdorff_mm", "seconds")
BOOTSTRAPS = 2000


def thick_input(image, grid, config, seed=0):
    """(1, 1, N, H, W) thick slices of a (D, H, W) fine image, without noise.

    Moved, where the DegradationConfig moves them, as the seed says.
    """
    thick = thick_slices(torch.from_numpy(image)[None, None], grid.factor, config.blur)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return move_slices(thick, config, grid.spacing_mm[1:])


@torch.inference_mode()
def score_segmentation(network, image, classes, grid, config, seed=0):
    """[{"class", "dice", "mean_mm", "hausdorff_mm", "seconds"}] for every structure of one case.

    Distances are NaN where nothing was found.

    Args:
        network: from thick slices to logits on the grid.
        image, classes: (D, H, W) on the grid.
        grid: the FineGridConfig.
        config: the DegradationConfig that makes thick slices.
        seed: of the slices' motion.
    """
    thick = thick_input(image, grid, config, seed)
    began = time.perf_counter()
    found = network(thick).argmax(dim=1)[0].numpy()
    seconds = time.perf_counter() - began
    rows = []
    for number in np.unique(classes[classes > 0]):
        prediction = found == number
        truth = classes == number
        rows.append(
            {
                "class": int(number),
                "dice": dice(prediction, truth),
                "mean_mm": surface_distances(prediction, truth, grid.spacing_mm).mean,
                "hausdorff_mm": hausdorff(prediction, truth, grid.spacing_mm),
                "seconds": seconds,
            }
        )
    return rows


@torch.inference_mode()
def score_superresolution(network, image, grid, config, seed=0):
    """{"ssim", "seconds"} of one case.

    `network` takes (1, 1, N, H, W) thick slices and gives fine ones; the rest as in
    `score_segmentation`.
    """
    thick = thick_input(image, grid, config, seed)
    began = time.perf_counter()
    found = network(thick)[0, 0].numpy()
    return {"ssim": ssim(found, image), "seconds": time.perf_counter() - began}


def interpolator(grid, order):
    """A function like a network that interpolates through-plane: order 1 linear, 3 B-spline.

    Beyond the outermost slices they repeat.
    """

    def interpolate(thick):
        positions = (np.arange(grid.shape[0]) - grid.factor // 2) / grid.factor
        coordinates = np.meshgrid(
            positions,
            *(np.arange(size, dtype=float) for size in grid.shape[1:]),
            indexing="ij",
        )
        fine = ndimage.map_coordinates(
            thick[0, 0].numpy(),
            coordinates,
            order=order,
            mode="nearest",
        )
        return torch.from_numpy(fine)[None, None]

    return interpolate


def mean_over_structures(rows, measure):
    """The mean of a measure over the structures of each case, in the order of `rows` (a list for each case); NaN where a structure has none."""
    return [float(np.mean([row[measure] for row in own])) for own in rows]


def summary(values):
    """ "mean ± sd (95 % bootstrap interval of the mean)" of the values that are numbers, and how many are not."""
    is_number = np.isfinite(np.asarray(values, float))
    values = np.asarray(values, float)[is_number]
    if not len(values):
        return "-"
    missing = "" if is_number.all() else f", {np.count_nonzero(~is_number)} without"
    draws = np.random.default_rng(0).integers(0, len(values), (BOOTSTRAPS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return f"{values.mean():.3f} ± {values.std():.3f} ({low:.3f} to {high:.3f}){missing}"


def wilcoxon_p(first, second):
    """P of the paired Wilcoxon signed-rank test over the pairs that are both numbers.

    NaN where there are fewer than six or all are equal.
    """
    pairs = np.array(
        [(a, b) for a, b in zip(first, second) if np.isfinite(a) and np.isfinite(b)],
        float,
    ).reshape(-1, 2)
    if len(pairs) < 6 or np.array_equal(pairs[:, 0], pairs[:, 1]):
        return float("nan")
    return float(stats.wilcoxon(pairs[:, 0], pairs[:, 1]).pvalue)
