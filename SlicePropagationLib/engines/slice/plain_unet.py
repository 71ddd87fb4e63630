"""`PlainUNetEngine`: the thesis's walk, whole slices and hard masks, for networks of the family `slice_unet.plain`."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.slice.plain_slices import normalise_volume
from SlicePropagationLib.networks.build import build_unet
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.config import UNetConfig


class PlainUNetEngine:
    """Gives the network a slice and the mask of the one before.

    The hard prediction goes into the next step.

    Args:
        network: a U-Net of one or two maps in, two maps out, with its weights.
        size: side of the grid that slices are resized to.
        uses_prior: whether the mask of the neighbour goes in.
        device: "cpu" or "cuda".
    """

    name = "slice_unet"

    def __init__(self, network, size, uses_prior=True, device="cpu"):
        self.size = size
        self.uses_prior = uses_prior
        self.device = device
        self.network = network.to(device, memory_format=torch.channels_last).eval()
        self._normalised = (
            None,
            None,
        )  # the stack last walked and its slices, so that its labels and runs share them

    def walk(self, stack, run, anchors):
        """Predict the slices of `run` outward from its anchor; see `engine.Engine.walk`."""
        if not anchors[run.anchor].any():
            return
        images = self._images_of(stack)
        mask = self._resize(
            anchors[run.anchor].astype(np.float32),
            (self.size, self.size),
            "nearest",
        )
        for index in run.targets:
            image = self._resize(images[index], (self.size, self.size), "bilinear")
            with torch.inference_mode():
                logits = self.network(
                    torch.cat([image, mask], dim=1) if self.uses_prior else image
                ).float()
            mask = logits.argmax(dim=1, keepdim=True).float()
            probability = F.interpolate(
                logits,
                stack.slice_shape,
                mode="bilinear",
                align_corners=False,
            ).softmax(dim=1)[0, 1]
            yield probability.cpu().numpy()

    def _images_of(self, stack):
        if self._normalised[0] is not stack:
            self._normalised = (stack, normalise_volume(stack.images))
        return self._normalised[1]

    def _resize(self, array, shape, mode):
        tensor = torch.from_numpy(np.ascontiguousarray(array))[None, None].to(self.device)
        return F.interpolate(
            tensor,
            shape,
            mode=mode,
            **({} if mode == "nearest" else {"align_corners": False}),
        )


def make_plain(checkpoint: Checkpoint, path: Path, device: str) -> PlainUNetEngine:
    """The engine of a checkpoint of family slice_unet.plain."""
    config = checkpoint.config
    network = build_unet(config_from_dict(UNetConfig, config["network"]))
    fill_network(network, checkpoint, path)
    return PlainUNetEngine(network, config["size"], config["uses_prior"], device)
