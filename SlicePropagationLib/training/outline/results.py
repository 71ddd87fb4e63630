"""What the shipped network finds of structures, recorded: what the outline network learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from SlicePropagationLib.arrays import Anchors, Masks, Probability
from SlicePropagationLib.engines.outline.view import (
    DOUBT,
    MARGIN,
    MAX_INTENSITY,
    MAX_ODDS,
    OutlineLook,
    log_odds_of,
)
from SlicePropagationLib.engines.slice.slice_unet import SliceUNetEngine
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.slice.walk_files import Arrays, Source, structures_of

FULL = 127.0  # int8 of the largest value of a map
LARGEST = (MAX_INTENSITY, MAX_ODDS, MAX_INTENSITY)  # of image, log odds and evidence
TRUTH, FOUND = 1, 2  # bits
LABEL = 1


@dataclass(frozen=True)
class OutlineResultsConfig:
    """Which results are recorded of every structure.

    Attributes:
        shots: numbers of annotated slices, one of which is drawn for each result.
        any_share: how often a single annotated slice is not that of the largest area,
        least_share: but one of at least this share of it.
        structures: of each case at most.
        min_slices: structures on fewer are left out; and every annotated slice needs three.
        is_random: draw them; otherwise the first number of each, and the largest slice.
    """

    shots: tuple[tuple[int, ...], ...] = ((1,), (2, 3, 5))
    any_share: float = 0.5
    least_share: float = 0.4
    structures: int = 24
    min_slices: int = 5
    is_random: bool = True

    def __post_init__(self) -> None:
        if not self.shots or not all(choice and min(choice) > 0 for choice in self.shots):
            raise ConfigError(f"shots must be lists of positive numbers, got {list(self.shots)}.")


def outline_arrays(source: Source, rng: np.random.Generator) -> Arrays:
    """The results of a source, one behind the other.

    image, odds, evidence (voxels,) int8, marks (voxels,) uint8 of TRUTH and FOUND; and for each
    result its shape (R, 3), the anchors that it had, how many of them, and how many show something.
    """
    config = source.config
    results = []
    structures = list(structures_of(source, rng))
    order = rng.permutation(len(structures)) if config.is_random else range(len(structures))
    for place in list(order)[: config.structures]:
        volume, spacing_mm, mask, towards = structures[place]
        stack = SliceStack.from_volume(volume, spacing_mm, 0, towards=towards)
        truth = np.ascontiguousarray(stack.from_volume_array(mask))
        results += _results_of(stack, truth, config, rng)
    if not results:
        return {}
    names = ("image", "odds", "evidence", "marks")
    arrays = {name: np.concatenate([each[name].ravel() for each in results]) for name in names}
    arrays["shapes"] = np.array([each["image"].shape for each in results])
    arrays["anchors"] = np.concatenate([each["anchors"] for each in results])
    arrays["num_anchors"] = np.array([len(each["anchors"]) for each in results])
    arrays["num_shown"] = np.array([each["num_shown"] for each in results])
    return arrays


def _results_of(
    stack: SliceStack, truth: Masks, config: OutlineResultsConfig, rng: np.random.Generator
) -> Iterator[Arrays]:
    areas = truth.sum(axis=(1, 2))
    shown = np.flatnonzero(areas)
    extent = shown[-1] - shown[0] + 1 if shown.size else 0
    for choice in config.shots:
        count = int(rng.choice(choice)) if config.is_random else choice[0]
        if extent >= max(config.min_slices, 3 * count):
            chosen = _annotated(areas, count, config, rng)
            yield _result(stack, truth, {index: truth[index] for index in chosen})


def _annotated(
    areas: np.ndarray, count: int, config: OutlineResultsConfig, rng: np.random.Generator
) -> list[int]:
    """The slices that are annotated: any one, or several in even steps through the extent."""
    if count > 1:
        shown = np.flatnonzero(areas)
        middles = np.linspace(shown[0], shown[-1], 2 * count + 1)[1::2]
        return sorted({int(round(middle)) for middle in middles})
    if config.is_random and rng.random() < config.any_share:
        return [int(rng.choice(np.flatnonzero(areas >= config.least_share * areas.max())))]
    return [int(areas.argmax())]


def _result(stack: SliceStack, truth: Masks, anchors: Anchors) -> Arrays:
    """One result, cut to the box around what is there and what was found."""
    session = AnnotationSession(stack, (LABEL,))
    for index, mask in anchors.items():
        session.annotate(LABEL, index, mask)
    engine = _Recording()
    for _ in propagate(session, engine, plan_session(session)):
        pass
    masks = session.masks(LABEL)
    probability = masks.astype(np.float32)
    for index, found in engine.found.items():
        if index not in anchors and masks[index].any():
            probability[index] = found
    box = _box(truth | (probability > DOUBT))
    look = OutlineLook.remembered(stack, anchors)
    assert look is not None  # an annotated slice shows the structure
    images = np.asarray(stack.images[box], np.float32)
    evidence = np.stack([look.appearance.log_odds(image) for image in images])
    maps = (look.image(images), log_odds_of(probability[box]), evidence)
    image, odds, evidence = map(_packed, maps, LARGEST)
    return {
        "image": image,
        "odds": odds,
        "evidence": evidence,
        "marks": (TRUTH * truth[box] + FOUND * masks[box]).astype(np.uint8),
        "anchors": np.array(sorted(anchors)) - box[0].start,
        "num_shown": sum(bool(mask.any()) for mask in anchors.values()),
    }


def _box(present: Masks) -> tuple[slice, ...]:
    """What encloses all voxels, with a slice and a margin around it."""
    box = []
    for axis, margin in enumerate((1, MARGIN, MARGIN)):
        others = tuple(other for other in range(3) if other != axis)
        shown = np.flatnonzero(present.any(axis=others))
        box.append(slice(max(0, shown[0] - margin), int(shown[-1]) + margin + 1))
    return tuple(box)


def _packed(values: np.ndarray, largest: float) -> np.ndarray:
    scaled = np.clip(values / largest, -1, 1) * FULL
    return np.round(scaled).astype(np.int8)


class _Recording:
    """The shipped network as it walks, and what it said of every slice in the end."""

    name = "slice_unet"

    def __init__(self) -> None:
        self._engine = _walking()
        self.found: dict[int, Probability] = {}

    def walk(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[Probability]:
        """As the engine does."""
        predictions = self._engine.walk(stack, run, anchors)
        for index, probability in zip(run.targets, predictions, strict=False):
            self.found[index] = probability
            yield probability

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: Sequence[int],
        anchors: Anchors,
    ) -> Probability:
        """As the engine does."""
        left, right = gap
        found = self._engine.blend(stack, index, forward, backward, (left, right), anchors)
        self.found[index] = found
        return found


@lru_cache(maxsize=1)
def _walking() -> SliceUNetEngine:
    """The shipped network, once in every process, without a look at the outline."""
    from SlicePropagationLib.engines.model_file import make_slice_unet

    engine = make_slice_unet("cpu")
    assert isinstance(engine, SliceUNetEngine)
    return engine.without_outline()
