"""Pairs of a slice and the mask of a slice nearby, whole slices on one grid: what the thesis trains on."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.engines.slice.plain_slices import normalise_volume
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume


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

    def __post_init__(self):
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
    """{"image": (1, S, S) float32, "prior": (1, S, S) float32, "truth": (S, S) int64} for every slice of every structure.

    Args:
        cases: TrainingCases.
        config: a PairsConfig.
        is_random: draw the neighbour at random; otherwise it is the next slice towards the middle.
    """

    def __init__(self, cases, config, *, is_random=True):
        self.config = config
        self.is_random = is_random
        self.volumes = []
        self.places = []
        for case in cases:
            volume = read_volume(case.image)
            labels, segments = read_labels(case.label_map, volume)
            images = _resized(normalise_volume(volume.array), config.size, "bilinear").to(
                torch.float16
            )
            self.volumes.append((images, _resized(labels, config.size, "nearest").to(torch.uint8)))
            wanted = [segment.label for segment in segments if config.label in (0, segment.label)]
            self.places += [
                (len(self.volumes) - 1, label, index)
                for label in wanted
                for index in self._slices(labels == label)
            ]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, position):
        number, label, index = self.places[position]
        images, labels = self.volumes[number]
        prior = labels[self._neighbour(labels, label, index)] == label
        return {
            "image": images[index, None].float(),
            "prior": prior[None].float(),
            "truth": (labels[index] == label).long(),
        }

    def _slices(self, mask):
        shown = np.flatnonzero(mask.any(axis=(1, 2)))
        beyond = self.config.beyond_ends
        return (
            range(max(0, shown[0] - beyond), min(len(mask), shown[-1] + beyond + 1))
            if shown.size
            else ()
        )

    def _neighbour(self, labels, label, index):
        if self.is_random:
            chosen = self.config.neighbours[int(torch.randint(len(self.config.neighbours), ()))]
        else:
            shown = torch.nonzero((labels == label).flatten(1).any(dim=1)).flatten()
            chosen = 1 if index < shown[len(shown) // 2] else -1
        return min(max(index + chosen, 0), len(labels) - 1)


def _resized(array, size, mode):
    tensor = torch.from_numpy(np.ascontiguousarray(array, np.float32))[:, None]
    options = {} if mode == "nearest" else {"align_corners": False}
    return F.interpolate(tensor, (size, size), mode=mode, **options)[:, 0]
