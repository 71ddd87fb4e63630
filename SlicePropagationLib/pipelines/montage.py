"""Slices side by side on one picture, with outlines and words; numpy and scipy draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from SlicePropagationLib.pipelines.picture_text import HEIGHT, draw_text

Color = tuple[int, int, int]

TILE = 240  # pixels of a tile, both ways
COLUMNS = 4
GAP = 2  # between tiles
LINE = 2  # of an outline
FRAME = 4
INDENT = 10
GROUND: Color = (20, 23, 28)
WHITE: Color = (242, 244, 247)
ROOM = 1.4  # what is shown about a structure, in its own size
MARGIN = 8  # pixels that are shown about it at least, both sides together
SPREAD = 4  # standard deviations of the structure on either side of its middle grey
SMALLEST_REACH = 1e-6


@dataclass(frozen=True)
class Tile:
    """One slice of a montage.

    Attributes:
        grey: (TILE, TILE) float in [0, 1].
        outlines: (mask, colour) of each structure, masks (TILE, TILE) bool.
        title: words at the top.
        note: words at the bottom.
        note_color: their colour.
        frame: colour of the frame, or None for none.
        marks: (mask, colour) of pixels that have that colour, over the outlines.
    """

    grey: np.ndarray
    outlines: tuple[tuple[np.ndarray, Color], ...] = ()
    title: str = ""
    note: str = ""
    note_color: Color = WHITE
    frame: Color | None = None
    marks: tuple[tuple[np.ndarray, Color], ...] = ()


class Window(NamedTuple):
    """The part of slices that tiles show.

    Attributes:
        rows, columns: (TILE,) places in pixels of the slice, which may lie outside it.
    """

    rows: np.ndarray
    columns: np.ndarray

    def sample(self, array: np.ndarray, *, is_smooth: bool = True) -> np.ndarray:
        """(TILE, TILE) float32 values of an (H, W) slice; its least value outside it.

        Args:
            array: the slice.
            is_smooth: whether values between pixels are in between, not those of the nearest one.
        """
        return self._values(array, is_smooth, float(array.min()))

    def mask(self, array: np.ndarray, *, is_smooth: bool = True) -> np.ndarray:
        """(TILE, TILE) bool of an (H, W) mask."""
        return self._values(array, is_smooth, 0.0) >= 0.5

    def _values(self, array: np.ndarray, is_smooth: bool, outside: float) -> np.ndarray:
        lines = _along(self.rows, array.astype(np.float32), is_smooth, outside)
        return _along(self.columns, lines.T, is_smooth, outside).T


def _along(places: np.ndarray, array: np.ndarray, is_smooth: bool, outside: float) -> np.ndarray:
    """(P, W) the rows of an (H, W) array at places between them."""
    count = len(array)
    inside = np.clip(places, 0, count - 1)
    before = (inside if is_smooth else np.rint(inside)).astype(int)
    after = np.minimum(before + 1, count - 1)
    weights = (inside - before)[:, None] if is_smooth else 0
    values = array[before] + weights * (array[after] - array[before])
    values[(places < -0.5) | (places > count - 0.5)] = outside
    return values.astype(np.float32)


def square_window(
    box: tuple[slice, slice],
    spacing_mm: tuple[float, float],
    shape: tuple[int, int],
) -> Window:
    """The window about a structure: a square in millimetres, with room at its sides.

    It is no larger than the slice, and within it as far as it can be.

    Args:
        box: rows and columns that the structure reaches over.
        spacing_mm: between rows and between columns.
        shape: (H, W) of the slice.
    """
    sides_mm = [
        ((side.stop - side.start) * ROOM + MARGIN) * pixel_mm
        for side, pixel_mm in zip(box, spacing_mm, strict=True)
    ]
    largest_mm = max(count * pixel_mm for count, pixel_mm in zip(shape, spacing_mm, strict=True))
    side_mm = min(max(sides_mm), largest_mm)
    rows, columns = (
        _places(part, side_mm / pixel_mm, count)
        for part, pixel_mm, count in zip(box, spacing_mm, shape, strict=True)
    )
    return Window(rows, columns)


def _places(part: slice, length: float, count: int) -> np.ndarray:
    """(TILE,) places about a part of a line of `count` pixels, over `length` of them."""
    ends = (length / 2, count - length / 2)  # middles between them leave nothing out needlessly
    middle = np.clip((part.start + part.stop) / 2, min(ends), max(ends))
    return middle - 0.5 + steps(TILE) * length


def steps(count: int) -> np.ndarray:
    """(count,) the middles of equal parts of an interval from -0.5 to 0.5."""
    return (np.arange(count) + 0.5) / count - 0.5


def grey_range(near: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """The darkest and the brightest grey: the tissue's, so that air and bone do not flatten it.

    Args:
        near: values about the structure.
        inside: values in it, perhaps none.
    """
    low, quarter, high = np.percentile(near, (1, 25, 99.5))
    if inside.size == 0:
        return float(low), float(high)
    middle = float(np.median(inside))
    reach = max(SPREAD * float(np.std(inside)), 1.3 * abs(middle - quarter), SMALLEST_REACH)
    return max(float(low), middle - reach), min(float(high), middle + reach)


def greys(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Values as greys in [0, 1]."""
    low, high = limits
    return np.clip((values - low) / max(high - low, SMALLEST_REACH), 0, 1)


def draw_montage(tiles: Sequence[Tile], columns: int = COLUMNS) -> np.ndarray:
    """(H, W, 3) uint8 picture of tiles, row by row."""
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    pitch = TILE + GAP
    picture = np.full((rows * pitch - GAP, columns * pitch - GAP, 3), GROUND, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top = row * pitch
        left = column * pitch
        picture[top : top + TILE, left : left + TILE] = draw_tile(tile)
    return picture


def draw_tile(tile: Tile) -> np.ndarray:
    """(TILE, TILE, 3) uint8."""
    grey = (255 * tile.grey).astype(np.uint8)
    picture = np.repeat(grey[..., None], 3, axis=2)
    for mask, color in tile.outlines:
        picture[outline_of(mask)] = color
    for mark, color in tile.marks:
        picture[mark] = color
    if tile.frame:
        inside = np.zeros((TILE, TILE), bool)
        inside[FRAME:-FRAME, FRAME:-FRAME] = True
        picture[~inside] = tile.frame
    draw_text(picture, tile.title, (INDENT, INDENT), WHITE)
    bottom = TILE - INDENT - 2 * HEIGHT
    draw_text(picture, tile.note, (bottom, INDENT), tile.note_color)
    return picture


def outline_of(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask that its outline is drawn on."""
    inner = np.asarray(ndimage.binary_erosion(mask, iterations=LINE, border_value=1), bool)
    return mask & ~inner
