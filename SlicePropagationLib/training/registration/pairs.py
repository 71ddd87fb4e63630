"""Pairs of slices to be registered.

They are neighbours in one volume, or the same slice in two frames of one patient.
"""

from collections.abc import Iterator, Sequence
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
from SlicePropagationLib.orientation import Turn, letters_of
from SlicePropagationLib.segmenters.square_grid import SquareGrid
from SlicePropagationLib.training.contracts import Cases, Sample

Place = tuple[int, int]  # number of a volume, index of a slice
Pair = tuple[Place, Place, int]  # moving, fixed, label
# as a label: no pixel has it, and two empty masks overlap perfectly, so that the images alone count
NO_MASK = -1
KINDS = ("slices", "frames", "both", "times")


@dataclass(frozen=True)
class RegistrationPairsConfig:
    """Which pairs are made.

    Attributes:
        kind: "slices" (neighbours in a volume), "frames" (the same slice of two volumes of one
            patient), "both", or "times" (frames of 4D cases: all pairs that have labels, and in
            training successive frames without masks).
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

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.size % 16 or self.size < 16 or self.furthest < 1:
            raise ConfigError(
                f"kind must be one of {', '.join(KINDS)}, size a multiple of 16 and furthest at"
                f" least 1; got {self.kind}, {self.size} and {self.furthest}."
            )
        low, high = self.percentiles
        are_percentiles = 0 <= low < high <= 100
        if not are_percentiles or not 0 <= self.shift < 1 or self.pixel_mm < 0:
            raise ConfigError(
                "percentiles must be two numbers from 0 to 100, the lower first, shift at least 0"
                f" and below 1, and pixel_mm not negative; got {list(self.percentiles)},"
                f" {self.shift} and {self.pixel_mm}."
            )


class RegistrationPairs(torch.utils.data.Dataset):
    """A sample for every pair and structure.

    {"moving", "fixed": (1, S, S) float32 in about [0, 1], "moving_mask", "fixed_mask": (1, S, S)
    float32}.

    Args:
        cases: TrainingCases; frames of one patient on one grid are pairs of frames.
        config: a RegistrationPairsConfig.
        is_random: shift the square at random.
        is_upright: see slices upright where it is known how they lie in the patient.

    Raises:
        InputError: pairs of frames are wanted, and no two cases of a patient have equal shapes.
    """

    def __init__(
        self,
        cases: Cases,
        config: RegistrationPairsConfig,
        *,
        is_random: bool = True,
        is_upright: bool = False,
    ) -> None:
        self.config = config
        self.is_random = is_random
        self.is_upright = is_upright
        self.volumes = []
        self.pairs = []
        of_patient = {}
        if config.kind == "times":
            self._read_times(cases)
            return
        for number, case in enumerate(cases):
            volume = read_volume(case.image)
            labels, _ = read_labels(case.label_map, volume)
            images = np.asarray(volume.array, np.float32)
            towards = letters_of(volume.directions)
            self.volumes.append(self._seen(images, labels, volume.spacing_mm[1:], towards))
            of_patient.setdefault(case.patient, []).append(number)
        if config.kind != "frames":
            for number in range(len(self.volumes)):
                self.pairs += self._neighbours(number)
        if config.kind != "slices":
            frames = []
            for numbers in of_patient.values():
                frames += self._frames(numbers)
            if not frames:
                raise InputError(
                    "No patient of the table has two frames on one grid with a common structure;"
                    " name them PATIENT_ED and PATIENT_ES, or use kind 'slices'."
                )
            self.pairs += frames

    def __len__(self) -> int:
        return len(self.pairs)

    def _seen(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        spacing_mm: tuple[float, float],
        towards: str,
    ) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
        """(N, H, W) slices, their labels and the distances of their pixels, as the network sees them."""
        turn = Turn.upright(towards) if self.is_upright else Turn()
        return turn.of(images), turn.of(labels), turn.pair(spacing_mm)

    def __getitem__(self, position: int) -> Sample:
        first, second, label = self.pairs[position]
        moving, moving_mask = self._slice(first, label)
        fixed, fixed_mask = self._slice(second, label)
        _, labels, spacing_mm = self.volumes[first[0]]
        around = moving_mask | fixed_mask
        if label == NO_MASK:
            around = (labels > 0).any(axis=0)
        grid = self._grid(around, spacing_mm)
        images = grid.sample(np.stack([moving, fixed]))
        low, high = np.percentile(images, self.config.percentiles)
        images = np.clip((images - low) / max(high - low, 1e-6), -0.2, 1.2).astype(np.float32)
        masks = grid.sample(np.stack([moving_mask, fixed_mask]).astype(np.float32))
        return {
            "moving": torch.from_numpy(images[:1]),
            "fixed": torch.from_numpy(images[1:]),
            "moving_mask": torch.from_numpy(masks[:1]),
            "fixed_mask": torch.from_numpy(masks[1:]),
        }

    def _slice(
        self,
        place: Place,
        label: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The image and the mask at a place."""
        number, index = place
        images, labels, _ = self.volumes[number]
        return images[index], labels[index] == label

    def _grid(
        self,
        around: np.ndarray,
        spacing_mm: tuple[float, float],
    ) -> SquareGrid:
        """The square about the middle of the box of an (H, W) mask."""
        rows, columns = np.nonzero(around)
        centre = ((rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2)
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
        row, column = grid.first
        row += grid.pitch[0] * reach * (2 * float(torch.rand(())) - 1)
        column += grid.pitch[1] * reach * (2 * float(torch.rand(())) - 1)
        return SquareGrid(grid.size, grid.pitch, (row, column))

    def _read_times(self, cases: Cases) -> None:
        """Pairs of frames of every slice of 4D cases.

        Annotated ones are paired with each other, as their masks are known.
        """
        for case in cases:
            if not is_sequence(case.image):
                raise InputError(
                    f"Case {case.name}: {case.image} is no sequence; pairs of times need 4D cases,"
                    " use kind 'slices' or 'frames'."
                )
            sequence = read_sequence(case.image)
            labels = read_label_sequence(case.label_map, sequence)
            for place, stack in time_stacks(sequence):
                drawn = labels[place]
                number = len(self.volumes)
                rows_columns_mm = stack.spacing_mm[1:]
                seen = self._seen(stack.images, drawn, rows_columns_mm, stack.towards)
                self.volumes.append(seen)
                if self.is_random and drawn.any():
                    self._pair_successive(number, len(stack))
                self._pair_annotated(number, drawn)
        if all(label == NO_MASK for _, _, label in self.pairs):
            raise InputError(
                "No case has two annotated frames with a common structure; annotate two, or make"
                " pseudo-labels first."
            )

    def _pair_successive(
        self,
        number: int,
        count: int,
    ) -> None:
        """Every frame and the next one, both ways, without masks."""
        for frame in range(count):
            one = (number, frame)
            other = (number, (frame + 1) % count)
            self.pairs += [(one, other, NO_MASK), (other, one, NO_MASK)]

    def _pair_annotated(
        self,
        number: int,
        drawn: np.ndarray,
    ) -> None:
        """All frames that have labels."""
        annotated = np.flatnonzero(drawn.any(axis=(1, 2))).tolist()
        for first, second in permutations(annotated, 2):
            for label in np.intersect1d(drawn[first], drawn[second]):
                if label:
                    self.pairs.append(((number, first), (number, second), int(label)))

    def _neighbours(self, number: int) -> Iterator[Pair]:
        labels = self.volumes[number][1]
        for label in np.unique(labels[labels > 0]):
            shown = set(np.flatnonzero((labels == label).any(axis=(1, 2))).tolist())
            for index in sorted(shown):
                for distance in range(1, self.config.furthest + 1):
                    if index + distance in shown:
                        here = (number, index)
                        there = (number, index + distance)
                        yield here, there, int(label)
                        yield there, here, int(label)

    def _frames(self, numbers: Sequence[int]) -> Iterator[Pair]:
        for first, second in permutations(numbers, 2):
            one = self.volumes[first][1]
            other = self.volumes[second][1]
            if one.shape != other.shape:
                continue
            for label in np.intersect1d(one[one > 0], other[other > 0]):
                common = (one == label).any(axis=(1, 2)) & (other == label).any(axis=(1, 2))
                for index in np.flatnonzero(common):
                    yield (first, int(index)), (second, int(index)), int(label)
