"""Labelled volumes on the fine grid, laid about their structures.

The anatomically constrained networks learn from them.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.networks.acnn.config import FineGridConfig, PlaceConfig
from SlicePropagationLib.segmenters.acnn.fine_grid import (
    Placement,
    box_centre,
    check_is_fine,
    normalise_linearly,
    place_in_image,
    place_on_structure,
    share_outside,
    to_classes,
)
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.contracts import Cases, Sample

THROUGH_PLANE = 0  # the array axis that slices run along: k
SHARED_SAMPLES = 256  # kept at most; one is 4 MB on the paper's grid
ON_STRUCTURE = PlaceConfig()


class PlacedSample(NamedTuple):
    """One case on a grid.

    Attributes:
        image: (D, H, W) float32.
        classes: (D, H, W) uint8.
        outside: share of each structure that the grid does not hold.
    """

    image: np.ndarray
    classes: np.ndarray
    outside: tuple[float, ...]


class ShapeDataset(torch.utils.data.Dataset):
    """A sample for every case.

    {"image": (1, D, H, W) float32, "labels": (D, H, W) int64 classes, "progress": share of the
    training that is done}.

    Args:
        cases: TrainingCases; those without any of the labels are left out.
        grid: a FineGridConfig.
        labels: the labels that the model is about, in the order of its classes.
        needs_fine_truth: refuse volumes whose slices are thicker than the fine grid's.
        passes: how often every case is in the data.
        place: where the grid lies in a case.

    Attributes:
        samples: an (image, classes) pair for each case.
        outside: for each case the share of each structure that the grid does not hold.
        names: of the cases.

    Raises:
        InputError: no case has one of the labels, a structure does not fit into the grid, or slices
            are too thick.
    """

    def __init__(
        self,
        cases: Cases,
        grid: FineGridConfig,
        labels: Sequence[int],
        *,
        needs_fine_truth: bool,
        passes: int = 1,
        place: PlaceConfig = ON_STRUCTURE,
    ) -> None:
        self.progress = 0.0
        self.passes = passes
        self.samples = []
        self.outside = []
        self.names = []
        for case in cases:
            sample = read_placed(
                case.image,
                case.label_map,
                grid,
                labels,
                case.name,
                needs_fine_truth=needs_fine_truth,
                place=place,
            )
            if sample is not None:
                self.samples.append((sample.image, sample.classes))
                self.outside.append(sample.outside)
                self.names.append(case.name)
        found = set()
        for _, classes in self.samples:
            found |= set(np.unique(classes).tolist())
        missing = [label for number, label in enumerate(labels, 1) if number not in found]
        if cases and missing:
            raise InputError(
                f"None of the {len(cases)} cases has label {', '.join(map(str, missing))}; choose"
                " labels that are there with --labels."
            )

    def __len__(self) -> int:
        return len(self.samples) * self.passes

    def set_progress(self, fraction: float) -> None:
        """Say how much of the training is done."""
        self.progress = fraction

    def __getitem__(self, position: int) -> Sample:
        image, classes = self.samples[position % len(self.samples)]
        return {
            "image": torch.from_numpy(image)[None],
            "labels": torch.from_numpy(classes).long(),
            "progress": self.progress,
        }


def read_sample(
    image: Path | str,
    label_map: Path | str,
    grid: FineGridConfig,
    labels: Sequence[int],
    name: str,
    *,
    needs_fine_truth: bool,
) -> tuple[np.ndarray, np.ndarray] | None:
    """((D, H, W) float32 image, (D, H, W) uint8 classes) of one case, the grid on its structures.

    None where it has none of the labels.
    """
    sample = read_placed(image, label_map, grid, labels, name, needs_fine_truth=needs_fine_truth)
    return None if sample is None else (sample.image, sample.classes)


def read_placed(
    image: Path | str,
    label_map: Path | str,
    grid: FineGridConfig,
    labels: Sequence[int],
    name: str,
    *,
    needs_fine_truth: bool,
    place: PlaceConfig = ON_STRUCTURE,
) -> PlacedSample | None:
    """One case on the grid; None where it has none of the labels.

    A grid that lies about the structures must hold them; one that the image alone places may cut
    them.

    The arrays are shared by all who ask for the same unchanged files: an experiment reads its cases
    once, not once for every network.
    """
    stamps = (_stamp(Path(image)), _stamp(Path(label_map)))
    files = (str(image), str(label_map))
    return _read_sample(*files, stamps, grid, tuple(labels), name, needs_fine_truth, place)


def _stamp(path: Path) -> int:
    """When a file was written; 0 where there is none."""
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=SHARED_SAMPLES)
def _read_sample(
    image: str,
    label_map: str,
    stamps: tuple[int, ...],
    grid: FineGridConfig,
    labels: tuple[int, ...],
    name: str,
    needs_fine_truth: bool,
    place: PlaceConfig,
) -> PlacedSample | None:
    volume = read_volume(image)
    label_array, _ = read_labels(label_map, volume)
    images = normalise_linearly(volume.array)
    stack = SliceStack.from_volume(images, volume.spacing_mm, THROUGH_PLANE)
    if needs_fine_truth:
        check_is_fine(grid, stack.spacing_mm, name)
    classes = to_classes(stack.from_volume_array(label_array), labels)
    if not classes.any():
        return None
    placement = _placement(place, grid, classes, stack, name)
    count = len(labels) + 1
    return PlacedSample(
        placement.read_image(stack.images),
        placement.read_classes(classes, count),
        share_outside(placement, classes, count),
    )


def _placement(
    place: PlaceConfig,
    grid: FineGridConfig,
    classes: np.ndarray,
    stack: SliceStack,
    name: str,
) -> Placement:
    if place.by == "image":
        return place_in_image(grid, classes.shape, stack.spacing_mm, place)
    return place_on_structure(grid, classes, stack.spacing_mm, name)


def mean_place(cases: Cases, labels: Sequence[int]) -> PlaceConfig:
    """Where the structures of training cases lie on average in their images.

    A grid placed like that in another image uses nothing of its labels, as the landmarks that the
    paper crops by (section III-C).

    Args:
        cases: those that are learnt from.
        labels: the labels that the model is about.
    """
    centres = []
    for case in cases:
        volume = read_volume(case.image)
        label_array, _ = read_labels(case.label_map, volume)
        stack = SliceStack.from_volume(label_array, volume.spacing_mm, THROUGH_PLANE)
        centre = box_centre(to_classes(stack.images, labels))
        if centre is not None:
            centres.append(centre)
    middle = np.mean(centres, axis=0).round(4) if centres else (0.5, 0.5, 0.5)
    return PlaceConfig("image", (float(middle[0]), float(middle[1]), float(middle[2])))


def check_labels(labels: Sequence[int]) -> None:
    """Refuse a model that is about nothing.

    Raises:
        ConfigError: no label, one that is no label, or one twice.
    """
    if not labels:
        raise ConfigError(
            "A shape model is about certain structures; say which labels with --labels, for example"
            " --labels 1,2."
        )
    if len(set(labels)) < len(labels) or not all(1 <= label <= 255 for label in labels):
        raise ConfigError(
            f"Labels must be different numbers from 1 to 255, got {', '.join(map(str, labels))}."
        )
