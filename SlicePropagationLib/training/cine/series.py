"""Labelled series of frames: slices of a volume, or the times of every slice of a cine sequence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.companions import soft_label_paths
from SlicePropagationLib.files.distance_table import read_distances
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import is_sequence, read_label_sequence, read_sequence
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.orientation import Turn, letters_of, order_of
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.segmenters.square_grid import SquareGrid


@dataclass(frozen=True)
class Series:
    """Frames in order, on the square that a network sees.

    Attributes:
        images: (N, S, S) float32, normalised.
        labels: (N, S, S) uint8.
        distances: (N,) frames to the nearest one that a person annotated: 0 for these, more for
            pseudo-labels, infinite without a label.
        is_cyclic: whether the last frame is followed by the first.
        soft: {label: (N, S, S) uint8, 255 times its probability} where pseudo-labels are soft; a
            label that is not in it is as `labels` says.
    """

    images: np.ndarray
    labels: np.ndarray
    distances: np.ndarray
    is_cyclic: bool
    soft: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def annotated(self) -> np.ndarray:
        """The frames that a person annotated."""
        return np.flatnonzero(self.distances == 0)

    def as_annotated_only(self) -> Self:
        """The same series without its pseudo-labels."""
        return replace(self, distances=np.where(self.distances == 0, 0.0, np.inf))

    def probabilities(
        self,
        frames: Sequence[int] | np.ndarray,
        num_classes: int,
    ) -> np.ndarray:
        """(len(frames), C, S, S) float32 of all classes, background first.

        Where labels sum to more than 1 they share the pixel.
        """
        of_labels = [self._probability(label, frames) for label in range(1, num_classes)]
        found = np.stack(of_labels, axis=1)
        found /= np.maximum(found.sum(axis=1, keepdims=True), 1)
        return np.concatenate([1 - found.sum(axis=1, keepdims=True), found], axis=1)

    def _probability(
        self,
        label: int,
        frames: Sequence[int] | np.ndarray,
    ) -> np.ndarray:
        if label in self.soft:
            return self.soft[label][frames] / np.float32(255)
        return (self.labels[frames] == label).astype(np.float32)


def read_series(
    case: TrainingCase,
    grid_config: FrameGridConfig,
    *,
    uses_soft_labels: bool = False,
) -> list[Series]:
    """All series of a training case: one of a volume, one per slice of a sequence.

    What pseudo-labels are, and how far from an annotated frame, stands beside the label file
    (`label.nii.gz` -> `label.distances.csv`). Without that table every slice of a volume counts as
    annotated, and every frame of a sequence that has a label. With `uses_soft_labels` the
    probabilities beside it (`label.soft-LABEL.nii.gz`) are read, too.

    Raises:
        InputError: the sequence has one frame, no annotated frame, annotations outside of it, or
            pseudo-labels that should be soft and are not.
        GeometryMismatchError: frames and labels are not on one grid.
    """
    if is_sequence(case.image):
        return _of_sequence(case, grid_config, uses_soft_labels)
    return [_of_volume(case, grid_config, uses_soft_labels)]


def _of_volume(
    case: TrainingCase,
    config: FrameGridConfig,
    uses_soft_labels: bool,
) -> Series:
    volume = read_volume(case.image)
    labels, _ = read_labels(case.label_map, volume)
    letters = letters_of(volume.directions)
    order = order_of(letters, config.orientation)
    turn = Turn.between("".join(letters[axis] for axis in order), config.orientation)

    def seen(array: np.ndarray) -> np.ndarray:
        return turn.of(np.transpose(array, order))

    images = seen(config.normalise(volume.array))
    grid = config.grid(images.shape[1:], [volume.spacing_mm[axis] for axis in order[1:]])
    distances = read_distances(case.label_map, len(labels))
    if distances is None:
        distances = np.zeros(len(images))
    elif order[0] != 0:
        raise InputError(
            f"Case {case.name}: its table of distances is of slices along K, and the orientation"
            f" {config.orientation} makes others; store the volume with these along K."
        )
    soft = {}
    if uses_soft_labels:
        soft = _soft(case, distances, lambda path: seen(read_labels(path, volume)[0]))
    return _series(
        case,
        grid.sample(images),
        grid.sample_labels(seen(labels)),
        distances,
        _sampled(soft, grid),
        is_cyclic=False,
    )


def _of_sequence(
    case: TrainingCase,
    config: FrameGridConfig,
    uses_soft_labels: bool,
) -> list[Series]:
    sequence = read_sequence(case.image)
    labels = read_label_sequence(case.label_map, sequence)
    distances = read_distances(case.label_map, len(sequence))
    if distances is None:
        distances = np.where(labels.any(axis=(1, 2, 3)), 0.0, np.inf)
    images = config.normalise(sequence.array)
    grid = config.grid(labels.shape[2:], sequence.spacing_mm[1:])
    annotated = labels[distances == 0]
    if not len(annotated):
        raise InputError(
            f"Case {case.name}: {case.label_map} has no annotated frame; label at least one, or"
            " take the case out of the table."
        )
    soft = {}
    if uses_soft_labels:
        soft = _soft(case, distances, lambda path: read_label_sequence(path, sequence))
    series = []
    for k in np.flatnonzero(annotated.any(axis=(0, 2, 3))):
        soft_here = {label: values[:, k] for label, values in soft.items()}
        series.append(
            _series(
                case,
                grid.sample(images[:, k]),
                grid.sample_labels(labels[:, k]),
                distances,
                _sampled(soft_here, grid),
                is_cyclic=True,
            )
        )
    return series


def _soft(
    case: TrainingCase,
    distances: np.ndarray,
    read: Callable[[Path], np.ndarray],
) -> dict[int, np.ndarray]:
    """{label: 255 times its probability} as `pseudo-label --soft` wrote it.

    Annotated frames need none.
    """
    paths = soft_label_paths(case.label_map)
    if not paths and np.isfinite(distances[distances > 0]).any():
        raise InputError(
            f"Case {case.name}: there are no soft labels beside {Path(case.label_map).name}; make"
            " them with `pseudo-label --soft`, or train without uses_soft_labels."
        )
    return {label: read(path) for label, path in paths.items()}


def _sampled(soft: dict[int, np.ndarray], grid: SquareGrid) -> dict[int, np.ndarray]:
    sampled = {}
    for label, values in soft.items():
        found = np.round(grid.sample(values.astype(np.float32)))
        sampled[label] = found.clip(0, 255).astype(np.uint8)
    return sampled


def _series(
    case: TrainingCase,
    images: np.ndarray,
    labels: np.ndarray,
    distances: np.ndarray,
    soft: dict[int, np.ndarray],
    *,
    is_cyclic: bool,
) -> Series:
    if len(images) < 2:
        raise InputError(
            f"Case {case.name}: {case.image} has {len(images)} frame, a series needs at least 2;"
            " take it out of the table."
        )
    if not (distances == 0).any():
        raise InputError(
            f"Case {case.name}: {case.label_map} has no annotated frame; label at least one, or"
            " take the case out of the table."
        )
    return Series(images, labels, np.asarray(distances, np.float64), is_cyclic, soft)


def check_classes(series: Sequence[Series], num_classes: int) -> None:
    """Refuse labels that a network of so many classes (background included) cannot say."""
    highest = max((int(one.labels.max()) for one in series), default=0)
    if highest >= num_classes:
        raise ConfigError(
            f"The cases have label {highest}, the network has classes 0 to {num_classes - 1}; set"
            f" out_channels to {highest + 1} or renumber the labels."
        )
