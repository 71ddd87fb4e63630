"""The picture of what a model found: slices of a volume, or the frames of one slice over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.sequence import Sequence
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.anatomical_view import AnatomicalView
from SlicePropagationLib.pipelines.montage import (
    Color,
    Tile,
    draw_montage,
    grey_range,
    greys,
    square_window,
)
from SlicePropagationLib.pipelines.result_picture import MOST_TILES, color_of, spread


class _Slices(NamedTuple):
    """What is shown, one after the other.

    Attributes:
        images: (n, H, W), perhaps in a file.
        labels: (N, H, W) uint8, what was found.
        places: (N,) which of the images each of them is on.
        spacing_mm: between rows and between columns.
        view: how they are turned.
        noun: what each is called.
    """

    images: np.ndarray
    labels: Labels
    places: np.ndarray
    spacing_mm: tuple[float, float]
    view: AnatomicalView
    noun: str

    def image(self, index: int) -> np.ndarray:
        """(H, W) of one of them."""
        return np.asarray(self.images[int(self.places[index])])


def segmented_picture(source: Volume | Sequence, labels: Labels, axis: int) -> np.ndarray:
    """Up to twelve slices with the outlines of what was found, the first and last ones among them.

    Of a sequence they are frames of the slice that shows most.

    Args:
        source: what was segmented.
        labels: what was found, (K, J, I) or (T, K, J, I); perhaps on finer slices.
        axis: array axis of a volume (0, 1, 2 for K, J, I) that slices run along.

    Returns:
        (H, W, 3) uint8.
    """
    shown = _shown(source, labels, axis)
    chosen = _chosen(shown)
    window = square_window(_box(shown.labels), shown.spacing_mm, shown.images.shape[1:])
    sampled = [window.sample(shown.image(index)) for index in chosen]
    inside = [shown.image(index)[shown.labels[index] > 0] for index in chosen]
    limits = grey_range(np.stack(sampled), np.concatenate(inside))
    tiles = []
    for index, image in zip(chosen, sampled, strict=True):
        found = shown.labels[index]
        outlines = [
            (shown.view.turned(window.mask(found == label)), _color(label))
            for label in np.unique(found[found > 0])
        ]
        grey = greys(shown.view.turned(image), limits)
        tiles.append(Tile(grey, tuple(outlines), f"{shown.noun} {index}"))
    return draw_montage(tiles)


def _shown(source: Volume | Sequence, labels: Labels, axis: int) -> _Slices:
    if isinstance(source, Sequence):
        return _over_time(source, labels, axis)
    return _across(source, labels, axis)


def _across(volume: Volume, labels: Labels, axis: int) -> _Slices:
    """The slices of a volume; fine ones show the image of the thick one that they lie in."""
    images = np.moveaxis(volume.array, axis, 0)
    found = np.moveaxis(labels, axis, 0)
    thick = np.arange(len(found)) * len(images) // len(found)
    rows, columns = (other for other in range(3) if other != axis)
    spacing_mm = volume.spacing_mm[rows], volume.spacing_mm[columns]
    view = AnatomicalView.of(volume.image, rows, columns)
    return _Slices(images, found, thick, spacing_mm, view, "slice")


def _over_time(sequence: Sequence, labels: Labels, axis: int) -> _Slices:
    """The frames of the slice on which most was found."""
    found = np.moveaxis(labels, axis + 1, 0)
    most = int(np.count_nonzero(found, axis=(1, 2, 3)).argmax())
    images = np.moveaxis(sequence.array, axis + 1, 0)[most]
    rows, columns = (other for other in range(3) if other != axis)
    spacing_mm = sequence.spacing_mm[rows], sequence.spacing_mm[columns]
    view = AnatomicalView.of(sequence.image, rows, columns)
    frames = np.arange(len(images))
    return _Slices(images, found[most], frames, spacing_mm, view, "frame")


def _chosen(shown: _Slices) -> list[int]:
    """Which ones are shown: all about what was found, or a spread of them."""
    last = len(shown.labels) - 1
    places = np.flatnonzero(shown.labels.any(axis=(1, 2)))
    ends = (int(places[0]) - 1, int(places[-1]) + 1) if places.size else (0, last)
    low, high = max(ends[0], 0), min(ends[1], last)
    return spread(low, high, [low, high], min(MOST_TILES, high - low + 1))


def _box(labels: Labels) -> tuple[slice, slice]:
    """Rows and columns that labels reach over; the whole slice where there are none."""
    is_found = np.asarray(labels.any(axis=0))
    if not is_found.any():
        return slice(0, labels.shape[1]), slice(0, labels.shape[2])
    rows, columns = (np.flatnonzero(is_found.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _color(label: int) -> Color:
    return color_of(Segment.plain(int(label)))
