"""`Track`: an annotated mask carried from slice to slice by composed registrations."""

from dataclasses import dataclass, field

import numpy as np

from SlicePropagationLib.engines.compute_grid import Grid
from SlicePropagationLib.engines.crop_window import Window
from SlicePropagationLib.engines.demons import DemonsConfig, register
from SlicePropagationLib.engines.distance import signed_distance


@dataclass(frozen=True)
class TrackConfig:
    """Where and how successive slices are registered.

    Attributes:
        demons: how two slices are registered.
        grid_points: points of the registration grid along its longer side, at most.
        margin: how far the window reaches beyond the mask, as a share of the mask's longer side,
        min_margin_pixels: and at least this far.
        clip_percentiles: intensities of the two slices, together, that become 0 and 1.
    """

    demons: DemonsConfig = field(default_factory=DemonsConfig)
    grid_points: int = 64
    margin: float = 0.8
    min_margin_pixels: int = 14
    clip_percentiles: tuple[float, float] = (5.0, 95.0)


@dataclass(frozen=True)
class _Step:
    """Where a trail stands on one slice: the window, its grid, and the displacement (2, h, w) back to the anchor slice, in its pixels."""

    window: Window
    grid: Grid
    displacement: np.ndarray


class Track:
    """The signed distance map of an anchor, warped once through all displacements walked so far.

    Steps are remembered with the stack: after a correction the walk from an anchor that stayed
        begins where it did before, and
    other walks of the same anchor (another engine's, a longer one) find it done.

    Args:
        stack, anchor, mask, config: the stack, the annotated slice, its (H, W) mask and a
            TrackConfig.
        register: what finds the displacement of two small images, called as `demons.register`.

    Attributes:
        index: the slice reached.
    """

    def __init__(self, stack, anchor, mask, config, register=register):
        self.stack = stack
        self.config = config
        self.index = anchor
        self._register = register
        window = self._window_around(*_corners(mask))
        self._anchor_grid = Grid(window.top, window.left, 1.0, window.shape)
        self._anchor_image = np.asarray(window.crop(stack.images[anchor]), np.float32)
        self._anchor_distance = signed_distance(window.crop(mask), stack.spacing_mm[1:])
        grid = Grid.over(window, config.grid_points)
        self._step = _Step(window, grid, np.zeros((2, *grid.shape), np.float32))
        self._path = (config, register, anchor, window, np.packbits(window.crop(mask)).tobytes())

    @property
    def window(self):
        """The part of the slice where the structure is looked for."""
        return self._step.window

    def step_to(self, index):
        """Register slice `index` with the last one, and move the window with the structure."""
        self._path += (index,)
        known = self.stack.cache.get(self._path)
        self._step = known or self._registered(index)
        if known is None:
            self.stack.cache.put(self._path, self._step, self._step.displacement.nbytes)
        self.index = index

    def _registered(self, index):
        window = self._step.window
        grid = self._step.grid
        moving, fixed = self._normalised(self.index, index)
        step = self._register(fixed, moving, self.config.demons) * np.float32(grid.pitch)
        displacement = step + _read_displacement(self._step, grid.points() + step)
        here = _Step(window, grid, displacement)
        inside = self._warped(self._anchor_distance, here) > 0
        if not inside.any():
            return here
        origin = np.array([grid.top, grid.left])
        window = self._window_around(
            *(origin + grid.pitch * np.array(corner) for corner in _corners(inside))
        )
        grid = Grid.over(window, self.config.grid_points)
        return _Step(window, grid, _read_displacement(here, grid.points()))

    def distance(self):
        """(h, w) float32 in `window`: signed distances to the carried outline, in millimetres, positive inside."""
        return self._step.grid.spread(self._warped(self._anchor_distance), self.window)

    def carried_image(self):
        """(h, w) float32 in `window`: the anchor slice, carried here."""
        return self._step.grid.spread(self._warped(self._anchor_image), self.window)

    def likeness(self, ring_mm):
        """Correlation of this slice with the warped anchor, inside the structure and up to `ring_mm` around it; in [-1, 1]."""
        near = self._warped(self._anchor_distance) > -ring_mm
        carried = self._warped(self._anchor_image)[near]
        image = self._step.grid.sample(self.stack.images[self.index])[near]
        if carried.size < 2:
            return 0.0
        carried = carried - carried.mean()
        image = image - image.mean()
        scale = float(np.sqrt((carried**2).sum() * (image**2).sum()))
        return float((carried * image).sum()) / scale if scale > 0 else 0.0

    def _normalised(self, *indices):
        """The slices on the grid, scaled together to about [0, 1]."""
        images = [self._step.grid.sample(self.stack.images[index]) for index in indices]
        low, high = np.percentile(np.stack(images), self.config.clip_percentiles)
        if high <= low:
            return [np.zeros_like(image) for image in images]
        return [
            np.clip((image - low) / (high - low), -0.2, 1.2).astype(np.float32) for image in images
        ]

    def _warped(self, anchor_values, step=None):
        """(h, w) values of the anchor's window at the points of the grid."""
        step = step or self._step
        return self._anchor_grid.read(anchor_values, step.grid.points() + step.displacement)

    def _window_around(self, first, last):
        longer = max(np.subtract(last, first)) + 1
        margin = max(self.config.min_margin_pixels, int(self.config.margin * longer))
        return Window.between(first, last, (margin, margin), self.stack.slice_shape)


def _read_displacement(step, points):
    return np.stack([step.grid.read(part, points) for part in step.displacement])


def _corners(mask):
    """First and last (row, column) of the box around a mask that is not empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return (rows[0], columns[0]), (rows[-1], columns[-1])
