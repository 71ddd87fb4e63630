"""Principal components of a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Components(NamedTuple):
    """Axes along which a table spreads most.

    Attributes:
        mean: (numbers,) of the table's rows.
        axes: (count, numbers), of length 1.
        deviations: (count,) standard deviations along the axes.
    """

    mean: np.ndarray
    axes: np.ndarray
    deviations: np.ndarray

    def of(self, table: np.ndarray) -> np.ndarray:
        """(cases, count) places along the axes of a (cases, numbers) table."""
        return (table - self.mean) @ self.axes.T


def principal_components(features: np.ndarray, count: int) -> Components:
    """The principal components of a (cases, numbers) table.

    Args:
        features: the table.
        count: of the components; there are fewer where there are fewer cases.
    """
    mean = features.mean(axis=0)
    _, lengths, axes = np.linalg.svd(features - mean, full_matrices=False)
    count = min(count, len(features) - 1, len(axes))
    deviations = lengths[:count] / np.sqrt(max(len(features) - 1, 1))
    return Components(mean, axes[:count], deviations)
