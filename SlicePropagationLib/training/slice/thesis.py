"""The task of the thesis: one step from the true mask of a slice nearby.

Teacher-forced, with softmax cross-entropy.

Presets: `thesis` (image and prior-mask augmentation), `image_augmentation` (the prior is left
alone), `basic` (mild joint augmentation) and `automatic` (no prior at all and mild augmentation:
the organ-specific network of the thesis's Table 1).
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.build import build_unet
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.training.contracts import Batch, Losses, Metrics
from SlicePropagationLib.training.mask_dice import mean_mask_dice

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

    def __post_init__(self) -> None:
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

    def __init__(self, config: ThesisTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = build_unet(config.network)

    def forward(self, batch: Batch) -> Losses:
        """{"total": unweighted softmax cross-entropy} of a batch, varied at random."""
        image, prior, truth = vary_pairs(
            batch["image"],
            batch["prior"],
            batch["truth"],
            self.config.augmentation,
        )
        return {"total": F.cross_entropy(self._logits(image, prior).float(), truth)}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice", "count"} of slices where there is something or something was found."""
        found = self._logits(batch["image"], batch["prior"]).argmax(dim=1).bool()
        return mean_mask_dice(found, batch["truth"].bool())

    def _logits(
        self,
        image: Tensor,
        prior: Tensor,
    ) -> Tensor:
        seen = torch.cat([image, prior], dim=1) if self.config.uses_prior else image
        return self.network(seen)


def vary_pairs(
    image: Tensor,
    prior: Tensor,
    truth: Tensor,
    config: PairAugmentationConfig,
) -> tuple[Tensor, Tensor, Tensor]:
    """Vary a batch of pairs: all together, then the image alone, then the prior alone.

    Args:
        image: (B, 1, H, W).
        prior: (B, 1, H, W).
        truth: (B, H, W) int64.
        config: a PairAugmentationConfig.
    """
    count = len(image)
    device = image.device

    def even(width: float) -> Tensor:
        return width * (2 * torch.rand(count, device=device) - 1)

    joint = _turns(even(config.turn), 1 + even(config.scale))
    if config.mirrors:
        joint = joint * torch.where(torch.rand(count, 1, 2, device=device) < 0.5, -1.0, 1.0)
    theta = F.pad(joint, (0, 1))
    image = _moved(image, theta, "bilinear", "border")
    prior = _moved(prior, theta, "nearest", "zeros")
    truth = _moved(truth[:, None].float(), theta, "nearest", "zeros")[:, 0].long()
    gain = 1 + even(config.gain)
    image = image * gain.view(-1, 1, 1, 1) + even(config.offset).view(-1, 1, 1, 1)
    if config.prior_turn or config.prior_scale:
        alone = _turns(even(config.prior_turn), 1 + even(config.prior_scale))
        is_centred = config.pivot == "image"
        theta = F.pad(alone, (0, 1)) if is_centred else _about(alone, _centroids(prior))
        prior = _moved(prior, theta, "nearest", "zeros")
    return image, prior, truth


def _turns(degrees: Tensor, scale: Tensor) -> Tensor:
    """(B, 2, 2) matrices that enlarge by `scale` and turn."""
    angle = degrees * (math.pi / 180)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    return turn.view(-1, 2, 2) / scale[:, None, None]


def _about(turns: Tensor, pivots: Tensor) -> Tensor:
    """(B, 2, 3) affine maps that turn about pivots (B, 2) instead of the centre."""
    shift = pivots[:, :, None] - turns @ pivots[:, :, None]
    return torch.cat([turns, shift], dim=2)


def _centroids(masks: Tensor) -> Tensor:
    """(B, 2) centroids, x before y, in [-1, 1]; the centre for an empty mask."""
    height, width = masks.shape[2:]
    rows = torch.linspace(-1 + 1 / height, 1 - 1 / height, height, device=masks.device)
    columns = torch.linspace(-1 + 1 / width, 1 - 1 / width, width, device=masks.device)
    area = masks.sum(dim=(1, 2, 3)).clamp_min(1e-6)
    x = (masks[:, 0].sum(dim=1) * columns).sum(dim=1) / area
    y = (masks[:, 0].sum(dim=2) * rows).sum(dim=1) / area
    return torch.stack([x, y], dim=1)


def _moved(
    maps: Tensor,
    theta: Tensor,
    mode: str,
    padding: str,
) -> Tensor:
    grid = F.affine_grid(theta, list(maps.shape), align_corners=False)
    return F.grid_sample(
        maps,
        grid,
        mode=mode,
        padding_mode=padding,
        align_corners=False,
    )
