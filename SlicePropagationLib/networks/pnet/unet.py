"""The U-Net that the pancreas paper compares with, as a network of one output, from scratch instead of fine-tuned; and the choice among its networks."""

from torch import nn

from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.pnet.pnet import HNN, PNet
from SlicePropagationLib.networks.unet import UNet


class SingleOutputUNet(nn.Module):
    """U-Net with the interface of the networks that have several outputs.

    Args:
        config: a PNetConfig.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.unet = UNet(UNetConfig(config.in_channels, 1, config.num_units - 1, config.channels))

    def forward(self, images):
        """(B, 1, H, W) logits, as `pnet.SideOutputs.forward`."""
        return self.unet(images)

    def fuse(self, logits):
        """(B, H, W) probability."""
        return logits[:, 0].float().sigmoid()


NETWORKS = {"pnet_msa": PNet, "pnet": PNet, "hnn": HNN, "unet": SingleOutputUNet}


def build_pnet(config):
    """The network that a PNetConfig describes."""
    return NETWORKS[config.architecture](config)
