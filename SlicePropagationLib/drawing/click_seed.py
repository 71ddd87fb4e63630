"""A first outline on one slice from a click or a box: region growing.

A region grows from the click to what is as bright as there, for many widths of intensity; the one is
taken whose edge lies where the picture changes most and that grows least with the width. The first
comes from contrast-based region growing (Hojjatoleslami and Kittler, IEEE Transactions on Image
Processing 7(7), 1998), the second from maximally stable extremal regions (Matas et al., BMVC 2002). Of
a box it is asked in place of the second that the region fills it.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from SlicePropagationLib.arrays import Map, Mask
from SlicePropagationLib.drawing.mask_shape import piece_at, without_holes

WINDOW_MM = 80.0  # to each side of a click
BEYOND = 0.3  # of a box: how far around it is looked at
SMOOTH_STEPS = 10  # of curvature anisotropic diffusion
TIME_STEP = 0.0625
CONDUCTANCE = 2.0
RADIUS = 2  # pixels around the click, whose intensities are those of the structure
CLIP = 12.0  # deviations: what is further away is outside in any case
WIDTHS = np.geomspace(0.5, 8.0, 28)  # of the intensities that belong to it, in deviations
SMALLEST = 12  # pixels of an outline
LARGEST = 0.5  # share of the window
EDGE = 0.5  # deviations from pixel to pixel that are half an edge
MIN_SHARE = 0.01  # of the picture's spread: the least deviation
PLACES = (0.3, 0.5, 0.7)  # shares of a box's sides, where regions begin
NO_EDGE = 0.3  # what a region in a box counts whose edge cannot be seen


@dataclass(frozen=True)
class Box:
    """A rectangle on a slice.

    Attributes:
        top, left: first row and column.
        bottom, right: the row and the column after the last ones.
    """

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, mask: Mask) -> "Box":
        """The rectangle that a mask fills; it is not empty."""
        rows = np.flatnonzero(mask.any(axis=1))
        columns = np.flatnonzero(mask.any(axis=0))
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return max(self.bottom - self.top, 0) * max(self.right - self.left, 0)

    def moved(self, rows: int, columns: int) -> "Box":
        """The same rectangle further down and to the right."""
        return Box(self.top + rows, self.left + columns, self.bottom + rows, self.right + columns)

    def overlap(self, other: "Box") -> float:
        """Shared area by the area of both together: 1 for the same rectangle, 0 for none shared."""
        shared = Box(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        ).area
        return shared / (self.area + other.area - shared)


def seeded_at(image: Map, spacing_mm: tuple[float, float], row: int, column: int) -> Mask:
    """The structure at a pixel of a slice.

    Args:
        image: (H, W) float intensities.
        spacing_mm: of rows and of columns.
        row: of the pixel.
        column: of the pixel.

    Returns:
        (H, W) bool; it holds the pixel.
    """
    rows, columns = (round(WINDOW_MM / step) for step in spacing_mm)
    window = _within(image, Box(row - rows, column - columns, row + rows + 1, column + columns + 1))
    smooth = _smoothed(image[window], row - window[0].start, column - window[1].start)
    regions = _regions(smooth, row - window[0].start, column - window[1].start)
    mask = np.zeros(image.shape, bool)
    mask[window] = _clearest(regions, _edges(smooth))
    return mask


def seeded_in(image: Map, box: Box) -> Mask:
    """The structure that a box is drawn around.

    Args:
        image: (H, W) float intensities.
        box: at least a pixel of it is on the slice.

    Returns:
        (H, W) bool, nowhere outside the box.
    """
    far = round(BEYOND * max(box.bottom - box.top, box.right - box.left)) + 2
    window = _within(image, Box(box.top - far, box.left - far, box.bottom + far, box.right + far))
    here = box.moved(-window[0].start, -window[1].start)
    mask = np.zeros(image.shape, bool)
    mask[window] = _filling(image[window], here)
    inside = np.zeros_like(mask)
    inside[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)] = True
    return mask & inside


def _within(image: Map, box: Box) -> tuple[slice, slice]:
    """The part of a rectangle that is on the slice."""
    height, width = image.shape
    return (
        slice(max(0, box.top), min(height, box.bottom)),
        slice(max(0, box.left), min(width, box.right)),
    )


def _smoothed(image: Map, row: int, column: int) -> Map:
    """The picture without noise but with its edges, in deviations from the intensity at a pixel."""
    around = _around(image, row, column, RADIUS)
    spread = float(np.subtract(*np.percentile(image, [95, 5])))
    noise = 1.5 * float(np.median(np.abs(image - ndimage.median_filter(image, 3))))
    deviation = max(float(around.std()), noise, MIN_SHARE * spread) or 1.0
    deviations = np.clip((image - np.median(around)) / deviation, -CLIP, CLIP)
    smooth = sitk.CurvatureAnisotropicDiffusion(
        sitk.GetImageFromArray(deviations.astype(np.float32)),
        timeStep=TIME_STEP,
        conductanceParameter=CONDUCTANCE,
        numberOfIterations=SMOOTH_STEPS,
    )
    return sitk.GetArrayFromImage(smooth)


def _around(image: Map, row: int, column: int, radius: int) -> Map:
    """The pixels around one."""
    return image[
        max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1
    ]


def _regions(smooth: Map, row: int, column: int) -> list[Mask]:
    """What hangs together with a pixel, for each of `WIDTHS`, without thin bridges and holes."""
    away = np.abs(smooth - np.median(_around(smooth, row, column, 1)))
    regions = []
    for width in WIDTHS:
        mask = away <= width
        mask[row, column] = True
        piece = piece_at(mask, row, column)
        without_bridges = ndimage.binary_opening(piece)
        if without_bridges[row, column]:
            piece = piece_at(without_bridges, row, column)
        regions.append(without_holes(piece))
    return regions


def _edges(smooth: Map) -> Map:
    """How much of an edge there is at each pixel, 0 to 1; none where the picture ends."""
    steepness = ndimage.gaussian_gradient_magnitude(smooth, 1.0)
    edges = np.asarray(steepness / (steepness + EDGE))
    edges[[0, -1]] = 0
    edges[:, [0, -1]] = 0
    return edges


def _clearest(regions: list[Mask], edges: Map) -> Mask:
    """The region with the clearest edge that grows least from width to width."""
    areas = np.array([np.count_nonzero(region) for region in regions], float)
    growth = (areas[2:] - areas[:-2]) / areas[1:-1]
    scores = [
        _contrast(region, edges) / (1 + abs(grows)) if _is_outline(area, region) else 0.0
        for region, area, grows in zip(regions[1:-1], areas[1:-1], growth, strict=True)
    ]
    best = int(np.argmax(scores))
    return regions[best + 1] if scores[best] > 0 else regions[0]


def _is_outline(area: float, region: Mask) -> bool:
    return SMALLEST <= area <= LARGEST * region.size


def _filling(image: Map, box: Box) -> Mask:
    """The region that fills a box best with a clear edge, grown from several places in it."""
    best = np.zeros(image.shape, bool)
    highest = -1.0
    for row, column in _places(box, image.shape):
        smooth = _smoothed(image, row, column)
        edges = _edges(smooth)
        for region in _regions(smooth, row, column):
            score = (NO_EDGE + _contrast(region, edges)) * Box.around(region).overlap(box)
            if score > highest:
                best, highest = region, score
    return best


def _places(box: Box, shape: tuple[int, ...]) -> set[tuple[int, int]]:
    """Pixels of a box: its middle, and between it and the sides, as a crescent leaves its middle."""
    rows = [box.top + round(share * (box.bottom - box.top)) for share in PLACES]
    columns = [box.left + round(share * (box.right - box.left)) for share in PLACES]
    middle = rows[1], columns[1]
    places = {middle, (rows[0], middle[1]), (rows[2], middle[1])}
    places |= {(middle[0], columns[0]), (middle[0], columns[2])}
    last = np.subtract(shape, 1)
    return {tuple(np.clip(place, 0, last).tolist()) for place in places}


def _contrast(region: Mask, edges: Map) -> float:
    """How much of an edge lies along the rim of a region, 0 to 1."""
    within = np.asarray(ndimage.binary_erosion(region), bool)
    return float(edges[region & ~within].mean())
