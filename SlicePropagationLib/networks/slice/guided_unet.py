"""A U-Net that starts at what registration predicts and learns where that is wrong.

Own design, after the notes "let the network predict a residual on a geometric prior" (iterative
label refinement of propagated masks goes back to Khoreva et al., MaskTrack, CVPR 2017). Its last
layer starts at zero, so an untrained network is the prior.
"""

import torch
from torch import Tensor, nn

from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.unet import UNet


class GuidedUNet(nn.Module):
    """U-Net on maps of a slice, scalar features as constant maps, and its neighbour's soft mask.

    Args:
        config: a GuidedUNetConfig.
    """

    def __init__(self, config: GuidedUNetConfig) -> None:
        super().__init__()
        self.config = config
        shape = UNetConfig(
            in_channels=config.num_maps + config.num_facts + 1,
            out_channels=2,
            depth=config.depth,
            base_channels=config.base_channels,
            injects_mask=config.injects_mask,
        )
        self.unet = UNet(shape)
        nn.init.zeros_(self.unet.head.weight)

    def forward(
        self,
        maps: Tensor,
        scalar_features: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """Logits of a batch of slices.

        Args:
            maps: (B, num_maps, H, W), one of them the prior's log odds divided by `prior_scale`.
            scalar_features: (B, num_facts).
            mask: (B, 1, H, W) probability of the structure on the neighbouring slice.

        Returns:
            (B, 2, H, W): background and structure, before the softmax.
        """
        planes = scalar_features[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        mask = mask if self.config.uses_mask else torch.zeros_like(mask)
        logits = self.unet(torch.cat([maps, planes, mask], dim=1))
        prior = self.config.prior_scale * maps[:, self.config.prior_map, None]
        return logits + torch.cat([torch.zeros_like(prior), prior], dim=1)
