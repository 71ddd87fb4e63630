"""`CineBiLSTMSegmenter`: the recurrent cine model in use, overlapping windows averaged."""

import numpy as np
import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.checkpoint import fill_network
from SlicePropagationLib.networks.cine.bilstm import CineBiLSTM
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig
from SlicePropagationLib.segmenters.cine.frame_unet import grid_of, spread_labels
from SlicePropagationLib.temporal_window import WindowConfig, window_around


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
