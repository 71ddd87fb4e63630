"""What networks from thick slices to a fine grid score on cases with truth there.

And the statistics of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from scipy import ndimage, stats

from SlicePropagationLib.arrays import Labels, Slices
from SlicePropagationLib.metrics import dice, hausdorff, ssim, surface_distances
from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.studies.tables import Row
from SlicePropagationLib.training.acnn.degradation import (
    DegradationConfig,
    move_slices,
    thick_slices,
)

MEASURES = ("dice", "mean_mm", "hausdorff_mm", "seconds")
BOOTSTRAPS = 2000
FEWEST_PAIRS = 6

# From (1, 1, N, H, W) thick slices to logits or intensities on the fine grid.
Network = Callable[[torch.Tensor], torch.Tensor]


def thick_input(
    image: Slices,
    grid: FineGridConfig,
    config: DegradationConfig,
    seed: int = 0,
) -> torch.Tensor:
    """(1, 1, N, H, W) thick slices of a fine image, without noise.

    Args:
        image: (D, H, W) float32.
        grid: the fine grid.
        config: says how thick slices are made and moved.
        seed: of the motion.
    """
    thick = thick_slices(torch.from_numpy(image)[None, None], grid.factor, config.blur)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return move_slices(thick, config, grid.spacing_mm[1:])


@torch.inference_mode()
def score_segmentation(
    network: Network,
    image: Slices,
    classes: Labels,
    grid: FineGridConfig,
    config: DegradationConfig,
    seed: int = 0,
    outside: Sequence[float] = (),
) -> list[Row]:
    """Scores of every structure of one case.

    What the grid does not hold of a structure is missed: it counts in Dice and in the true volume.

    Args:
        network: from thick slices to logits on the grid.
        image: (D, H, W) float32 on the grid.
        classes: (D, H, W) class numbers on it.
        grid: the fine grid.
        config: says how thick slices are made and moved.
        seed: of the motion.
        outside: share of each structure that the grid does not hold; all it holds where empty.

    Returns:
        Rows with "class", "dice", "mean_mm", "hausdorff_mm", "seconds", "found_ml" and "true_ml";
        distances, which are of what the grid holds, are NaN where nothing was found.
    """
    thick = thick_input(image, grid, config, seed)
    began = time.perf_counter()
    found = network(thick).argmax(dim=1)[0].numpy()
    seconds = time.perf_counter() - began
    shares = dict(enumerate(outside, 1))
    numbers = {int(number) for number in np.unique(classes) if number}
    numbers |= {number for number, share in shares.items() if share > 0}
    rows = []
    for number in sorted(numbers):
        row = _score_structure(found == number, classes == number, grid, shares.get(number, 0.0))
        rows.append({"class": number, **row, "seconds": seconds})
    return rows


def _score_structure(
    prediction: np.ndarray,
    truth: np.ndarray,
    grid: FineGridConfig,
    outside: float,
) -> Row:
    """Scores of one structure, of which a share lies outside of the grid."""
    found_voxels = np.count_nonzero(prediction)
    held = np.count_nonzero(truth)
    true_voxels = held / (1 - outside) if outside < 1 else float("nan")
    overlap = np.count_nonzero(prediction & truth)
    score = dice(prediction, truth) if not outside else 2 * overlap / (found_voxels + true_voxels)
    cell_ml = float(np.prod(grid.spacing_mm)) / 1000
    return {
        "dice": score if held else 0.0,
        "mean_mm": surface_distances(prediction, truth, grid.spacing_mm).mean,
        "hausdorff_mm": hausdorff(prediction, truth, grid.spacing_mm),
        "found_ml": found_voxels * cell_ml,
        "true_ml": true_voxels * cell_ml,
    }


@torch.inference_mode()
def score_superresolution(
    network: Network,
    image: Slices,
    grid: FineGridConfig,
    config: DegradationConfig,
    seed: int = 0,
) -> Row:
    """Scores of one case: {"ssim", "seconds"}.

    Args:
        network: from thick slices to fine ones.
        image: (D, H, W) float32 on the grid.
        grid: the fine grid.
        config: says how thick slices are made and moved.
        seed: of the motion.
    """
    thick = thick_input(image, grid, config, seed)
    began = time.perf_counter()
    found = network(thick)[0, 0].numpy()
    seconds = time.perf_counter() - began
    return {"ssim": ssim(found, image), "seconds": seconds}


def interpolator(grid: FineGridConfig, order: int) -> Network:
    """A function like a network that interpolates through-plane.

    Beyond the outermost slices they repeat.

    Args:
        grid: the fine grid.
        order: 1 linear, 3 B-spline.
    """

    def interpolate(thick: torch.Tensor) -> torch.Tensor:
        positions = (np.arange(grid.shape[0]) - grid.factor // 2) / grid.factor
        in_plane = [np.arange(size, dtype=float) for size in grid.shape[1:]]
        coordinates = np.meshgrid(positions, *in_plane, indexing="ij")
        fine = ndimage.map_coordinates(
            thick[0, 0].numpy(),
            coordinates,
            order=order,
            mode="nearest",
        )
        return torch.from_numpy(fine)[None, None]

    return interpolate


def mean_over_structures(cases: Iterable[list[Row]], measure: str) -> list[float]:
    """The mean of a measure over the structures of each case; NaN where a structure has none.

    Args:
        cases: a list of rows for each case.
        measure: a column of them.
    """
    means = []
    for rows in cases:
        means.append(float(np.mean([row[measure] for row in rows])))
    return means


def summary(values: Sequence[float]) -> str:
    """Mean ± sd (95 % bootstrap interval of the mean) of the values that are numbers.

    And how many are not.
    """
    numbers = np.asarray(values, float)
    is_number = np.isfinite(numbers)
    numbers = numbers[is_number]
    if not len(numbers):
        return "-"
    missing = "" if is_number.all() else f", {np.count_nonzero(~is_number)} without"
    random = np.random.default_rng(0)
    draws = random.integers(0, len(numbers), (BOOTSTRAPS, len(numbers)))
    low, high = np.percentile(numbers[draws].mean(axis=1), [2.5, 97.5])
    return f"{numbers.mean():.3f} ± {numbers.std():.3f} ({low:.3f} to {high:.3f}){missing}"


def wilcoxon_p(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
) -> float:
    """P of the paired Wilcoxon signed-rank test over the pairs that are both numbers.

    NaN where there are fewer than six or all are equal.
    """
    pairs = np.stack([np.asarray(first, float), np.asarray(second, float)])
    one, other = pairs[:, np.isfinite(pairs).all(axis=0)]
    if len(one) < FEWEST_PAIRS or np.array_equal(one, other):
        return float("nan")
    test: Any = stats.wilcoxon(one, other)
    return float(test.pvalue)
