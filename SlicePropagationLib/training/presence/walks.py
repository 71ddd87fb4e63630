"""Walks past the ends of structures, as facts of their slices: what the presence network learns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from SlicePropagationLib.arrays import Anchors, Masks
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.presence.walk import facts_of
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.contracts import Sample
from SlicePropagationLib.training.slice.walk_files import Arrays, Source, structures_of
from SlicePropagationLib.training.slice.walks import every_second, is_cut_along

EMPTY_WITHIN = 8  # slices beyond an end where a person may have left one empty
SMALLEST = 8  # pixels of an annotated slice
JUDGED = (1, 3)  # annotated slices of the walks that validation looks at


@dataclass(frozen=True)
class PresenceWalksConfig:
    """Which walks are recorded of every structure.

    Attributes:
        walks: drawings of annotated slices of each structure, each of which walks beyond both ends.
        structures: of each case at most.
        shots: numbers of annotated slices, one of which is drawn for each.
        uniform_share: how often several of them are spread evenly; others lie anywhere.
        empty_share: how often a slice beyond an end is annotated, too, as empty.
        thick_share: how often only every second slice is taken.
        max_anisotropy: axes along which slices would be that much thicker than their pixels are
            wide are left out, but for the first.
        past_end: slices walked beyond the end of the structure, as a share of its extent,
        least_past, most_past: and within these bounds.
        max_steps: longest walk.
        min_slices: structures on fewer are left out.
        is_random: draw axes and slices; otherwise only the largest slice and three uniform ones
            along the first axis, for validation.
    """

    walks: int = 5
    structures: int = 7
    shots: tuple[int, ...] = (1, 1, 1, 1, 2, 2, 3, 3, 5)
    uniform_share: float = 0.5
    empty_share: float = 0.15
    thick_share: float = 0.2
    max_anisotropy: float = 2.0
    past_end: float = 0.6
    least_past: int = 6
    most_past: int = 30
    max_steps: int = 70
    min_slices: int = 4
    is_random: bool = True


def presence_arrays(source: Source, rng: np.random.Generator) -> Arrays:
    """The walks of a source: facts (slices, F), present (slices,), lengths (walks,)."""
    config = source.config
    walks = []
    structures = list(structures_of(source, rng))
    order = rng.permutation(len(structures)) if config.is_random else range(len(structures))
    for place in list(order)[: config.structures]:
        volume, spacing_mm, mask, towards = structures[place]
        for stack, truth, shots in _stacks(volume, spacing_mm, mask, towards, config, rng):
            walks += _walks_beyond(stack, truth, shots, config, rng)
    if not walks:
        return {}
    facts, present = zip(*walks, strict=True)
    return {
        "facts": np.concatenate(facts),
        "present": np.concatenate(present),
        "lengths": np.array([len(part) for part in present]),
    }


def _stacks(
    volume: np.ndarray,
    spacing_mm: Sequence[float],
    mask: Masks,
    towards: str,
    config: PresenceWalksConfig,
    rng: np.random.Generator,
) -> Iterator[tuple[SliceStack, Masks, int]]:
    """A structure as slices, once for each drawing of annotated ones, and how many of them."""
    axes = [axis for axis in range(3) if is_cut_along(axis, spacing_mm, config.max_anisotropy)]
    drawn = rng.choice(config.shots, config.walks) if config.is_random else JUDGED
    for number, shots in enumerate(drawn):
        axis = int(rng.choice(axes)) if number and config.is_random else 0
        stack = SliceStack.from_volume(volume, spacing_mm, axis, towards=towards)
        truth = np.ascontiguousarray(stack.from_volume_array(mask))
        if config.is_random and rng.random() < config.thick_share:
            stack, truth = every_second(stack, truth, int(rng.integers(2)))
        yield stack, truth, int(shots)


def _walks_beyond(
    stack: SliceStack,
    truth: Masks,
    shots: int,
    config: PresenceWalksConfig,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(facts, whether the structure is there) of the walks beyond both ends."""
    areas = truth.sum(axis=(1, 2))
    usable = np.flatnonzero(areas >= SMALLEST)
    if np.count_nonzero(areas) < config.min_slices or usable.size == 0:
        return
    shown = _draw_shown(areas, usable, shots, config, rng)
    empty = _draw_empty(areas, config, rng)
    anchors = {index: truth[index] for index in [*shown, *empty]}
    for anchor, step in ((max(shown), 1), (min(shown), -1)):
        targets = _targets(areas, anchor, step, empty, config)
        if targets:
            yield _record(stack, Run(anchor, targets), anchors, areas)


