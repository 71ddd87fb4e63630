"""`SliceUNetEngine`: walks with a trained U-Net that corrects what registration predicts.

The network sees a slice, the mask of its neighbour and what registration says.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from SlicePropagationLib.arrays import Anchors, Map, Probability
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.distance import probability_of
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.network_inputs import (
    MAX_LOG_ODDS,
    REGISTRATION,
    NetworkInputs,
    network_inputs,
)
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.orientation import Turn
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack

logger = logging.getLogger(__name__)
# Log odds lost per radius walked beyond the end that registration believes in. Without it some
# structures of a brain leak; on a sample of `val` 0, 0.5 and 2 were tried, and 0.5 had the best
# mean.
ENDING = 0.5
MAX_STRIDE = 1.0  # radii; what the continuation bias adds grows no further
# How much of the network's change counts. Registration knows the most where annotated slices
# enclose the slice; and every annotated slice tells it more of how the structure closes. On `val`
# of the three sets that may be tuned on, 0, .25, .35, .5, .6, .75 and 1 were tried within a gap;
# with 1 more annotated slices helped the network less than they helped registration. Beyond the
# outermost ones it is the inverse of their number: with its root, long structures of OpenKBP lost
# .015 at five slices spaced evenly, and nothing else gained more than .002.
TRUST_IN_GAP = 0.35


class SliceUNetEngine:
    """Predicts slice after slice; the soft mask of a slice goes into the next one.

    The network works on a few cells and says how the odds of the registration change; only that
    change is spread over the pixels, so that a large structure keeps the outline that registration
    knows at full resolution.

    Args:
        network: a GuidedUNet with its weights.
        device: "cpu" or "cuda".
    """

    name = "slice_unet"
    model_sha256: str

    def __init__(
        self,
        network: GuidedUNet,
        device: str = "cpu",
    ):
        self._registration = RegistrationEngine()
        self._move(network, device)

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Predict the slices of `run` outward from its anchor.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability; nothing from an empty anchor.
        """
        found = anchors[run.anchor]
        top = 0
        left = 0
        trust = TRUST_IN_GAP
        continuation_bias = 0.0
        if None in gap_of(run.targets[0], anchors):
            trust = _trust(anchors)
            continuation_bias = self.network.config.continuation_bias
        turn = Turn.upright(stack.towards) if self.network.config.is_upright else Turn()
        for inputs in network_inputs(stack, run, anchors, self.network.config.cells):
            mask = inputs.roi.sample(found, top, left)
            change = self._predict(inputs, mask, turn)
            change, top, left = inputs.roi.spread(change, stack.slice_shape)
            rows = slice(top, top + change.shape[0])
            columns = slice(left, left + change.shape[1])
            change = change + continuation_bias * min(inputs.stride, MAX_STRIDE)
            odds = inputs.log_odds[rows, columns] + trust * change - ENDING * inputs.past_end
            found = probability_of(odds, 1.0)
            probability = np.zeros(stack.slice_shape, np.float32)
            probability[rows, columns] = found
            yield probability

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: tuple[int, int],
        anchors: Anchors,
    ) -> Probability:
        """The walks of a gap weighed by how near their anchors are.

        With the interpolated shape where they disagree, as `RegistrationEngine.blend`.
        """
        return self._registration.blend(stack, index, forward, backward, gap, anchors)

    def presence(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[float] | None:
        """As `RegistrationEngine.presence`."""
        return self._registration.presence(stack, run, anchors)

    def _predict(
        self,
        inputs: NetworkInputs,
        mask: Map,
        turn: Turn,
    ) -> Map:
        """By how much the log odds of the registration are wrong, (size, size) float32.

        Args:
            inputs: the slice as the network sees it.
            mask: (size, size) soft mask of its neighbour on the same cells.
            turn: what brings both the way the network has learnt to see slices.
        """
        try:
            return self._run_network(inputs, mask, turn)
        except torch.cuda.OutOfMemoryError:
            logger.warning("The GPU has no memory left; the propagation goes on with the CPU.")
            torch.cuda.empty_cache()
            self._move(self.network, "cpu")
            return self._run_network(inputs, mask, turn)

    def _run_network(
        self,
        inputs: NetworkInputs,
        mask: Map,
        turn: Turn,
    ) -> Map:
        arrays = (turn.of(inputs.maps), inputs.scalar_features, turn.of(mask[None]))
        tensors = [
            torch.from_numpy(np.ascontiguousarray(values[None])).to(self.device)
            for values in arrays
        ]
        is_half = self.device == "cuda"
        with torch.inference_mode(), torch.autocast(self.device, enabled=is_half):
            logits = self.network(*tensors)
        log_odds = turn.back((logits[0, 1] - logits[0, 0]).float().cpu().numpy())
        return log_odds - MAX_LOG_ODDS * inputs.maps[REGISTRATION]

    def _move(
        self,
        network: GuidedUNet,
        device: str,
    ) -> None:
        self.device = device
        # torch's types leave `memory_format` out.
        network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.network = network.eval()


def _trust(anchors: Anchors) -> float:
    """Share in (0, 1] of the network's change beyond the outermost annotated slices.

    1 from the only one, less the more of them there are.
    """
    # A NumPy number where there are several, so that odds are added up in float64.
    num_shown = sum(mask.any() for mask in anchors.values())
    return 1.0 / max(1, num_shown)


def make_guided(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> SliceUNetEngine:
    """The engine of a checkpoint of family slice_unet.guided."""
    network = GuidedUNet(config_from_dict(GuidedUNetConfig, checkpoint.config["network"]))
    return SliceUNetEngine(fill_network(network, checkpoint, path), device)
