"""`CineBiLSTMEngine`: the recurrent cine model, kept to what a person drew."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from SlicePropagationLib.arrays import Anchors, Map, Probabilities, Probability
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.checkpoint import Checkpoint
from SlicePropagationLib.planning import Run
from SlicePropagationLib.segmenters.cine import bilstm
from SlicePropagationLib.segmenters.cine.bilstm import CineBiLSTMSegmenter
from SlicePropagationLib.segmenters.square_grid import SquareGrid
from SlicePropagationLib.stack import SliceStack

MAX_LOG_ODDS = 8.0  # what a drawn pixel counts as; beyond, a float32 sigmoid is all but constant
LEAST = 1e-6  # no probability is nearer to 0 or 1 when its log odds are asked for


class CineBiLSTMEngine:
    """Propagates with the recurrent model: label l is its class l.

    The model sees no mask. What it says is clamped to what was drawn: by how much its log odds were
    wrong on an annotated frame is added to the frames around it, fading linearly over the radius of
    the window, so that a correction matters to its neighbours.

    Args:
        segmenter: a CineBiLSTMSegmenter.
    """

    name = "cine_bilstm"
    model_sha256: str

    def __init__(self, segmenter: CineBiLSTMSegmenter):
        self.segmenter = segmenter
        # the stack last seen and what the model says of it, which all labels and walks share
        self._seen: SliceStack | None = None
        self._found: tuple[SquareGrid, np.ndarray] | None = None

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Predict the slices of `run`.

        Arguments and yields as in `propagation.Engine.walk`.

        Raises:
            ConfigError: the model does not know the label.
        """
        log_odds = self._log_odds_of(stack, run.label)
        wrong = {
            frame: np.where(mask, MAX_LOG_ODDS, -MAX_LOG_ODDS) - log_odds.at(frame)
            for frame, mask in anchors.items()
        }
        for frame in run.targets:
            change = self._correction(frame, wrong, stack)
            corrected = log_odds.at(frame) + change
            yield (1 / (1 + np.exp(-corrected))).astype(np.float32)

    def _log_odds_of(
        self,
        stack: SliceStack,
        label: int,
    ) -> "_LogOdds":
        if self._found is None or self._seen is not stack:
            self._found = self.segmenter.probabilities(stack)
            self._seen = stack
        grid, probabilities = self._found
        num_classes = probabilities.shape[1]
        if label >= num_classes:
            raise ConfigError(
                f"The model knows labels 1 to {num_classes - 1}, label {label} is to be"
                " propagated; renumber it, or use another engine."
            )
        return _LogOdds(grid, probabilities[:, label], stack.slice_shape)

    def _correction(
        self,
        frame: int,
        wrong: dict[int, np.ndarray],
        stack: SliceStack,
    ):
        """(H, W) log odds to add on a frame: how wrong the anchors around it were."""
        shares = {anchor: self._share(frame, anchor, stack) for anchor in wrong}
        total = sum(share * wrong[anchor] for anchor, share in shares.items())
        return total / max(1.0, sum(shares.values()))

    def _share(
        self,
        frame: int,
        anchor: int,
        stack: SliceStack,
    ) -> float:
        """How much a frame is corrected as an anchor was.

        1 on the anchor itself, 0 from the radius of the window on.
        """
        apart = abs(frame - anchor)
        if stack.is_cyclic:
            apart = min(apart, len(stack) - apart)
        return max(0.0, 1 - apart / self.segmenter.window.radius)


class _LogOdds:
    """What the model says of one label, as log odds on the pixels of the slices."""

    def __init__(
        self,
        grid: SquareGrid,
        probabilities: Probabilities,
        slice_shape,
    ):
        self._grid = grid
        self._probabilities = probabilities
        self._slice_shape = slice_shape

    def at(self, frame: int) -> Map:
        """(H, W) log odds within MAX_LOG_ODDS."""
        spread = self._grid.spread(self._probabilities[frame][None], self._slice_shape)[0]
        probability = np.clip(spread, LEAST, 1 - LEAST)
        return np.clip(np.log(probability / (1 - probability)), -MAX_LOG_ODDS, MAX_LOG_ODDS)


def make_cine_bilstm(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> CineBiLSTMEngine:
    """The engine of a checkpoint of family cine_bilstm."""
    return CineBiLSTMEngine(bilstm.make_cine_bilstm(checkpoint, path, device))