def _draw_shown(areas, usable, shots, config, rng) -> list[int]:
    """The annotated slices that show the structure."""
    largest = int(areas.argmax())
    if shots == 1:
        is_largest = not config.is_random or rng.random() < 0.5
        return [largest if is_largest else int(rng.choice(usable))]
    extent = np.flatnonzero(areas)
    if not config.is_random or rng.random() < config.uniform_share:
        middles = np.linspace(extent[0], extent[-1], 2 * shots + 1)[1::2]
        chosen = {int(round(middle)) for middle in middles} & set(usable.tolist())
        return sorted(chosen) or [largest]
    most = max(1, len(usable) // 3)
    return sorted(rng.choice(usable, min(shots, most), replace=False).tolist())


def _draw_empty(areas, config, rng) -> list[int]:
    """A slice beyond an end that a person left empty, now and then."""
    if rng.random() >= config.empty_share:
        return []
    extent = np.flatnonzero(areas)
    beyond = int(rng.integers(1, EMPTY_WITHIN))
    index = int(extent[-1]) + beyond if rng.random() < 0.5 else int(extent[0]) - beyond
    return [index] if 0 <= index < len(areas) else []


def _targets(areas, anchor, step, empty, config) -> tuple[int, ...]:
    extent = np.flatnonzero(areas)
    past = round(config.past_end * len(extent))
    past = min(max(past, config.least_past), config.most_past)
    last = (extent[-1] if step > 0 else extent[0]) + step * past
    ahead = [index for index in empty if (index - anchor) * step > 0]
    stop = ahead[0] if ahead else last + step
    indices = range(anchor + step, int(stop), step)
    return tuple(index for index in indices if 0 <= index < len(areas))[: config.max_steps]


def _record(
    stack: SliceStack, run: Run, anchors: Anchors, areas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    facts = np.stack(list(facts_of(RegistrationEngine(), stack, run, anchors)))
    present = areas[list(run.targets[: len(facts)])] > 0
    return facts, present.astype(np.uint8)


class PresenceDataset(torch.utils.data.Dataset):
    """Whole walks, filled up with slices of weight 0.

    Args:
        paths: (file of `presence_arrays`, group) pairs.
        max_steps: slices of the longest walk.
        balance: how the groups share the samples: by their number of walks to the power of it.
    """

    def __init__(
        self,
        paths: Sequence[tuple[Path, str]],
        max_steps: int,
        balance: float = 0.5,
    ) -> None:
        self.max_steps = max_steps
        self.balance = balance
        self.walks: list[tuple[np.ndarray, np.ndarray]] = []
        self.groups: list[str] = []
        for path, group in paths:
            self._add(path, group)

    def _add(self, path: Path, group: str) -> None:
        with np.load(path) as stored:
            cuts = np.cumsum(stored["lengths"])[:-1]
            facts = np.split(stored["facts"], cuts)
            present = np.split(stored["present"], cuts)
        self.walks += zip(facts, present, strict=True)
        self.groups += [group] * len(present)

    def __len__(self) -> int:
        return len(self.walks)

    def __getitem__(self, position: int) -> Sample:
        facts, present = self.walks[position]
        length = min(len(present), self.max_steps)
        missing = self.max_steps - length
        return {
            "facts": np.pad(facts[:length], ((0, missing), (0, 0))),
            "present": np.pad(present[:length].astype(np.float32), (0, missing)),
            "weight": np.pad(np.ones(length, np.float32), (0, missing)),
        }

    def weights(self) -> np.ndarray:
        """(number of walks,) float64 weights of drawing."""
        names, numbers, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
        return (counts ** (self.balance - 1.0))[numbers]

    def all_facts(self) -> torch.Tensor:
        """(slices, F) of all walks."""
        return torch.from_numpy(np.concatenate([facts for facts, _ in self.walks]))
