"""`PureWarpEngine`: VoxelMorph's field alone, from the annotated slice straight to each target.

The pseudo-labels of the label-propagation paper on M&Ms (section "Methods"): the network registers
the annotated frame with another one, and the label map is warped by that field. Nothing else has a
say: no intensities, no ends, no window about the structure, and fields are not composed.
"""

from collections.abc import Iterator

import numpy as np

from SlicePropagationLib.arrays import Anchors, Map, Probability
from SlicePropagationLib.engines.compute_grid import ComputeGrid
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.demons import DemonsConfig
from SlicePropagationLib.engines.registration.voxelmorph import VoxelMorphEngine
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import Engine
from SlicePropagationLib.stack import SliceStack

GRID_POINTS = 256  # of a slice's longer side: the whole slice is registered
CLIP_PERCENTILES = (1.0, 99.0)  # of both slices together, which become 0 and 1
UNUSED = DemonsConfig()


class PureWarpEngine:
    """Warps the annotated mask by one field of a network for each target.

    Args:
        engine: the engine whose network finds the fields.

    Attributes:
        model_sha256: hash of its weights.
    """

    name = "voxelmorph-warp"

    def __init__(self, engine: VoxelMorphEngine):
        self.engine = engine
        self.model_sha256 = engine.model_sha256

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """As `propagation.Engine.walk`; only the run's own anchor is used."""
        window = CropWindow(0, 0, *stack.slice_shape)
        mask = np.asarray(anchors[run.anchor], np.float32)
        for index in run.targets:
            yield self._warped(stack, run.anchor, index, mask, window)

    def _warped(
        self,
        stack: SliceStack,
        anchor: int,
        target: int,
        mask: Map,
        window: CropWindow,
    ) -> Probability:
        """(H, W) mask of the anchor slice, read linearly where each pixel of the target is from."""
        grid = ComputeGrid.over(window, GRID_POINTS)
        seen = [grid.sample(stack.images[index]) for index in (anchor, target)]
        moving, fixed = _normalised(*seen)
        register = self.engine.register_on(stack)
        field = register(fixed, moving, UNUSED) * np.float32(grid.pitch)
        pixels = ComputeGrid.on_pixels(window)
        displacement = np.stack([grid.spread(part, window) for part in field])
        return np.clip(pixels.places(pixels.points() + displacement).read(mask), 0, 1)


def as_pure_warp(engine: Engine) -> PureWarpEngine:
    """The pure warp of an engine's network.

    Raises:
        ConfigError: it has no VoxelMorph.
    """
    if not isinstance(engine, VoxelMorphEngine):
        raise ConfigError(
            f"The engine {engine.name} has no network whose field could be taken alone; choose"
            " voxelmorph, or weights of `train registration`."
        )
    return PureWarpEngine(engine)


def _normalised(*images: Map) -> list[Map]:
    """The slices, scaled together to [0, 1]."""
    low, high = np.percentile(np.stack(images), CLIP_PERCENTILES)
    scale = max(float(high - low), 1e-6)
    return [np.clip((image - low) / scale, 0, 1).astype(np.float32) for image in images]
