"""Windows of recorded results, about a place of either outline, turned and varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.engines.outline.view import (
    EVIDENCE_SCALE,
    ODDS_SCALE,
    facts_of,
)
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.training.contracts import Sample
from SlicePropagationLib.training.outline.results import FOUND, FULL, LARGEST, TRUTH

NUM_IMAGES = 3


@dataclass(frozen=True)
class OutlineWindowsConfig:
    """How windows are cut and varied.

    Attributes:
        side: pixels along the sides of a window.
        zoom_share: how often a window shows more or less of the slice, on as many pixels,
        zoom: and by how much at most, down and up.
        contrast, brightness: standard deviations of what intensities are multiplied by (of its
            logarithm) and of what is added to them.
        noise_share, noise: how often there is noise, and its largest standard deviation.
        negative_share: how often the image is a negative.
        balance: how data sets share the windows: by their number of results to the power of it.
    """

    side: int = 64
    zoom_share: float = 0.4
    zoom: tuple[float, float] = (0.6, 1.5)
    contrast: float = 0.15
    brightness: float = 0.15
    noise_share: float = 0.3
    noise: float = 0.15
    negative_share: float = 0.1
    balance: float = 0.5

    def __post_init__(self) -> None:
        if self.side < 8:
            raise ConfigError(f"side must be at least 8, got {self.side}.")
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise ConfigError(f"zoom must be two rising positive numbers, got {list(self.zoom)}.")


@dataclass(frozen=True)
class Result:
    """One recorded result.

    Attributes:
        maps: (3, N, h, w) int8: image, log odds, evidence.
        marks: (N, h, w) uint8 of TRUTH and FOUND.
        anchors: annotated slices, num_shown: how many of them show the structure.
        slices: those on which something was found.
        group: its data set.
    """

    maps: Sequence[np.ndarray]
    marks: np.ndarray
    anchors: tuple[int, ...]
    num_shown: int
    group: str
    slices: tuple[int, ...] = field(default=())


def read_results(path: Path, group: str) -> list[Result]:
    """The results in a file of `results.outline_arrays` that have something to learn from."""
    results = []
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    ends = np.cumsum([int(np.prod(shape)) for shape in arrays["shapes"]])
    anchor_ends = np.cumsum(arrays["num_anchors"])
    for number, shape in enumerate(arrays["shapes"]):
        part = slice(ends[number] - int(np.prod(shape)), ends[number])
        names = ("image", "odds", "evidence", "marks")
        image, odds, evidence, marks = (arrays[name][part].reshape(shape) for name in names)
        first = anchor_ends[number] - arrays["num_anchors"][number]
        anchors = tuple(int(index) for index in arrays["anchors"][first : anchor_ends[number]])
        found = (marks & FOUND > 0).any(axis=(1, 2))
        slices = tuple(int(i) for i in np.flatnonzero(found) if i not in anchors)
        if slices:
            shown = int(arrays["num_shown"][number])
            results.append(Result((image, odds, evidence), marks, anchors, shown, group, slices))
    return results


class OutlineWindows(torch.utils.data.Dataset):
    """Windows of slices of results.

    A sample: maps (5, S, S), facts (3,), truth (S, S) share of a pixel that is inside, weight
    (S, S) 0 beyond the slice.

    Args:
        results: what is looked at.
        config: how.
        is_varied: whether windows lie anywhere along the outlines and are varied; without it they
            lie about the middle of what was found.
    """

    def __init__(
        self, results: Sequence[Result], config: OutlineWindowsConfig, is_varied: bool = True
    ) -> None:
        self.results = results
        self.config = config
        self.is_varied = is_varied
        self.places = [(result, index) for result in results for index in result.slices]

    def __len__(self) -> int:
        return len(self.places)

    def weights(self) -> np.ndarray:
        """(samples,) float64 weights of drawing: results of a data set count as much as another."""
        groups, counts = np.unique([result.group for result in self.results], return_counts=True)
        number = dict(zip(groups.tolist(), counts.tolist(), strict=True))
        balance = self.config.balance
        return np.array(
            [
                number[result.group] ** (balance - 1.0) / len(result.slices)
                for result, _ in self.places
            ]
        )

    def __getitem__(self, position: int) -> Sample:
        result, index = self.places[position]
        # torch's generator, which the loop seeds for every epoch
        rng = np.random.default_rng(int(torch.randint(2**31, ()))) if self.is_varied else None
        maps = _maps(result, index)
        truth = (result.marks[index] & TRUTH > 0).astype(np.float32)
        found = result.marks[index] & FOUND > 0
        if rng is not None and rng.random() < 0.5:
            maps[[1, 2]] = maps[[2, 1]]
        planes = np.concatenate([maps, truth[None], np.ones_like(truth)[None]])
        window = _cut(planes, *_place(found, truth > 0, self.config, rng))
        window = _resized(window, self.config.side)
        if rng is not None:
            window = _turned(window, rng)
            _vary(window[:NUM_IMAGES], self.config, rng)
        window = np.ascontiguousarray(window)
        facts = facts_of(index, result.anchors, result.num_shown)
        return {
            "maps": window[:-2],
            "facts": facts,
            "truth": window[-2],
            "weight": window[-1],
        }


def _maps(result: Result, index: int) -> np.ndarray:
    """(5, h, w) float32 as `engines.outline.view.outline_view` gives them."""
    image, odds, evidence = result.maps
    last = len(image) - 1
    neighbours = [min(max(other, 0), last) for other in (index - 1, index + 1)]
    images = [image[each].astype(np.float32) for each in (index, *neighbours)]
    scales = [largest / FULL for largest in LARGEST]
    return np.stack(
        [
            *(each * np.float32(scales[0]) for each in images),
            odds[index] * np.float32(scales[1] / ODDS_SCALE),
            evidence[index] * np.float32(scales[2] / EVIDENCE_SCALE),
        ]
    )


def _place(
    found: np.ndarray,
    truth: np.ndarray,
    config: OutlineWindowsConfig,
    rng: np.random.Generator | None,
) -> tuple[int, int, int]:
    """(top, left, side) of a window."""
    if rng is None:
        places = np.argwhere(found)
        middle = (places.min(axis=0) + places.max(axis=0)) // 2
        top, left = middle - config.side // 2
        return int(top), int(left), config.side
    edge = found ^ np.roll(found, 1, axis=0) | found ^ np.roll(found, 1, axis=1) | (found ^ truth)
    places = np.argwhere(edge)
    place = places[rng.integers(len(places))]
    zoom = 1.0
    if rng.random() < config.zoom_share:
        zoom = float(np.exp(rng.uniform(*np.log(config.zoom))))
    side = int(round(config.side * zoom))
    corner = place - rng.integers(side // 4, side - side // 4, 2)
    corner = np.clip(corner, 0, np.maximum(0, np.array(found.shape) - side))
    return int(corner[0]), int(corner[1]), side


def _cut(planes: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """(C, side, side): beyond the slice its border goes on, and the last plane is 0."""
    height, width = planes.shape[1:]
    rows = np.arange(top, top + side)
    columns = np.arange(left, left + side)
    window = planes[:, np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None]]
    window[-1, (rows < 0) | (rows >= height)] = 0
    window[-1, :, (columns < 0) | (columns >= width)] = 0
    return window


def _resized(window: np.ndarray, side: int) -> np.ndarray:
    before = window.shape[-1]
    if before == side:
        return window
    values = torch.from_numpy(window[None])
    is_larger = before > side
    return F.interpolate(values, (side, side), mode="bilinear", antialias=is_larger)[0].numpy()


def _turned(window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the eight ways that a square lies on another."""
    window = np.rot90(window, int(rng.integers(4)), axes=(1, 2))
    return window[:, ::-1] if rng.random() < 0.5 else window


def _vary(images: np.ndarray, config: OutlineWindowsConfig, rng: np.random.Generator) -> None:
    images *= np.float32(np.exp(rng.normal(0, config.contrast)))
    images += np.float32(rng.normal(0, config.brightness))
    if rng.random() < config.noise_share:
        images += rng.normal(0, rng.uniform(0, config.noise), images.shape).astype(np.float32)
    if rng.random() < config.negative_share:
        images *= -1
