"""The U-Net that the pancreas paper compares with, and the choice among its networks.

It is a network of one output, from scratch instead of fine-tuned.
"""

from torch import Tensor, nn

from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.pnet.config import PNetConfig
from SlicePropagationLib.networks.pnet.pnet import HNN, PNet
from SlicePropagationLib.networks.unet import UNet


class SingleOutputUNet(nn.Module):
    """U-Net with the interface of the networks that have several outputs.

    Args:
        config: a PNetConfig.
    """

    def __init__(self, config: PNetConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(UNetConfig(config.in_channels, 1, config.num_units - 1, config.channels))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1, H, W) logits, as `pnet.SideOutputs.forward`."""
        return self.unet(images)

    def fuse(self, logits: Tensor) -> Tensor:
        """(B, H, W) probability."""
        return logits[:, 0].float().sigmoid()


NETWORKS = {
    "pnet_msa": PNet,
    "pnet": PNet,
    "hnn": HNN,
    "unet": SingleOutputUNet,
}


def build_pnet(config: PNetConfig) -> PNet | HNN | SingleOutputUNet:
    """The network that a PNetConfig describes."""
    return NETWORKS[config.architecture](config)
