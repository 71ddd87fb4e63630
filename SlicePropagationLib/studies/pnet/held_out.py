"""Cases that a fold held out, segmented by the network that has not seen their patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Masks
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase, read_training_cases
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.networks.pnet.config import RefinementConfig
from SlicePropagationLib.studies.pnet.columns import Column


class Segmented(NamedTuple):
    """A case, what is true and what was found.

    Attributes:
        volume: the image.
        truth: (K, J, I) bool.
        probability: (K, J, I) in [0, 1].
    """

    volume: Volume
    truth: Masks
    probability: np.ndarray


def held_out_cases(table: Path) -> list[TrainingCase]:
    """The cases of a fold's table that its network is judged by."""
    return [case for case in read_training_cases(table) if case.split == "test"]


def segmented(case: TrainingCase, segmenter: Any, column: Column, label: int) -> Segmented:
    """Segment a case as a column does; label 0 is everything that is labelled."""
    volume = read_volume(case.image)
    labels, _ = read_labels(case.label_map, volume)
    truth = labels == label if label else labels > 0
    probability = segmenter.probability(
        volume.array,
        volume.spacing_mm,
        uses_birnn=column.uses_birnn,
        refinement=RefinementConfig(slices=column.refines),
    )
    return Segmented(volume, truth, probability)
