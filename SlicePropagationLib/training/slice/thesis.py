"""The task of the thesis: one step from the true mask of a slice nearby, teacher-forced, softmax cross-entropy.

Presets: `thesis` (image and prior-mask augmentation), `image_augmentation` (the prior is left
    alone), `basic` (mild joint augmentation) and
`automatic` (no prior at all: the organ-specific network of the thesis's Table 1).
"""

import math
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.build import build_unet
from SlicePropagationLib.networks.config import UNetConfig

PIVOTS = ("image", "centroid")


@dataclass(frozen=True)
class PairAugmentationConfig:
    """How pairs are varied (thesis, section "Data augmentation").

    Attributes:
        turn: largest joint rotation in degrees, scale: largest joint change of size, mirrors: flips
            left-right and up-down.
        gain, offset: largest relative change of contrast, and shift in normalised units.
        prior_turn, prior_scale: largest extra rotation in degrees and change of size of the prior
            mask alone; its best were 1 degree and 10 %.
        pivot: what the prior turns and scales about: "image" centre (some translation results) or
            the mask's "centroid".
    """

    turn: float = 180.0
    scale: float = 0.2
    mirrors: bool = True
    gain: float = 0.2
    offset: float = 0.2
    prior_turn: float = 1.0
    prior_scale: float = 0.1
    pivot: str = "image"

    def __post_init__(self):
        if self.pivot not in PIVOTS:
            raise ConfigError(f"pivot must be {' or '.join(PIVOTS)}, got '{self.pivot}'.")


@dataclass(frozen=True)
class ThesisTaskConfig:
    """What is trained.

    Attributes:
        network: shape of the network.
        augmentation: how pairs are varied.
        uses_prior: whether the network sees the mask of the neighbour.
        size: side of the grid in pixels, for the engine.
    """

    network: UNetConfig = field(default_factory=UNetConfig)
    augmentation: PairAugmentationConfig = field(default_factory=PairAugmentationConfig)
    uses_prior: bool = True
    size: int = 256


class ThesisTask(nn.Module):
    """Loss and metric of a U-Net on batches of pairs; see `pairs.PairDataset` for a batch."""

    family = "slice_unet.plain"
    score = "dice"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.network = build_unet(config.network)

    def forward(self, batch):
        """{"total": unweighted softmax cross-entropy} of a batch, varied at random."""
        image, prior, truth = vary_pairs(
            batch["image"],
            batch["prior"],
            batch["truth"],
            self.config.augmentation,
        )
        return {"total": F.cross_entropy(self._logits(image, prior).float(), truth)}

    @torch.no_grad()
    def metrics(self, batch):
        """{"dice": mean over slices where there is something or something was found, "count": their number}."""
        found = self._logits(batch["image"], batch["prior"]).argmax(dim=1).bool()
        truth = batch["truth"].bool()
        total = found.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
        dice = 2 * (found & truth).sum(dim=(1, 2)) / total.clamp_min(1)
        shown = total > 0
        return {
            "dice": dice[shown].mean() if shown.any() else torch.tensor(1.0),
            "count": int(shown.sum()),
        }

    def _logits(self, image, prior):
        return self.network(torch.cat([image, prior], dim=1) if self.config.uses_prior else image)


def vary_pairs(image, prior, truth, config):
    """Vary a batch of pairs: image, prior and truth together, then the image alone, then the prior alone.

    Args:
        image, prior: (B, 1, H, W).
        truth: (B, H, W) int64.
        config: a PairAugmentationConfig.
    """
    count = len(image)
    device = image.device

    def even(width):
        return width * (2 * torch.rand(count, device=device) - 1)

    joint = _turns(even(config.turn), 1 + even(config.scale))
    if config.mirrors:
        joint = joint * torch.where(torch.rand(count, 1, 2, device=device) < 0.5, -1.0, 1.0)
    theta = F.pad(joint, (0, 1))
    image = _moved(image, theta, "bilinear", "border")
    prior = _moved(prior, theta, "nearest", "zeros")
    truth = _moved(truth[:, None].float(), theta, "nearest", "zeros")[:, 0].long()
    image = image * (1 + even(config.gain)).view(-1, 1, 1, 1) + even(config.offset).view(
        -1,
        1,
        1,
        1,
    )
    if config.prior_turn or config.prior_scale:
        alone = _turns(even(config.prior_turn), 1 + even(config.prior_scale))
        prior = _moved(
            prior,
            (
                _about(alone, _centroids(prior))
                if config.pivot == "centroid"
                else F.pad(alone, (0, 1))
            ),
            "nearest",
            "zeros",
        )
    return image, prior, truth


def _turns(degrees, scale):
    """(B, 2, 2) matrices that enlarge by `scale` and turn."""
    angle = degrees * (math.pi / 180)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(-1, 2, 2)
    return turn / scale[:, None, None]


def _about(turns, pivots):
    """(B, 2, 3) affine maps that turn about pivots (B, 2) instead of the centre."""
    shift = pivots[:, :, None] - turns @ pivots[:, :, None]
    return torch.cat([turns, shift], dim=2)


def _centroids(masks):
    """(B, 2) centroids, x before y, in [-1, 1]; the centre for an empty mask."""
    height, width = masks.shape[2:]
    rows = torch.linspace(-1 + 1 / height, 1 - 1 / height, height, device=masks.device)
    columns = torch.linspace(-1 + 1 / width, 1 - 1 / width, width, device=masks.device)
    area = masks.sum(dim=(1, 2, 3)).clamp_min(1e-6)
    x = (masks[:, 0].sum(dim=1) * columns).sum(dim=1) / area
    y = (masks[:, 0].sum(dim=2) * rows).sum(dim=1) / area
    return torch.stack([x, y], dim=1)


def _moved(maps, theta, mode, padding):
    grid = F.affine_grid(theta, maps.shape, align_corners=False)
    return F.grid_sample(maps, grid, mode=mode, padding_mode=padding, align_corners=False)
