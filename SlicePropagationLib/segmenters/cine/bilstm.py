"""`CineBiLSTMSegmenter`: the recurrent cine model in use, overlapping windows averaged."""

from pathlib import Path

import numpy as np
import torch

from SlicePropagationLib.arrays import Labels, Slices
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.cine.bilstm import CineBiLSTM
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.segmenters.cine.frame_unet import grid_of, spread_labels
from SlicePropagationLib.segmenters.square_grid import SquareGrid
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.temporal_window import WindowConfig, window_around


class CineBiLSTMSegmenter:
    """Labels the frames of a sequence together, or the slices of a stack.

    Args:
        network: a CineBiLSTM with its weights.
        grid: the FrameGridConfig that it was trained with.
        window: the temporal window that it was trained with.
        device: "cpu" or "cuda".
    """

    family = "cine_bilstm"
    sees_time = True
    model_sha256: str

    def __init__(
        self,
        network: CineBiLSTM,
        grid: FrameGridConfig,
        window: WindowConfig,
        device: str = "cpu",
    ):
        self.network = network.to(device).eval()
        self.grid = grid
        self.window = window
        self.device = device

    def segment(self, stack: SliceStack) -> Labels:
        """(N, H, W) uint8 labels of a SliceStack; windows wrap around where it is cyclic."""
        grid, probabilities = self.probabilities(stack)
        return spread_labels(probabilities, grid, stack.slice_shape)

    def probabilities(self, stack: SliceStack) -> tuple[SquareGrid, np.ndarray]:
        """What the windows about all frames say, averaged with the weights of training.

        Returns:
            The SquareGrid, and (N, C, S, S) float32 on it.
        """
        grid = self.grid.grid(stack.slice_shape, stack.spacing_mm[1:])
        images = grid.sample(self.grid.normalise(stack.images))
        features = self._features(images)
        count = len(images)
        num_classes = self.network.config.unet.out_channels
        totals = np.zeros((count, num_classes, *grid.shape), np.float32)
        weights = np.zeros(count)
        for centre in range(count):
            frames, shares = window_around(centre, count, self.window, is_cyclic=stack.is_cyclic)
            found = self._recur(features[frames])
            # a window longer than the cycle meets a frame twice
            for frame, share, probability in zip(frames, shares, found, strict=True):
                totals[frame] += np.float32(share) * probability
                weights[frame] += share
        return grid, totals / weights.astype(np.float32)[:, None, None, None]

    def _features(self, images: Slices) -> torch.Tensor:
        """(N, C, S, S): what the U-Net makes of each frame, once for all windows."""
        with torch.inference_mode():
            found = [self.network.unet.features(self._tensor(image)) for image in images]
            return torch.cat(found)

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        """(1, 1, S, S) of an (S, S) image."""
        return torch.from_numpy(image)[None, None].to(self.device)

    def _recur(self, features: torch.Tensor) -> np.ndarray:
        """(T, C, S, S) float32 probabilities of the frames of a window, from their features."""
        with torch.inference_mode():
            logits = self.network.recur(features[None]).float()
            return logits.softmax(dim=2)[0].cpu().numpy()


def make_cine_bilstm(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> CineBiLSTMSegmenter:
    """The segmenter of a checkpoint of family cine_bilstm."""
    network = CineBiLSTM(config_from_dict(CineBiLSTMConfig, checkpoint.config["network"]))
    window = config_from_dict(WindowConfig, checkpoint.config["frames"]["window"])
    fill_network(network, checkpoint, path)
    return CineBiLSTMSegmenter(network, grid_of(checkpoint), window, device)
