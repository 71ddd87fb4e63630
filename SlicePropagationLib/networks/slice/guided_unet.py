"""A U-Net that starts at what registration predicts and learns where that is wrong.

Own design, after the notes "let the network predict a residual on a geometric prior" (iterative
label refinement of propagated
masks goes back to Khoreva et al., MaskTrack, CVPR 2017). Its last layer starts at zero, so an
untrained network is the prior.
"""

import torch
from torch import nn

from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet


class GuidedUNet(nn.Module):
    """U-Net on the maps of a slice, facts as constant maps, and the soft mask of its neighbour.

    Args:
        config: a GuidedUNetConfig.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.unet = UNet(
            UNetConfig(
                config.num_maps + config.num_facts + 1,
                2,
                config.depth,
                config.base_channels,
                config.injects_mask,
            )
        )
        nn.init.zeros_(self.unet.head.weight)

    def forward(self, maps, facts, mask):
        """Logits of a batch of slices.

        Args:
            maps: (B, num_maps, H, W), one of them the prior's log odds divided by `prior_scale`.
            facts: (B, num_facts).
            mask: (B, 1, H, W) probability of the structure on the neighbouring slice.

        Returns:
            (B, 2, H, W): background and structure, before the softmax.
        """
        planes = facts[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        mask = mask if self.config.uses_mask else torch.zeros_like(mask)
        logits = self.unet(torch.cat([maps, planes, mask], dim=1))
        prior = self.config.prior_scale * maps[:, self.config.prior_map, None]
        return logits + torch.cat([torch.zeros_like(prior), prior], dim=1)
