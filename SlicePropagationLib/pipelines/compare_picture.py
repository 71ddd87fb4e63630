"""The picture of a comparison: the slices that differ most, with the outlines of both annotators."""

from __future__ import annotations

import numpy as np

from SlicePropagationLib.arrays import Mask, Masks
from SlicePropagationLib.files.two_results import TwoResults
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.pipelines.anatomical_view import AnatomicalView
from SlicePropagationLib.pipelines.montage import (
    GROUND,
    INDENT,
    WHITE,
    Color,
    Tile,
    draw_montage,
    grey_range,
    greys,
    outline_of,
    square_window,
)
from SlicePropagationLib.pipelines.picture_text import HEIGHT, PITCH, draw_text
from SlicePropagationLib.pipelines.result_picture import MOST_TILES, spread

# Okabe and Ito's, told apart by colour-blind readers too.
FIRST: Color = (86, 180, 233)
SECOND: Color = (230, 159, 0)
LEGEND = (("first", FIRST), ("second", SECOND), ("both", WHITE))
SCALE = 2  # of the legend's letters
Both = tuple[Masks, Masks]  # of a structure: the first annotator's and the second's


def compare_picture(results: TwoResults, axis: int) -> np.ndarray:
    """Up to twelve slices, the ones that differ most among them, in their order.

    The first annotator's outlines are blue and the second's orange, white where they coincide.

    Args:
        results: both annotators'.
        axis: of the (K, J, I) arrays, that slices run along.

    Returns:
        (H, W, 3) uint8.
    """
    structures: list[Both] = []
    for pair in results.pairs:
        first, second = results.masks(pair)
        structures.append((np.moveaxis(first, axis, 0), np.moveaxis(second, axis, 0)))
    images = np.moveaxis(results.volume.array, axis, 0)
    shown = _Shown(images, structures, results, axis)
    tiles = [shown.tile(index) for index in shown.chosen]
    picture = draw_montage(tiles)
    return np.vstack([_legend(picture.shape[1]), picture])


def choose_differing(structures: list[Both], count: int = MOST_TILES) -> list[int]:
    """Slices to show, ascending: those that differ most, then others of the structures.

    Args:
        structures: (N, H, W) bool of both annotators.
        count: how many at most.
    """
    apart = np.sum([(a ^ b).sum(axis=(1, 2)) for a, b in structures], axis=0)
    is_shown = np.any([(a | b).any(axis=(1, 2)) for a, b in structures], axis=0)
    if not np.any(is_shown):
        return [0]
    places = np.flatnonzero(is_shown)
    most = [int(index) for index in np.argsort(-apart, kind="stable")[:count] if apart[index]]
    first, last = int(places[0]), int(places[-1])
    return spread(first, last, most or [first], min(count, last - first + 1))


class _Shown:
    """Two annotations as their picture shows them."""

    def __init__(
        self, images: np.ndarray, structures: list[Both], results: TwoResults, axis: int
    ) -> None:
        self._images = images
        self._structures = structures
        rows, columns = (other for other in range(3) if other != axis)
        spacing_mm = results.volume.spacing_mm
        self._view = AnatomicalView.of(results.volume.image, rows, columns)
        box = _box(structures, images.shape[1:])
        in_plane_mm = (spacing_mm[rows], spacing_mm[columns])
        self._window = square_window(box, in_plane_mm, images.shape[1:])
        self.chosen = choose_differing(structures)
        self._limits = self._grey_limits() if results.has_image else (0.0, 1.0)

    def _grey_limits(self) -> tuple[float, float]:
        """The darkest and the brightest grey."""
        near = np.stack([self._window.sample(self._images[index]) for index in self.chosen])
        inside = [self._images[index][self._either(index)] for index in self.chosen]
        return grey_range(near, np.concatenate(inside))

    def _either(self, index: int) -> Mask:
        return np.any([a[index] | b[index] for a, b in self._structures], axis=0)

    def tile(self, index: int) -> Tile:
        """The tile of a slice."""
        grey = self._view.turned(self._window.sample(self._images[index]))
        pairs = [(self._mask(a[index]), self._mask(b[index])) for a, b in self._structures]
        outlines = [
            pair
            for first, second in pairs
            for pair in ((first, FIRST), (second, SECOND))
            if pair[0].any()
        ]
        shared = [outline_of(first) & outline_of(second) for first, second in pairs]
        return Tile(
            grey=greys(grey, self._limits),
            outlines=tuple(outlines),
            marks=tuple((mark, WHITE) for mark in shared),
            title=f"slice {index}",
            note=f"dice {self._dice(index):.2f}",
        )

    def _mask(self, mask: Mask) -> Mask:
        return self._view.turned(self._window.mask(mask))

    def _dice(self, index: int) -> float:
        """The lowest of the structures on a slice."""
        shown = [(a[index], b[index]) for a, b in self._structures if (a[index] | b[index]).any()]
        return min((dice(a, b) for a, b in shown), default=1.0)


def _box(structures: list[Both], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns that the structures reach over; the whole slice where there are none."""
    either = np.any([(a | b).any(axis=0) for a, b in structures], axis=0)
    if not np.any(either):
        return slice(0, shape[0]), slice(0, shape[1])
    rows, columns = (np.flatnonzero(either.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _legend(width: int) -> np.ndarray:
    """A strip that says whose outlines have which colour."""
    strip = np.full((2 * INDENT + SCALE * HEIGHT, width, 3), GROUND, np.uint8)
    left = INDENT
    for word, color in LEGEND:
        draw_text(strip, word, (INDENT, left), color, SCALE)
        left += SCALE * PITCH * (len(word) + 1)
    return strip
