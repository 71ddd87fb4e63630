"""The T-L network as a segmenter: the shape that the code predicted from an image stands for.

Oktay et al. 2018, section III-C (Dice .734 there): a rough segmentation, because the code of 64
numbers is all that is left of the image.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.networks.acnn.autoencoder import TLNetwork
from SlicePropagationLib.networks.acnn.config import PlaceConfig, PredictorConfig
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.segmenters.acnn.fine_grid import normalise_linearly, place_in_image
from SlicePropagationLib.segmenters.acnn.shape_model import PREDICTOR
from SlicePropagationLib.stack import SliceStack


class TLSegmenter:
    """A predictor and the decoder of its code, applied to a grid in a stack.

    Args:
        network: a TLNetwork.
        labels: those that its classes 1, 2, ... stand for.
        place: where its grid lies; the `centre` is looked at.

    Attributes:
        family: of its checkpoints.
        labels: the labels that it finds.
    """

    family = PREDICTOR
    sees_time = False
    model_sha256: str

    def __init__(self, network: TLNetwork, labels: tuple[int, ...], place: PlaceConfig):
        self.network = network.eval().requires_grad_(False)
        self.labels = labels
        self.place = place
        self.grid = network.config.autoencoder.grid

    def segment(self, stack: SliceStack) -> Labels:
        """(N, H, W) uint8 labels of a SliceStack; background where the model's grid is not."""
        shape = (len(stack), *stack.slice_shape)
        placement = place_in_image(self.grid, shape, stack.spacing_mm, self.place)
        image = placement.read_image(normalise_linearly(stack.images))
        with torch.no_grad():
            logits = self.network(torch.from_numpy(image)[None, None])
        found = logits.softmax(dim=1)[0].numpy()
        maps = np.stack([placement.write_image(values, shape) for values in found])
        maps[0] = 1 - maps[1:].sum(axis=0)
        return np.array((0, *self.labels), np.uint8)[maps.argmax(axis=0)]


def make_tl(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> TLSegmenter:
    """The segmenter of a checkpoint of family acnn.predictor; it runs on the CPU."""
    values: dict[str, Any] = checkpoint.config
    network = TLNetwork(config_from_dict(PredictorConfig, values["network"]))
    fill_network(network, checkpoint, path)
    labels = tuple(int(label) for label in values["labels"])
    return TLSegmenter(network, labels, config_from_dict(PlaceConfig, values.get("place", {})))
