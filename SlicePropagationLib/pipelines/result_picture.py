"""The picture of a result: slices with outlines, where each came from, how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.pipelines.anatomical_view import AnatomicalView
from SlicePropagationLib.pipelines.montage import (
    WHITE,
    Color,
    Tile,
    Window,
    draw_montage,
    grey_range,
    greys,
    square_window,
)
from SlicePropagationLib.session import Provenance

if TYPE_CHECKING:
    from SlicePropagationLib.files.mapped_file import Image
    from SlicePropagationLib.files.segments import Segment
    from SlicePropagationLib.files.volume import Volume
    from SlicePropagationLib.session import AnnotationSession

MOST_TILES = 12
MOST_ANCHORS = 4
WORDS = {
    Provenance.SEED: "drawn",
    Provenance.CORRECTION: "corrected",
    Provenance.CONFIRMED: "confirmed",
}
# Okabe and Ito's colours, told apart by colour-blind readers too.
FRAMES: dict[Provenance, Color] = {
    Provenance.SEED: (86, 180, 233),
    Provenance.CORRECTION: (230, 159, 0),
    Provenance.CONFIRMED: (0, 158, 115),
}
LEAST: Color = (255, 150, 80)  # of the confidence that is the lowest


def result_picture(
    session: AnnotationSession,
    segments: Sequence[Segment],
    volume: Volume,
) -> np.ndarray:
    """Up to twelve slices of a finished session.

    Among them are annotated ones, the one that is trusted least, and those beside the ends, where
    one sees whether the structure goes on. Drawn slices have a frame; the others have their
    confidence, the lowest of their labels.

    Args:
        session: whose masks are outlined.
        segments: of the session's labels, for colours.
        volume: what was annotated.

    Returns:
        (H, W, 3) uint8.
    """
    named = {index: f"slice {index}" for index in choose_slices(session)}
    return picture_of(session, segments, volume.image, named)


def picture_of(
    session: AnnotationSession,
    segments: Sequence[Segment],
    image: Image,
    named: Mapping[int, str],
) -> np.ndarray:
    """Slices of a finished session, as of `result_picture`.

    Args:
        session: whose masks are outlined.
        segments: of the session's labels, for colours.
        image: has the geometry of what was annotated.
        named: {slice: what it is called}, in the order in which they are shown.

    Returns:
        (H, W, 3) uint8.
    """
    chosen = list(named)
    trust = slice_trust(session)
    least = int(np.nanargmin(trust)) if np.isfinite(trust).any() else -1
    colors = {segment.label: color_of(segment) for segment in segments}
    _, row_mm, column_mm = session.stack.spacing_mm
    shape = session.stack.slice_shape
    window = square_window(_box(session), (row_mm, column_mm), shape)
    rows, columns = (axis for axis in range(3) if axis != session.stack.axis)
    view = AnatomicalView.of(image, rows, columns)
    shown = _Shown(session, window, view, colors)
    limits = shown.limits(chosen)
    tiles = [shown.tile(index, limits, trust, index == least) for index in chosen]
    titled = [replace(tile, title=title) for tile, title in zip(tiles, named.values(), strict=True)]
    return draw_montage(titled)


class _Shown:
    """A session as its picture shows it."""

    def __init__(
        self,
        session: AnnotationSession,
        window: Window,
        view: AnatomicalView,
        colors: dict[int, Color],
    ) -> None:
        self._session = session
        self._window = window
        self._view = view
        self._colors = colors

    def limits(self, indices: Sequence[int]) -> tuple[float, float]:
        """The darkest and the brightest grey of slices."""
        images = self._session.stack.images
        near = np.stack([self._window.sample(images[index]) for index in indices])
        inside = [
            images[index][self._session.mask(label, index)]
            for index in indices
            for label in self._session.labels
        ]
        return grey_range(near, np.concatenate(inside))

    def tile(
        self,
        index: int,
        limits: tuple[float, float],
        trust: np.ndarray,
        is_least: bool,
    ) -> Tile:
        """The tile of a slice."""
        image = self._window.sample(self._session.stack.images[index])
        kind = _strongest(self._session, index)
        words = [WORDS[kind]] if kind in WORDS else []
        if np.isfinite(trust[index]):
            words.append(f"{trust[index]:.2f}")
        return Tile(
            grey=greys(self._view.turned(image), limits),
            outlines=tuple(self._outlines(index)),
            note=" ".join(words),
            note_color=LEAST if is_least else WHITE,
            frame=FRAMES.get(kind),
        )

    def _outlines(self, index: int) -> list[tuple[np.ndarray, Color]]:
        outlines = []
        for label in self._session.labels:
            mask = self._session.mask(label, index)
            if mask.any():
                turned = self._view.turned(self._window.mask(mask))
                outlines.append((turned, self._colors[label]))
        return outlines


def slice_trust(session: AnnotationSession) -> np.ndarray:
    """(N,) the lowest confidence of a label that was predicted on each slice and shows there.

    NaN where there is none.
    """
    trust = np.full(len(session.stack), np.nan)
    for row, label in enumerate(session.labels):
        is_predicted = session.provenance[row] == Provenance.PROPAGATED
        is_shown = is_predicted & (session.areas(label) > 0)
        own = np.where(is_shown, session.confidence[row], np.nan)
        trust = np.fmin(trust, own)
    return trust


def choose_slices(session: AnnotationSession, count: int = MOST_TILES) -> list[int]:
    """Slices to show, ascending: all about the structure, or the telling ones and a spread.

    Args:
        session: what is shown.
        count: how many slices at most.
    """
    shown = np.flatnonzero(np.any([session.areas(label) > 0 for label in session.labels], axis=0))
    ends = (shown[0] - 1, shown[-1] + 1) if shown.size else (0, len(session.stack) - 1)
    first, last = (int(np.clip(end, 0, len(session.stack) - 1)) for end in ends)
    if last - first < count:
        return list(range(first, last + 1))
    trust = slice_trust(session)
    telling = [first, last, *_spread_anchors(session, first, last)]
    if np.isfinite(trust).any():
        telling.append(int(np.nanargmin(trust)))
    return spread(first, last, telling, count)


def spread(first: int, last: int, chosen: Sequence[int], count: int) -> list[int]:
    """Slices from `first` to `last`, ascending: those chosen, and others as far from them as can be."""
    found = sorted(set(chosen))
    while len(found) < count:
        apart = np.abs(np.arange(first, last + 1)[:, None] - found).min(axis=1)
        found.append(first + int(apart.argmax()))
    return sorted(found)


def _spread_anchors(session: AnnotationSession, first: int, last: int) -> list[int]:
    """Annotated slices between two, some of them where there are many."""
    anchors = sorted({index for label in session.labels for index in session.anchors(label)})
    inside = [index for index in anchors if first <= index <= last]
    places = np.linspace(0, len(inside) - 1, min(len(inside), MOST_ANCHORS))
    return [inside[round(place)] for place in places]


def _strongest(session: AnnotationSession, index: int) -> Provenance:
    """The highest provenance of the labels on a slice."""
    kinds = [session.state(label, index).provenance for label in session.labels]
    return Provenance(int(max(kinds)))


def _box(session: AnnotationSession) -> tuple[slice, slice]:
    """Rows and columns that the labels reach over on all slices; the whole slice where there are none."""
    patches = [
        session.state(label, index).patch
        for label in session.labels
        for index in np.flatnonzero(session.areas(label)).tolist()
    ]
    if not patches:
        height, width = session.stack.slice_shape
        return slice(0, height), slice(0, width)
    rows, columns = zip(*(patch.window for patch in patches), strict=True)
    return _hull(rows), _hull(columns)


def _hull(parts: Sequence[slice]) -> slice:
    return slice(min(part.start for part in parts), max(part.stop for part in parts))


def color_of(segment: Segment) -> Color:
    """The colour of a segment as pictures have it."""
    red, green, blue = (round(255 * part) for part in segment.color)
    return red, green, blue
