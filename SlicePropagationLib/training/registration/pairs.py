"""Pairs of slices to be registered: neighbours in one volume, or the same slice in two frames of one patient."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import (
    is_sequence,
    read_label_sequence,
    read_sequence,
    time_stacks,
)
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.segmenters.square_grid import SquareGrid

# as a label: no pixel has it, and two empty masks overlap perfectly, so that the images alone count
NO_MASK = -1
KINDS = ("slices", "frames", "both", "times")


@dataclass(frozen=True)
class RegistrationPairsConfig:
    """Which pairs are made.

    Attributes:
        kind: "slices" (neighbours in a volume), "frames" (the same slice of two volumes of one
            patient), "both", or
            "times" (frames of 4D cases: all pairs that have labels, and in training successive
            frames without masks).
        size: side of the square about the structure, in points, divisible by 16.
        pixel_mm: distance of points; 0 for that of each image.
        furthest: largest distance of neighbouring slices; distances up to it are made alike.
        percentiles: intensities of a pair, together, that become 0 and 1; as the engine does.
        shift: largest shift of the square in training, as a share of its side.
    """

    kind: str = "slices"
    size: int = 96
    pixel_mm: float = 0.0
    furthest: int = 2
    percentiles: tuple[float, float] = (5.0, 95.0)
    shift: float = 0.1

    def __post_init__(self):
        if self.kind not in KINDS or self.size % 16 or self.size < 16 or self.furthest < 1:
            raise ConfigError(
                f"kind must be one of {', '.join(KINDS)}, size a multiple of 16 and furthest at"
                f" least 1; got {self.kind}, {self.size} and {self.furthest}."
            )
        if (
            not 0 <= self.percentiles[0] < self.percentiles[1] <= 100
            or not 0 <= self.shift < 1
            or self.pixel_mm < 0
        ):
            raise ConfigError(
                "percentiles must be two numbers from 0 to 100, the lower first, shift at least 0"
                f" and below 1, and pixel_mm not negative; got {list(self.percentiles)},"
                f" {self.shift} and {self.pixel_mm}."
            )


class RegistrationPairs(torch.utils.data.Dataset):
    """{"moving", "fixed": (1, S, S) float32 in about [0, 1], "moving_mask", "fixed_mask": (1, S, S) float32} for every pair and structure.

    Args:
        cases: TrainingCases; frames of one patient on one grid are pairs of frames.
        config: a RegistrationPairsConfig.
        is_random: shift the square at random.

    Raises:
        InputError: pairs of frames are wanted, and no two cases of a patient have equal shapes.
    """

    def __init__(self, cases, config, *, is_random=True):
        self.config = config
        self.is_random = is_random
        self.volumes = []
        self.pairs = []
        of_patient = {}
        if config.kind == "times":
            self._read_times(cases)
            return
        for number, case in enumerate(cases):
            volume = read_volume(case.image)
            labels, _ = read_labels(case.label_map, volume)
            self.volumes.append(
                (np.asarray(volume.array, np.float32), labels, volume.spacing_mm[1:])
            )
            of_patient.setdefault(case.patient, []).append(number)
        if config.kind != "frames":
            self.pairs += [
                pair for number in range(len(self.volumes)) for pair in self._neighbours(number)
            ]
        if config.kind != "slices":
            frames = [pair for numbers in of_patient.values() for pair in self._frames(numbers)]
            if not frames:
                raise InputError(
                    "No patient of the table has two frames on one grid with a common structure;"
                    " name them PATIENT_ED and PATIENT_ES, or use kind 'slices'."
                )
            self.pairs += frames

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, position):
        first, second, label = self.pairs[position]
        images, masks = zip(
            *(
                (self.volumes[number][0][index], self.volumes[number][1][index] == label)
                for number, index in (first, second)
            )
        )
        around = (
            (self.volumes[first[0]][1] > 0).any(axis=0)
            if label == NO_MASK
            else np.logical_or(*masks)
        )
        grid = self._grid(around, self.volumes[first[0]][2])
        pair = grid.sample(images)
        low, high = np.percentile(pair, self.config.percentiles)
        pair = np.clip((pair - low) / max(high - low, 1e-6), -0.2, 1.2).astype(np.float32)
        masks = grid.sample(np.stack(masks).astype(np.float32))
        names = ("moving", "fixed", "moving_mask", "fixed_mask")
        return {
            name: torch.from_numpy(values[None]) for name, values in zip(names, (*pair, *masks))
        }

    def _grid(self, around, spacing_mm):
        """The square about the middle of the box of an (H, W) mask."""
        shown = np.nonzero(around)
        centre = tuple((places.min() + places.max()) / 2 for places in shown)
        grid = SquareGrid.over(
            around.shape,
            spacing_mm,
            self.config.pixel_mm,
            self.config.size,
            centre,
        )
        if not self.is_random:
            return grid
        reach = self.config.shift * self.config.size
        moved = tuple(
            place + step * reach * (2 * float(torch.rand(())) - 1)
            for place, step in zip(grid.first, grid.pitch)
        )
        return SquareGrid(grid.size, grid.pitch, moved)

    def _read_times(self, cases):
        """Pairs of frames of every slice of 4D cases: annotated ones with each other, whose masks are known."""
        for case in cases:
            if not is_sequence(case.image):
                raise InputError(
                    f"Case {case.name}: {case.image} is no sequence; pairs of times need 4D cases,"
                    " use kind 'slices' or 'frames'."
                )
            sequence = read_sequence(case.image)
            labels = read_label_sequence(case.label_map, sequence)
            for place, stack in time_stacks(sequence):
                number = len(self.volumes)
                drawn = labels[place]
                self.volumes.append((stack.images, drawn, stack.spacing_mm[1:]))
                if self.is_random and drawn.any():
                    successive = [(frame, (frame + 1) % len(stack)) for frame in range(len(stack))]
                    self.pairs += [
                        ((number, one), (number, other), NO_MASK)
                        for pair in successive
                        for one, other in (pair, pair[::-1])
                    ]
                for first, second in permutations(
                    np.flatnonzero(drawn.any(axis=(1, 2))).tolist(),
                    2,
                ):
                    self.pairs += [
                        ((number, first), (number, second), int(label))
                        for label in np.intersect1d(drawn[first], drawn[second])
                        if label
                    ]
        if all(label == NO_MASK for _, _, label in self.pairs):
            raise InputError(
                "No case has two annotated frames with a common structure; annotate two, or make"
                " pseudo-labels first."
            )

    def _neighbours(self, number):
        labels = self.volumes[number][1]
        for label in np.unique(labels[labels > 0]):
            shown = set(np.flatnonzero((labels == label).any(axis=(1, 2))).tolist())
            for index in sorted(shown):
                for distance in range(1, self.config.furthest + 1):
                    if index + distance in shown:
                        yield (number, index), (number, index + distance), int(label)
                        yield (number, index + distance), (number, index), int(label)

    def _frames(self, numbers):
        for first, second in permutations(numbers, 2):
            one = self.volumes[first][1]
            other = self.volumes[second][1]
            if one.shape != other.shape:
                continue
            for label in np.intersect1d(one[one > 0], other[other > 0]):
                common = (one == label).any(axis=(1, 2)) & (other == label).any(axis=(1, 2))
                yield from (
                    ((first, int(index)), (second, int(index)), int(label))
                    for index in np.flatnonzero(common)
                )
