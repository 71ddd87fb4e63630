"""What an automatic network, which is given no slice, finds in whole volumes (thesis, Table 1).

An evaluation by simulated users gives every engine its annotated slice, and the thesis's score
counts it. The automatic baseline has none, so that none may enter its score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from SlicePropagationLib.arrays import Masks
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase, read_training_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice, dice_within
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import PRESENT, Engine
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.request import StudyRequest
from SlicePropagationLib.studies.tables import Row

FEWEST_SLICES = 5  # as in an evaluation
THROUGH_PLANE = 0  # the array axis that slices run along: k
NOWHERE = -1  # the index of the slice that was annotated: there is none


def automatic_rows(
    request: StudyRequest,
    weights: Path,
    dataset: str,
    label: int,
) -> list[Row]:
    """A row for each validation case that shows a structure on enough slices.

    Args:
        request: the experiment and its cases, with a split for each.
        weights: of a network that takes no mask.
        dataset: name of the data set.
        label: the structure.

    Returns:
        Rows as an evaluation's, with "dice" of the whole volume and "dice_thesis" of the extent.
    """
    engine = make_engine(str(weights), request.device)
    rows = []
    for case in _cases(request, dataset):
        volume = read_volume(case.image)
        labels, _ = read_labels(case.label_map, volume)
        session, truth = object_session(volume, labels, label, THROUGH_PLANE)
        if truth.any(axis=(1, 2)).sum() < FEWEST_SLICES:
            continue
        found = find_everywhere(engine, session.stack)
        rows.append(
            {
                "dataset": dataset,
                "patient": case.patient,
                "case": case.name,
                "label": str(label),
                "shots": 1,
                "dice": dice(found, truth),
                "dice_thesis": dice_within(found, truth),
            }
        )
    return rows


def find_everywhere(engine: Engine, stack: SliceStack) -> Masks:
    """(N, H, W) bool: what a network that takes no mask says of every slice.

    Args:
        engine: whose prediction of a slice depends on its image alone.
        stack: the slices.
    """
    run = Run(NOWHERE, tuple(range(len(stack))))
    anything = np.ones(stack.slice_shape, bool)  # an empty one would end the walk
    found = [probability >= PRESENT for probability in engine.walk(stack, run, {NOWHERE: anything})]
    return np.stack(found)


def _cases(request: StudyRequest, dataset: str) -> Iterator[TrainingCase]:
    """The first validation cases of a data set, as many as an evaluation walks."""
    taken: Counter[str] = Counter()
    for case in read_training_cases(request.cases, (dataset,)):
        if case.split == "val" and taken[dataset] < (request.max_cases or np.inf):
            taken[dataset] += 1
            yield case
