"""`SliceUNetEngine`: walks with a trained U-Net that sees a slice, the mask of its neighbour and what registration says."""

import logging
from pathlib import Path

import numpy as np
import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.distance import probability_of
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.network_inputs import MAX_LOG_ODDS, REGISTRATION, guide
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.planning import gap_of

logger = logging.getLogger(__name__)
# Log odds lost per radius walked beyond the end that registration believes in. Without it some
# structures of a brain leak; on a
# sample of `val` 0, 0.5 and 2 were tried, and 0.5 had the best mean.
ENDING = 0.5
MAX_STRIDE = 1.0  # radii; what `going_on` adds grows no further
# How much of the network's change counts. Registration knows the most where annotated slices
# enclose the slice; and every annotated
# slice tells it more of how the structure closes. On `val` of the three sets that may be tuned on,
# 0, .25, .35, .5, .6, .75 and 1 were tried
# within a gap; with 1 more annotated slices helped the network less than they helped registration.
# Beyond the outermost ones it is the inverse of
# their number: with its root, long structures of OpenKBP lost .015 at five slices spaced evenly,
# and nothing else gained more than .002.
TRUST_IN_GAP = 0.35


class SliceUNetEngine:
    """Predicts slice after slice; the soft mask of a slice goes into the next one.

    The network works on a few cells and says how the odds of the registration change; only that
    change is spread over the
    pixels, so that a large structure keeps the outline that registration knows at full resolution.

    Args:
        network: a GuidedUNet with its weights.
        device: "cpu" or "cuda".
    """

    name = "slice_unet"

    def __init__(self, network, device="cpu"):
        self._registration = RegistrationEngine()
        self._move(network, device)

    def walk(self, stack, run, anchors):
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
        is_open = None in gap_of(run.targets[0], anchors)
        trust, going_on = (
            (_trust(anchors), self.network.config.going_on) if is_open else (TRUST_IN_GAP, 0.0)
        )
        for step in guide(stack, run, anchors, self.network.config.cells):
            mask = step.roi.sample(found, top, left)
            change, top, left = step.roi.spread(self._predict(step, mask), stack.slice_shape)
            here = slice(top, top + change.shape[0]), slice(left, left + change.shape[1])
            change = change + going_on * min(step.stride, MAX_STRIDE)
            found = probability_of(
                step.log_odds[here] + trust * change - ENDING * step.past_end,
                1.0,
            )
            probability = np.zeros(stack.slice_shape, np.float32)
            probability[here] = found
            yield probability

    def blend(self, stack, index, forward, backward, gap, anchors):
        """The walks of a gap weighed by how near their anchors are, with the interpolated shape where they disagree."""
        return self._registration.blend(stack, index, forward, backward, gap, anchors)

    def _predict(self, step, mask):
        """(size, size) float32 on the cells of a Guide: by how much the log odds of the registration are wrong."""
        try:
            return self._run_network(step, mask)
        except torch.cuda.OutOfMemoryError:
            logger.warning("The GPU has no memory left; the propagation goes on with the CPU.")
            torch.cuda.empty_cache()
            self._move(self.network, "cpu")
            return self._run_network(step, mask)

    def _run_network(self, step, mask):
        inputs = (
            torch.from_numpy(values[None]).to(self.device)
            for values in (step.maps, step.facts, mask[None])
        )
        with torch.inference_mode(), torch.autocast(self.device, enabled=self.device == "cuda"):
            logits = self.network(*inputs)
        log_odds = (logits[0, 1] - logits[0, 0]).float().cpu().numpy()
        return log_odds - MAX_LOG_ODDS * step.maps[REGISTRATION]

    def _move(self, network, device):
        self.device = device
        self.network = network.to(device, memory_format=torch.channels_last).eval()


def _trust(anchors):
    """Share in (0, 1] of the network's change beyond the outermost annotated slices: 1 from the only one, less the more of them there are."""
    return 1.0 / max(1, sum(mask.any() for mask in anchors.values()))


def make_guided(checkpoint: Checkpoint, path: Path, device: str) -> SliceUNetEngine:
    """The engine of a checkpoint of family slice_unet.guided."""
    network = GuidedUNet(config_from_dict(GuidedUNetConfig, checkpoint.config["network"]))
    return SliceUNetEngine(fill_network(network, checkpoint, path), device)
