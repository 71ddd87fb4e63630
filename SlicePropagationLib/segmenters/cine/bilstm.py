"""The recurrent cine model in use: overlapping windows averaged, as a segmenter and as an engine that keeps to what a person drew."""

import numpy as np
import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.checkpoint import fill_network
from SlicePropagationLib.networks.cine.bilstm import CineBiLSTM
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig
from SlicePropagationLib.segmenters.cine.frame_unet import grid_of, spread_labels
from SlicePropagationLib.temporal_window import WindowConfig, window_around

MAX_LOG_ODDS = 8.0  # what a drawn pixel counts as; beyond, a float32 sigmoid is all but constant


class CineBiLSTMSegmenter:
    """Labels the frames of a sequence together, or the slices of a stack.

    Args:
        network: a CineBiLSTM with its weights.
        grid: the FrameGridConfig, window: the WindowConfig that it was trained with.
        device: "cpu" or "cuda".
    """

    family = "cine_bilstm"
    sees_time = True

    def __init__(self, network, grid, window, device="cpu"):
        self.network = network.to(device).eval()
        self.grid = grid
        self.window = window
        self.device = device

    def segment(self, stack):
        """(N, H, W) uint8 labels of a SliceStack; windows wrap around where it is cyclic."""
        grid, probabilities = self.probabilities(stack)
        return spread_labels(probabilities, grid, stack.slice_shape)

    def probabilities(self, stack):
        """(the SquareGrid, (N, C, S, S) float32): the windows about all frames, averaged with the weights of training."""
        grid = self.grid.grid(stack.slice_shape, stack.spacing_mm[1:])
        images = grid.sample(self.grid.normalise(stack.images))
        features = self._features(images)
        totals = 0.0
        weights = np.zeros(len(images))
        for centre in range(len(images)):
            frames, counts = window_around(
                centre,
                len(images),
                self.window,
                is_cyclic=stack.is_cyclic,
            )
            found = self._recur(features[frames])
            totals = totals if centre else np.zeros((len(images), *found.shape[1:]), np.float32)
            for place, frame in enumerate(
                frames
            ):  # a window longer than the cycle meets a frame twice
                totals[frame] += np.float32(counts[place]) * found[place]
                weights[frame] += counts[place]
        return grid, totals / weights.astype(np.float32)[:, None, None, None]

    def _features(self, images):
        """(N, C, S, S): what the U-Net makes of each frame, once for all windows."""
        with torch.inference_mode():
            return torch.cat(
                [
                    self.network.unet.features(torch.from_numpy(image)[None, None].to(self.device))
                    for image in images
                ]
            )

    def _recur(self, features):
        with torch.inference_mode():
            return self.network.recur(features[None]).float().softmax(dim=2)[0].cpu().numpy()


class CineBiLSTMEngine:
    """Propagates with the recurrent model: label l is its class l.

    The model sees no mask. What it says is clamped to what was drawn: by how much its log odds were
    wrong on an annotated frame is added to
    the frames around it, fading linearly over the radius of the window, so that a correction
    matters to its neighbours.

    Args:
        segmenter: a CineBiLSTMSegmenter.
    """

    name = "cine_bilstm"

    def __init__(self, segmenter):
        self.segmenter = segmenter
        self._found = (
            None,
            None,
        )  # the stack last seen and what the model says of it, which all labels and walks share

    def walk(self, stack, run, anchors):
        """Predict the slices of `run`.

        See `engine.Engine.walk`. ConfigError where the model does not know the label.
        """
        if self._found[0] is not stack:
            self._found = (stack, self.segmenter.probabilities(stack))
        grid, probabilities = self._found[1]
        if run.label >= probabilities.shape[1]:
            raise ConfigError(
                f"The model knows labels 1 to {probabilities.shape[1] - 1}, label {run.label} is to"
                " be propagated; renumber it, or use another engine."
            )

        def log_odds_of(frame):
            probability = np.clip(
                grid.spread(probabilities[frame, run.label][None], stack.slice_shape)[0],
                1e-6,
                1 - 1e-6,
            )
            return np.clip(np.log(probability / (1 - probability)), -MAX_LOG_ODDS, MAX_LOG_ODDS)

        wrong = {
            frame: np.where(mask, MAX_LOG_ODDS, -MAX_LOG_ODDS) - log_odds_of(frame)
            for frame, mask in anchors.items()
        }
        for frame in run.targets:
            shares = {anchor: self._share(frame, anchor, stack) for anchor in wrong}
            change = sum(share * wrong[anchor] for anchor, share in shares.items()) / max(
                1.0,
                sum(shares.values()),
            )
            yield (1 / (1 + np.exp(-(log_odds_of(frame) + change)))).astype(np.float32)

    def _share(self, frame, anchor, stack):
        """How much a frame is corrected as an anchor was: 1 on the anchor itself, 0 from the radius of the window on."""
        apart = abs(frame - anchor)
        apart = min(apart, len(stack) - apart) if stack.is_cyclic else apart
        return max(0.0, 1 - apart / self.segmenter.window.radius)


def make_cine_bilstm(checkpoint, path, device):
    """The segmenter of a checkpoint of family cine_bilstm."""
    network = CineBiLSTM(config_from_dict(CineBiLSTMConfig, checkpoint.config["network"]))
    window = config_from_dict(WindowConfig, checkpoint.config["frames"]["window"])
    return CineBiLSTMSegmenter(
        fill_network(network, checkpoint, path),
        grid_of(checkpoint),
        window,
        device,
    )
