"""Pairs of a slice and the mask of a slice nearby, on one grid: what the thesis trains on."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.engines.slice.plain_slices import normalise_volume
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.training.contracts import Cases, Sample


@dataclass(frozen=True)
class PairsConfig:
    """Which pairs are made.

    Attributes:
        size: side of the square grid that every slice is resized to, in pixels.
        neighbours: distances, in slices, of the slice whose mask is given; one is drawn at random.
        beyond_ends: slices without the structure, beyond each end, that are learnt too; 0 leaves
            endings unlearnt.
        label: the only label that is learnt, or 0 for all of them (one network for all structures).
    """

    size: int = 256
    neighbours: tuple[int, ...] = (-2, -1, 1, 2)
    beyond_ends: int = 2
    label: int = 0

    def __post_init__(self) -> None:
        if self.size < 1 or self.beyond_ends < 0 or self.label < 0:
            raise ConfigError(
                f"size must be positive, beyond_ends and label at least 0, got {self.size},"
                f" {self.beyond_ends} and {self.label}."
            )
        if not self.neighbours:
            raise ConfigError(
                "neighbours must name at least one distance in slices, such as 1 and -1, got none."
            )


class PairDataset(torch.utils.data.Dataset):
    """A sample for every slice of every structure.

    {"image": (1, S, S) float32, "prior": (1, S, S) float32, "truth": (S, S) int64}.

    Args:
        cases: TrainingCases.
        config: a PairsConfig.
        is_random: draw the neighbour at random; otherwise it is the next slice towards the middle.
    """

    def __init__(
        self,
        cases: Cases,
        config: PairsConfig,
        *,
        is_random: bool = True,
    ) -> None:
        self.config = config
        self.is_random = is_random
        self.volumes = []
        self.places = []
        for case in cases:
            self._add(case)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, position: int) -> Sample:
        number, label, index = self.places[position]
        images, labels = self.volumes[number]
        prior = labels[self._neighbour(labels, label, index)] == label
        return {
            "image": images[index, None].float(),
            "prior": prior[None].float(),
            "truth": (labels[index] == label).long(),
        }

    def _add(self, case: TrainingCase) -> None:
        """Take in the structures of a case."""
        volume = read_volume(case.image)
        labels, segments = read_labels(case.label_map, volume)
        images = _resized(normalise_volume(volume.array), self.config.size, "bilinear")
        classes = _resized(labels, self.config.size, "nearest")
        number = len(self.volumes)
        self.volumes.append((images.to(torch.float16), classes.to(torch.uint8)))
        wanted = [segment.label for segment in segments if self._is_wanted(segment.label)]
        for label in wanted:
            slices = self._slices(labels == label)
            self.places += [(number, label, index) for index in slices]

    def _is_wanted(self, label: int) -> bool:
        return self.config.label in (0, label)

    def _slices(self, mask: np.ndarray) -> range:
        shown = np.flatnonzero(mask.any(axis=(1, 2)))
        if not shown.size:
            return range(0)
        beyond = self.config.beyond_ends
        return range(max(0, shown[0] - beyond), min(len(mask), shown[-1] + beyond + 1))

    def _neighbour(
        self,
        labels: Tensor,
        label: int,
        index: int,
    ) -> int:
        if self.is_random:
            chosen = self.config.neighbours[int(torch.randint(len(self.config.neighbours), ()))]
        else:
            shown = torch.nonzero((labels == label).flatten(1).any(dim=1)).flatten()
            chosen = 1 if index < shown[len(shown) // 2] else -1
        return min(max(index + chosen, 0), len(labels) - 1)


def _resized(
    array: np.ndarray,
    size: int,
    mode: str,
) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array, np.float32))[:, None]
    align_corners = None if mode == "nearest" else False
    return F.interpolate(
        tensor,
        (size, size),
        mode=mode,
        align_corners=align_corners,
    )[:, 0]
