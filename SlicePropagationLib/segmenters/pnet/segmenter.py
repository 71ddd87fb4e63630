"""`PNetSegmenter`: segments a volume without a seed, slice by slice, with a network of the families `pnet` and `pnet_birnn`."""

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.checkpoint import fill_network
from SlicePropagationLib.networks.pnet.birnn import BiRNN, PNetBiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig, PNetConfig, SlicesConfig
from SlicePropagationLib.networks.pnet.unet import build_pnet
from SlicePropagationLib.segmenters.pnet.neighbour_slices import (
    neighbour_indices,
    rescale_volume,
    resize_slices,
)

PRESENT = 0.5
SLICES_AT_ONCE = 8


class PNetSegmenter:
    """Says where the structure is that a network was trained on.

    Args:
        pnet: network of slices, with its weights.
        birnn: BiRNN with its weights, or None.
        slices: the SlicesConfig it was trained with.
        device: "cpu" or "cuda".
    """

    sees_time = False

    def __init__(self, pnet, birnn, slices, device="cpu"):
        self.family = "pnet_birnn" if birnn else "pnet"
        self.slices = slices
        self.device = device
        self.pnet = pnet.to(device).eval()
        self.birnn = birnn.to(device).eval() if birnn else None

    def segment(self, stack):
        """(N, H, W) uint8, the trained label where its probability is at least one half.

        See `segment.Segmenter`.
        """
        return np.where(
            self.probability(stack.images) >= PRESENT,
            np.uint8(self.slices.label or 1),
            np.uint8(0),
        )

    def probability(self, images, *, uses_birnn=True):
        """Probability of the structure on every slice.

        Args:
            images: (N, H, W) intensities, neighbouring slices along N.
            uses_birnn: False for what the network of slices says alone.

        Returns:
            (N, H, W) float32.
        """
        grid = (self.slices.size, self.slices.size)
        small = resize_slices(rescale_volume(images, self.slices.window), grid)
        around = neighbour_indices(
            torch.arange(len(small)),
            self.pnet.config.in_channels,
            len(small),
        )
        with torch.inference_mode():
            found = torch.cat(
                [
                    self.pnet.fuse(self.pnet(small[indices].to(self.device)))
                    for indices in around.split(SLICES_AT_ONCE)
                ]
            )
            if self.birnn and uses_birnn:
                found = self.birnn(found[None])[0]
            return (
                F.interpolate(
                    found[:, None],
                    images.shape[1:],
                    mode="bilinear",
                    align_corners=False,
                )[:, 0]
                .cpu()
                .numpy()
            )


def make_pnet(checkpoint, path, device):
    """The PNetSegmenter of a Checkpoint of family `pnet` or `pnet_birnn`.

    Raises:
        ConfigError, KeyError, TypeError: its configuration is not one of these families.
        CheckpointError: its weights do not fit.
    """
    config = checkpoint.config
    pnet = build_pnet(config_from_dict(PNetConfig, config["network"]))
    slices = config_from_dict(SlicesConfig, config["slices"])
    birnn = (
        BiRNN(config_from_dict(BiRNNConfig, config["birnn"]))
        if checkpoint.family == "pnet_birnn"
        else None
    )
    fill_network(PNetBiRNN(pnet, birnn) if birnn else pnet, checkpoint, path)
    return PNetSegmenter(pnet, birnn, slices, device)
