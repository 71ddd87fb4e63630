"""`PlainUNetEngine`: the thesis's walk, whole slices and hard masks.

For networks of the family `slice_unet.plain`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from SlicePropagationLib.arrays import Anchors, Map, Probability, Slices
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.slice.plain_slices import normalise_volume
from SlicePropagationLib.networks.build import build_unet
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


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
    model_sha256: str

    def __init__(
        self,
        network: nn.Module,
        size: int,
        uses_prior: bool = True,
        device: str = "cpu",
    ):
        self.size = size
        self.uses_prior = uses_prior
        self.device = device
        # torch's types leave `memory_format` out.
        network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.network = network.eval()
        # the stack last walked and its slices, so that its labels and runs share them
        self._seen: SliceStack | None = None
        self._normalised: Slices | None = None

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Predict the slices of `run` outward from its anchor; as `propagation.Engine.walk`."""
        if not anchors[run.anchor].any():
            return
        images = self._images_of(stack)
        mask = self._resize(anchors[run.anchor].astype(np.float32), "nearest")
        for index in run.targets:
            image = self._resize(images[index], "bilinear")
            inputs = torch.cat([image, mask], dim=1) if self.uses_prior else image
            with torch.inference_mode():
                logits = self.network(inputs).float()
            mask = logits.argmax(dim=1, keepdim=True).float()
            whole = F.interpolate(
                logits,
                stack.slice_shape,
                mode="bilinear",
                align_corners=False,
            )
            yield whole.softmax(dim=1)[0, 1].cpu().numpy()

    def _images_of(self, stack: SliceStack) -> Slices:
        """(N, H, W) float32 intensities as the network knows them."""
        if self._normalised is None or self._seen is not stack:
            self._normalised = normalise_volume(stack.images)
            self._seen = stack
        return self._normalised

    def _resize(
        self,
        array: Map,
        mode: str,
    ) -> torch.Tensor:
        """(1, 1, size, size) of an (H, W) array."""
        tensor = torch.from_numpy(np.ascontiguousarray(array))[None, None].to(self.device)
        corners = None if mode == "nearest" else False
        return F.interpolate(
            tensor,
            (self.size, self.size),
            mode=mode,
            align_corners=corners,
        )


def make_plain(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> PlainUNetEngine:
    """The engine of a checkpoint of family slice_unet.plain."""
    config = checkpoint.config
    network = build_unet(config_from_dict(UNetConfig, config["network"]))
    fill_network(network, checkpoint, path)
    return PlainUNetEngine(network, config["size"], config["uses_prior"], device)
