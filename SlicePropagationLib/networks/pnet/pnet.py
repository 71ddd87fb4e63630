"""PNet-MSA, PNet and HNN: a slice is segmented with an output at every scale (deep supervision).

Cai, Lu, Xing, Yang, "Pancreas segmentation in CT and MRI via task-specific network design and
recurrent neural contextual learning", 2018: section "CNN sub-network" (stacked units, multi-scale
aggregation, weighted outputs). What its text leaves open: the kernels of the backward branches
("chain" and "direct" both stay below its 3 million parameters); the weights of the outputs go
through a softmax, so that their sum is a probability. HNN is the network of Xie and Tu, HED, ICCV
2015, with VGG-16's stages, here with batch normalisation and from scratch.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.pnet.config import PNetConfig

VGG_STAGES = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))  # (width in units of the first, convolutions)


class SideOutputs(nn.Module):
    """What the networks share: stages one below the other, and a map of logits from each.

    The weights of the maps are learnt. Only the first `num_active` stages are computed; it is part
    of the weights, because a curriculum appends stage after stage.
    """

    def __init__(
        self,
        stages: Iterable[nn.Module],
        branches: Iterable[nn.Module],
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.branches = nn.ModuleList(branches)
        self.output_weights = nn.Parameter(torch.zeros(len(self.stages)))
        self.num_active: Tensor
        self.register_buffer("num_active", torch.tensor(len(self.stages)))
        self.apply(start_weights)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of a batch of slices, one map for each active stage.

        Args:
            images: (B, in_channels, H, W) float32; H and W divisible by the configuration's
                `divisor`.

        Returns:
            (B, num_active, H, W), before the sigmoid.
        """
        features = []
        maps = []
        for number in range(int(self.num_active)):
            seen = F.max_pool2d(features[-1], 2) if features else images
            features.append(self.stages[number](seen))
            maps.append(self.branches[number](features))
        return torch.cat(maps, dim=1)

    def fuse(self, logits: Tensor) -> Tensor:
        """The probability of the structure: the weighted sum of what the stages say.

        Args:
            logits: (B, num_active, H, W) of `forward`.

        Returns:
            (B, H, W) in [0, 1].
        """
        weights = self.output_weights[: logits.shape[1]].softmax(dim=0)
        return torch.einsum("k,bkhw->bhw", weights, logits.float().sigmoid())


class PNet(SideOutputs):
    """Units of four convolutions.

    "pnet_msa" aggregates the features of all scales for each output, "pnet" does not.

    Args:
        config: a PNetConfig.
    """

    def __init__(self, config: PNetConfig) -> None:
        width = config.channels
        widths = [config.in_channels] + [width] * (config.num_units - 1)
        stages = [_convolutions(before, width, 4) for before in widths]
        kind = ChainBranch if config.wiring == "chain" else DirectBranch
        if config.architecture == "pnet":
            branches = [SideBranch(width) for _ in stages]
        else:
            branches = [kind(width, number) for number in range(1, config.num_units + 1)]
        super().__init__(stages, branches)
        self.config = config


class HNN(SideOutputs):
    """Side outputs of VGG-16's five stages.

    Args:
        config: a PNetConfig.
    """

    def __init__(self, config: PNetConfig) -> None:
        widths = [config.channels * factor for factor, _ in VGG_STAGES]
        before = [config.in_channels, *widths[:-1]]
        counts = [count for _, count in VGG_STAGES]
        stages = list(map(_convolutions, before, widths, counts))
        super().__init__(stages, [SideBranch(width) for width in widths])
        self.config = config


class ChainBranch(nn.Module):
    """Backward branch k as a chain.

    The deepest features are doubled in size, joined with the next finer ones and fused, until full
    resolution.
    """

    def __init__(
        self,
        width: int,
        num_scales: int,
    ) -> None:
        super().__init__()
        self.risers = nn.ModuleList(
            nn.ConvTranspose2d(
                width,
                width,
                4,
                stride=2,
                padding=1,
            )
            for _ in range(num_scales - 1)
        )
        self.fusers = nn.ModuleList(
            _convolutions(2 * width, width, 1) for _ in range(num_scales - 1)
        )
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(B, 1, H, W) logits of features [(B, C, H, W), (B, C, H/2, W/2), ...]."""
        *finer, joined = features
        for riser, fuser in zip(self.risers, self.fusers, strict=True):
            joined = fuser(torch.cat([finer.pop(), riser(joined)], dim=1))
        return self.head(joined)


class DirectBranch(nn.Module):
    """Backward branch k with one deconvolution for each coarser scale, kernel and stride 2**(j-1).

    All are joined and fused at full resolution.
    """

    def __init__(
        self,
        width: int,
        num_scales: int,
    ) -> None:
        super().__init__()
        self.risers = nn.ModuleList(
            nn.ConvTranspose2d(width, width, 2**scale, stride=2**scale)
            for scale in range(1, num_scales)
        )
        self.fuser = nn.Sequential(
            nn.Conv2d(num_scales * width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """As `ChainBranch.forward`."""
        coarser = zip(self.risers, features[1:], strict=True)
        raised = [riser(coarse) for riser, coarse in coarser]
        return self.head(self.fuser(torch.cat([features[0], *raised], dim=1)))


class SideBranch(nn.Module):
    """A 1x1 convolution of the deepest features, enlarged to the size of the slice."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """As `ChainBranch.forward`."""
        return F.interpolate(
            self.head(features[-1]),
            features[0].shape[2:],
            mode="bilinear",
            align_corners=False,
        )


def start_weights(module: nn.Module) -> None:
    """MSRA weights (He et al., 2015) and zero biases; apply to every module of a network."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _convolutions(
    in_channels: int,
    width: int,
    count: int,
) -> nn.Sequential:
    """`count` times: 3x3 convolution, batch normalisation, ReLU."""
    layers = []
    for before in [in_channels] + [width] * (count - 1):
        layers += [
            nn.Conv2d(before, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
