"""Networks from their configurations."""

from torch import nn

from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.slice.residual_unet import ResidualUNet
from SlicePropagationLib.networks.unet import UNet


def build_unet(config: UNetConfig) -> nn.Module:
    """The network that a UNetConfig describes."""
    return ResidualUNet(config) if config.is_residual else UNet(config)
