"""`PNetSegmenter`: segments a volume without a seed, slice by slice.

With a network of the families `pnet` and `pnet_birnn`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.arrays import Labels, Probabilities, Slices, Spacing
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.pnet.birnn import BiRNN, PNetBiRNN
from SlicePropagationLib.networks.pnet.config import (
    BiRNNConfig,
    PNetConfig,
    RefinementConfig,
    SlicesConfig,
)
from SlicePropagationLib.networks.pnet.pnet import HNN, PNet
from SlicePropagationLib.networks.pnet.unet import SingleOutputUNet, build_pnet
from SlicePropagationLib.segmenters.parts import FoundSlices, expected_dice
from SlicePropagationLib.segmenters.pnet.abnormal_slices import abnormal_slices
from SlicePropagationLib.segmenters.pnet.neighbour_slices import (
    neighbour_indices,
    rescale_volume,
    resize_slices,
)
from SlicePropagationLib.stack import SliceStack

PRESENT = 0.5
SLICES_AT_ONCE = 8
REFINES_ALL = RefinementConfig()


class PNetSegmenter:
    """Says where the structure is that a network was trained on.

    Args:
        pnet: network of slices, with its weights.
        birnn: BiRNN with its weights, or None.
        slices: the SlicesConfig it was trained with.
        device: "cpu" or "cuda".
        refinement: which slices take what the BiRNN says.
    """

    sees_time = False
    model_sha256: str

    def __init__(
        self,
        pnet: PNet | HNN | SingleOutputUNet,
        birnn: BiRNN | None,
        slices: SlicesConfig,
        device: str = "cpu",
        refinement: RefinementConfig = REFINES_ALL,
    ):
        self.refinement = refinement
        self.family = "pnet_birnn" if birnn else "pnet"
        self.slices = slices
        self.device = device
        self.pnet = pnet.to(device).eval()
        self.birnn = birnn.to(device).eval() if birnn else None

    def segment(self, stack: SliceStack) -> Labels:
        """(N, H, W) uint8, the trained label where its probability is at least one half.

        As `segment_file.Segmenter`.
        """
        return next(self.parts(stack)).labels

    def parts(self, stack: SliceStack) -> Iterator[FoundSlices]:
        """The labels of a SliceStack and the trust in them, all at once: slices agree."""
        probability = self.probability(stack.images, stack.spacing_mm)
        is_inside = probability >= PRESENT
        label = self.slices.label or 1
        labels = np.where(is_inside, np.uint8(label), np.uint8(0))
        yield FoundSlices(0, labels, {label: expected_dice(probability, is_inside)})

    def probability(
        self,
        images: Slices,
        spacing_mm: Spacing = (1.0, 1.0, 1.0),
        *,
        uses_birnn: bool = True,
        refinement: RefinementConfig | None = None,
    ) -> Probabilities:
        """Probability of the structure on every slice.

        Args:
            images: (N, H, W) intensities, neighbouring slices along N.
            spacing_mm: along N, H, W; abnormal changes of shape are measured by it.
            uses_birnn: False for what the network of slices says alone.
            refinement: which slices take what the BiRNN says; None for what it was trained for.

        Returns:
            (N, H, W) float32.
        """
        grid = (self.slices.size, self.slices.size)
        small = resize_slices(rescale_volume(images, self.slices.window), grid)
        with torch.inference_mode():
            single = self._slice_by_slice(small)
            found = _resized(single, images)
            if not self.birnn or not uses_birnn:
                return found
            refined = _resized(self.birnn(single[None])[0], images)
        rule = refinement or self.refinement
        is_refined = abnormal_slices(found >= PRESENT, spacing_mm, rule)
        return np.where(is_refined[:, None, None], refined, found)

    def _slice_by_slice(self, small: torch.Tensor) -> torch.Tensor:
        """(N, size, size): what the network of slices says of (N, size, size) slices."""
        count = len(small)
        channels = self.pnet.config.in_channels
        around = neighbour_indices(torch.arange(count), channels, count)
        found = []
        for indices in around.split(SLICES_AT_ONCE):
            seen = small[indices].to(self.device)
            found.append(self.pnet.fuse(self.pnet(seen)))
        return torch.cat(found)


def _resized(probability: torch.Tensor, images: Slices) -> Probabilities:
    """(N, size, size) probability on the (N, H, W) grid of images."""
    whole = F.interpolate(
        probability[:, None],
        images.shape[1:],
        mode="bilinear",
        align_corners=False,
    )
    return whole[:, 0].cpu().numpy()


def make_pnet(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> PNetSegmenter:
    """The PNetSegmenter of a Checkpoint of family `pnet` or `pnet_birnn`.

    Raises:
        ConfigError, KeyError, TypeError: its configuration is not one of these families.
        CheckpointError: its weights do not fit.
    """
    config = checkpoint.config
    pnet = build_pnet(config_from_dict(PNetConfig, config["network"]))
    slices = config_from_dict(SlicesConfig, config["slices"])
    refinement = config_from_dict(RefinementConfig, config.get("refinement", {}))
    birnn = None
    whole = pnet
    if checkpoint.family == "pnet_birnn":
        birnn = BiRNN(config_from_dict(BiRNNConfig, config["birnn"]))
        whole = PNetBiRNN(pnet, birnn)
    fill_network(whole, checkpoint, path)
    return PNetSegmenter(pnet, birnn, slices, device, refinement)
