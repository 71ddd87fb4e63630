"""`WarpedAnchor`: an annotated mask warped from slice to slice by composed registrations."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from SlicePropagationLib.arrays import Displacement, Map, Mask, Points
from SlicePropagationLib.engines.bilinear import Places
from SlicePropagationLib.engines.compute_grid import ComputeGrid
from SlicePropagationLib.engines.crop_window import Corner, CropWindow, corners_of
from SlicePropagationLib.engines.demons import DemonsConfig, Register, register
from SlicePropagationLib.engines.distance import signed_distance
from SlicePropagationLib.stack import SliceStack


@dataclass(frozen=True)
class WarpedAnchorConfig:
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
    """Where a warped anchor stands on one slice.

    Attributes:
        window: the part of the slice where the structure is looked for.
        grid: the points of the window where displacements are known.
        displacement: (2, h, w) back to the anchor slice, in its pixels.
    """

    window: CropWindow
    grid: ComputeGrid
    displacement: Displacement

    def displacement_at(self, points: Points) -> Displacement:
        """(2, ...) displacement read linearly at (2, ...) points of the slice."""
        places = self.grid.places(points)
        return np.stack([places.read(part) for part in self.displacement])

    def anchor_points(self) -> Points:
        """(2, h, w) points of the anchor slice that the points of the grid come from."""
        return self.grid.points() + self.displacement


class WarpedAnchor:
    """The signed distance map of an anchor, warped once through all displacements walked so far.

    Steps are remembered with the stack: after a correction the walk from an anchor that stayed
    begins where it did before, and other walks of the same anchor (another engine's, a longer one)
    find it done.

    Args:
        stack: the SliceStack.
        anchor: index of the annotated slice.
        mask: (H, W) bool, what was annotated there; not empty.
        config: a WarpedAnchorConfig.
        register: what finds the displacement of two small images, called as `demons.register`.

    Attributes:
        index: the slice reached.
    """

    def __init__(
        self,
        stack: SliceStack,
        anchor: int,
        mask: Mask,
        config: WarpedAnchorConfig,
        register: Register = register,
    ):
        self.stack = stack
        self.config = config
        self.index = anchor
        self._register = register
        window = self._window_around(*corners_of(mask))
        self._anchor_grid = ComputeGrid.on_pixels(window)
        self._anchor_image = np.asarray(window.crop(stack.images[anchor]), np.float32)
        self._anchor_distance = signed_distance(window.crop(mask), stack.spacing_mm[1:])
        grid = ComputeGrid.over(window, config.grid_points)
        self._step: _Step = _Step(window, grid, np.zeros((2, *grid.shape), np.float32))
        packed_mask = np.packbits(window.crop(mask)).tobytes()
        self._path: tuple = (config, register, anchor, window, packed_mask)
        self._stand()

    @property
    def window(self) -> CropWindow:
        """The part of the slice where the structure is looked for."""
        return self._step.window

    def step_to(self, index: int) -> None:
        """Register slice `index` with the last one, and move the window with the structure."""
        self._path += (index,)
        step = self.stack.cache.get(self._path)
        if step is None:
            step = self._registered(index)
            self.stack.cache.put(self._path, step, step.displacement.nbytes)
        self._step = step
        self.index = index
        self._stand()

    def _stand(self) -> None:
        """Forget what was found out about the slice before."""
        self._places: Places | None = None
        self._found: dict[str, Map] = {}

    def distance(self) -> Map:
        """(h, w) float32 in `window`, read-only: signed distances to the warped outline.

        In millimetres, positive inside.
        """
        return self._once("distance", lambda: self._spread(self._warped_distance()))

    def image(self) -> Map:
        """(h, w) float32 in `window`, read-only: the anchor slice, warped here."""
        return self._once("image", lambda: self._spread(self._warped_image()))

    def likeness(self, ring_mm: float) -> float:
        """Correlation of this slice with the warped anchor, in [-1, 1].

        Args:
            ring_mm: how far around the structure pixels count.
        """
        near = self._warped_distance() > -ring_mm
        warped = self._warped_image()[near]
        return _correlation(warped, self._image_here()[near])

    def _warped_distance(self) -> Map:
        """(h, w) signed distances at the points of the grid."""
        return self._once("warped distance", lambda: self._warped(self._anchor_distance))

    def _warped_image(self) -> Map:
        """(h, w) intensities of the anchor slice at the points of the grid."""
        return self._once("warped image", lambda: self._warped(self._anchor_image))

    def _image_here(self) -> Map:
        """(h, w) intensities of this slice at the points of the grid."""
        grid = self._step.grid
        return self._once("image here", lambda: grid.sample(self.stack.images[self.index]))

    def _once(self, name: str, find: Callable[[], Map]) -> Map:
        """What is asked for several times on a slice, found out once."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = find()
            found.flags.writeable = False
        return found

    def _spread(self, values: Map) -> Map:
        return self._step.grid.spread(values, self.window)

    def _registered(self, index: int) -> _Step:
        """The step to a slice, its window about the structure there."""
        window = self._step.window
        grid = self._step.grid
        moving, fixed = self._normalised(self._image_here(), grid.sample(self.stack.images[index]))
        moved = self._register(fixed, moving, self.config.demons) * np.float32(grid.pitch)
        displacement = moved + self._step.displacement_at(grid.points() + moved)
        here = _Step(window, grid, displacement)
        inside = self._warped(self._anchor_distance, here) > 0
        if not inside.any():
            return here
        origin = np.array([grid.top, grid.left])
        first, last = corners_of(inside)
        window = self._window_around(
            origin + grid.pitch * np.array(first),
            origin + grid.pitch * np.array(last),
        )
        grid = ComputeGrid.over(window, self.config.grid_points)
        return _Step(window, grid, here.displacement_at(grid.points()))

    def _normalised(self, *images: Map) -> list[Map]:
        """Slices on the grid, scaled together to about [0, 1]."""
        low, high = np.percentile(np.stack(images), self.config.clip_percentiles)
        if high <= low:
            return [np.zeros_like(image) for image in images]
        scaled = [(image - low) / (high - low) for image in images]
        return [np.clip(image, -0.2, 1.2).astype(np.float32) for image in scaled]

    def _warped(
        self,
        anchor_values: Map,
        step: _Step | None = None,
    ) -> Map:
        """(h, w) values of the anchor's window at the points of the grid."""
        if step is not None:
            return self._anchor_grid.places(step.anchor_points()).read(anchor_values)
        if self._places is None:
            self._places = self._anchor_grid.places(self._step.anchor_points())
        return self._places.read(anchor_values)

    def _window_around(
        self,
        first: Corner,
        last: Corner,
    ) -> CropWindow:
        longer = max(np.subtract(last, first)) + 1
        margin = max(self.config.min_margin_pixels, int(self.config.margin * longer))
        return CropWindow.between(first, last, (margin, margin), self.stack.slice_shape)


def _correlation(one: Map, other: Map) -> float:
    """Correlation of two rows of numbers; 0 where one of them is constant or too short."""
    if one.size < 2:
        return 0.0
    one = one - one.mean()
    other = other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
