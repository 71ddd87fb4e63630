"""PNet-MSA, PNet and HNN: networks that segment a slice with an output at every scale (deep supervision).

Cai, Lu, Xing, Yang, "Pancreas segmentation in CT and MRI via task-specific network design and
recurrent neural contextual
learning", 2018: section "CNN sub-network" (stacked units, multi-scale aggregation, weighted
    outputs). What its text leaves open:
the kernels of the backward branches ("chain" and "direct" both stay below its 3 million
parameters); the weights of the outputs go through a softmax, so
that their sum is a probability. HNN is the network of Xie and Tu, HED, ICCV 2015, with VGG-16's
stages, here with batch normalisation and from scratch.
"""

import torch
from torch import nn
from torch.nn import functional as F

VGG_STAGES = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))  # (width in units of the first, convolutions)


class SideOutputs(nn.Module):
    """What the networks share: stages one below the other, a map of logits from each, learnt weights of the maps.

    Only the first `num_active` stages are computed; it is part of the weights, because a curriculum
    appends stage after stage.
    """

    def __init__(self, stages, branches):
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.branches = nn.ModuleList(branches)
        self.output_weights = nn.Parameter(torch.zeros(len(stages)))
        self.register_buffer("num_active", torch.tensor(len(stages)))
        self.apply(start_weights)

    def forward(self, images):
        """Logits of a batch of slices, one map for each active stage.

        Args:
            images: (B, in_channels, H, W) float32; H and W divisible by the configuration's
                `divisor`.

        Returns:
            (B, num_active, H, W), before the sigmoid.
        """
        features = []
        maps = []
        for stage, branch in zip(self.stages[: self.num_active], self.branches):
            features.append(stage(F.max_pool2d(features[-1], 2) if features else images))
            maps.append(branch(features))
        return torch.cat(maps, dim=1)

    def fuse(self, logits):
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

    def __init__(self, config):
        width = config.channels
        numbers = range(config.num_units)
        stages = [
            _convolutions(config.in_channels if number == 0 else width, width, 4)
            for number in numbers
        ]
        if config.architecture == "pnet":
            branches = [SideBranch(width) for _ in numbers]
        else:
            branches = [
                (ChainBranch if config.wiring == "chain" else DirectBranch)(width, number + 1)
                for number in numbers
            ]
        super().__init__(stages, branches)
        self.config = config


class HNN(SideOutputs):
    """Side outputs of VGG-16's five stages.

    Args:
        config: a PNetConfig.
    """

    def __init__(self, config):
        widths = [config.channels * factor for factor, _ in VGG_STAGES]
        stages = [
            _convolutions(wide, width, count)
            for wide, width, (_, count) in zip([config.in_channels, *widths], widths, VGG_STAGES)
        ]
        super().__init__(stages, [SideBranch(width) for width in widths])
        self.config = config


class ChainBranch(nn.Module):
    """Backward branch k as a chain: the deepest features are doubled in size, joined with the next finer ones and fused, until full resolution."""

    def __init__(self, width, num_scales):
        super().__init__()
        self.risers = nn.ModuleList(
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1) for _ in range(num_scales - 1)
        )
        self.fusers = nn.ModuleList(
            _convolutions(2 * width, width, 1) for _ in range(num_scales - 1)
        )
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, features):
        """(B, 1, H, W) logits of features [(B, C, H, W), (B, C, H/2, W/2), ...]."""
        *finer, joined = features
        for riser, fuser in zip(self.risers, self.fusers):
            joined = fuser(torch.cat([finer.pop(), riser(joined)], dim=1))
        return self.head(joined)


class DirectBranch(nn.Module):
    """Backward branch k with one deconvolution for each coarser scale, kernel and stride 2**(j-1); all joined and fused at full resolution."""

    def __init__(self, width, num_scales):
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

    def forward(self, features):
        """As `ChainBranch.forward`."""
        raised = [riser(coarse) for riser, coarse in zip(self.risers, features[1:])]
        return self.head(self.fuser(torch.cat([features[0], *raised], dim=1)))


class SideBranch(nn.Module):
    """A 1x1 convolution of the deepest features, enlarged to the size of the slice."""

    def __init__(self, width):
        super().__init__()
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, features):
        """As `ChainBranch.forward`."""
        return F.interpolate(
            self.head(features[-1]),
            features[0].shape[2:],
            mode="bilinear",
            align_corners=False,
        )


def start_weights(module):
    """MSRA weights (He et al., 2015) and zero biases; apply to every module of a network."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _convolutions(in_channels, width, count):
    """`count` times: 3x3 convolution, batch normalisation, ReLU."""
    layers = []
    for number in range(count):
        layers += [
            nn.Conv2d(in_channels if number == 0 else width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
