"""What the anatomically constrained networks minimise.

Oktay et al. 2018, section II: auto-encoder, predictor, segmentation, super-resolution.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.losses.shape import class_entropy, code_distance, code_loss
from SlicePropagationLib.metrics import ssim
from SlicePropagationLib.networks.acnn.autoencoder import CodePredictor, ShapeAutoencoder, TLNetwork
from SlicePropagationLib.networks.acnn.subpixel import CascadeNetwork, build_subpixel
from SlicePropagationLib.segmenters.acnn.shape_model import AUTOENCODER, PREDICTOR
from SlicePropagationLib.training.acnn.degradation import (
    move_slices,
    thick_slices,
    vary_labels,
    vary_volumes,
)
from SlicePropagationLib.training.acnn.task_configs import (
    AutoencoderTaskConfig,
    PredictorTaskConfig,
    SubpixelTaskConfig,
)
from SlicePropagationLib.training.contracts import Batch, Losses, Metrics

SEGMENTATION = "acnn.segmentation"
SUPERRESOLUTION = "acnn.superresolution"


class AutoencoderTask(nn.Module):
    """Cross-entropy between a label map and what its noisy copy decodes to."""

    family = AUTOENCODER
    score = "dice"

    def __init__(self, config: AutoencoderTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = ShapeAutoencoder(config.network)

    def forward(self, batch: Batch) -> Losses:
        """{"total": cross-entropy} of a batch of `shape_data.ShapeDataset`, varied at random."""
        config = self.config
        count = config.network.num_classes
        spacing_mm = config.network.grid.spacing_mm
        labels = vary_labels(batch["labels"], count, config.augmentation, spacing_mm)
        logits = self.network(one_hot(swap_labels(labels, count, config.swap), count))
        return {"total": F.cross_entropy(logits.float(), labels)}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice": mean over cases and structures of what label maps decode to, "count": cases}."""
        count = self.config.network.num_classes
        found = self.network(one_hot(batch["labels"], count)).argmax(dim=1)
        return {"dice": mean_dice(found, batch["labels"], count), "count": len(found)}


class PredictorTask(nn.Module):
    """First the predictor alone learns the code of a frozen encoder, then both learn in one update.

    The paper rescales the two losses to a similar range and does not say how; here the distance of
    codes is weighted so that both are equal at the first batch of the joint part.
    """

    family = PREDICTOR
    score = "dice"

    def __init__(self, config: PredictorTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.network = TLNetwork(config.network)
        self.balance: Tensor
        self.register_buffer("balance", torch.zeros(()))

    def forward(self, batch: Batch) -> Losses:
        """{"total", "code": squared distance of codes, "shape"}.

        "shape" is the cross-entropy of the decoded shape, 0 while the predictor learns alone.
        """
        config = self.config
        shape_config = config.network.autoencoder
        count = shape_config.num_classes
        image, labels = vary_volumes(
            batch["image"],
            batch["labels"],
            count,
            config.augmentation,
            shape_config.grid.spacing_mm,
        )
        predicted = self.network.predictor(image + config.noise * torch.randn_like(image))
        autoencoder = self.network.autoencoder
        is_joint = float(batch["progress"].min()) >= config.alone
        autoencoder.train(self.training and is_joint)
        if not is_joint:
            with torch.no_grad():
                code = autoencoder.encode(one_hot(labels, count))
            distance = code_distance(predicted, code)
            return {
                "total": distance,
                "code": distance,
                "shape": torch.zeros_like(distance),
            }
        code = autoencoder.encode(one_hot(swap_labels(labels, count, config.swap), count))
        shape = F.cross_entropy(autoencoder.decode(code).float(), labels)
        distance = code_distance(predicted, code)
        if self.training and not self.balance:
            self.balance.copy_((shape / distance.clamp_min(1e-12)).detach())
        return {
            "total": shape + self.balance * distance,
            "code": distance,
            "shape": shape,
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice": of shapes decoded from predicted codes, "code": distance of codes, "count"}."""
        count = self.config.network.autoencoder.num_classes
        predicted = self.network.predictor(batch["image"])
        found = self.network.autoencoder.decode(predicted).argmax(dim=1)
        code = self.network.autoencoder.encode(one_hot(batch["labels"], count))
        return {
            "dice": mean_dice(found, batch["labels"], count),
            "code": code_distance(predicted, code),
            "count": len(found),
        }


class _ConstrainedTask(nn.Module):
    """A network from thick slices to the fine grid, and a frozen prior.

    The prior says how far the network's output is from the truth's code.

    Args:
        config: what is learnt.
        prior: the frozen network, or None.
    """

    def __init__(
        self,
        config: SubpixelTaskConfig,
        prior: Any,
    ) -> None:
        super().__init__()
        self.config = config
        self.network = build_subpixel(config.network)
        self.prior = prior
        if prior is not None:
            prior.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As any module, but the prior stays as it was trained."""
        super().train(mode)
        if self.prior is not None:
            self.prior.eval()
        return self

    def _thick(
        self,
        image: Tensor,
        labels: Tensor,
        *,
        is_random: bool,
    ) -> Tensor:
        """What the network sees of fine volumes: (B, C, N, H, W)."""
        config = self.config.degradation
        grid = self.config.network.grid
        thick = thick_slices(image, grid.factor, config.blur)
        if self.config.gives_labels:
            drawn = labels[:, grid.factor // 2 :: grid.factor]
            thick = torch.cat([thick, one_hot(drawn, len(self.config.labels) + 1)], dim=1)
        if not is_random:
            return thick
        thick = move_slices(thick, config, grid.spacing_mm[1:])
        noise = config.noise * torch.randn_like(thick[:, :1])
        return torch.cat([thick[:, :1] + noise, thick[:, 1:]], dim=1)

    def _code_loss(
        self,
        found: Tensor,
        truth: Tensor,
    ) -> Tensor:
        """Weighted distance between the codes of what was found and of the truth.

        Nothing without a prior.

        Measured on phantoms, 64 times the weight of the relative form (the sum over codes of unit
        size) drowns the cross-entropy: the network finds maps with the right code that look like
        nothing.
        """
        if self.prior is None:
            return found.new_zeros(())
        with torch.no_grad():
            wanted = self._codes(truth)
        config = self.config
        return config.code_weight * code_loss(self._codes(found.float()), wanted, config.code_form)

    def _codes(self, shapes: Tensor) -> Tensor:
        """What the prior says of what was found, or of the truth."""
        return self.prior(shapes)


class SegmentationTask(_ConstrainedTask):
    """Cross-entropy on the fine grid plus the distance of codes (ACNN-Seg).

    Without a prior it is 3D-Seg, 3D-UNet or AE-Seg.

    Args:
        config: a SubpixelTaskConfig.
        prior: a ShapeAutoencoder of the same grid and classes, or None.
    """

    family = SEGMENTATION
    score = "dice"

    def __init__(
        self,
        config: SubpixelTaskConfig,
        prior: ShapeAutoencoder | None = None,
    ) -> None:
        super().__init__(config, prior)

    def forward(self, batch: Batch) -> Losses:
        """{"total", "entropy", "code"} of a batch, varied and degraded at random."""
        config = self.config
        count = config.network.out_channels
        image, labels = vary_volumes(
            batch["image"],
            batch["labels"],
            count,
            config.augmentation,
            config.network.grid.spacing_mm,
        )
        thick = self._thick(image, labels, is_random=True)
        stages = self._stages(thick)
        entropies = [class_entropy(logits, labels, config.entropy) for logits in stages]
        entropy = torch.stack(entropies).sum()
        code = self._code_loss(stages[-1].softmax(dim=1), one_hot(labels, count))
        return {
            "total": entropy + code,
            "entropy": entropy,
            "code": code,
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice": mean over cases and structures on the fine grid, "count": cases}."""
        thick = self._thick(batch["image"], batch["labels"], is_random=False)
        found = self.network(thick).argmax(dim=1)
        dice = mean_dice(found, batch["labels"], self.config.network.out_channels)
        return {"dice": dice, "count": len(found)}

    def _codes(self, shapes: Tensor) -> Tensor:
        return self.prior.encode(shapes)

    def _stages(self, thick: Tensor) -> tuple[Tensor, ...]:
        """Logits of everything that learns; the last are the result."""
        if isinstance(self.network, CascadeNetwork):
            return self.network.stages(thick)
        return (self.network(thick),)


class SuperresolutionTask(_ConstrainedTask):
    """Smooth L1 distance of intensities plus the distance of predicted codes (ACNN-SR).

    Args:
        config: a SubpixelTaskConfig.
        prior: a CodePredictor of the same grid, or None.
    """

    family = SUPERRESOLUTION
    score = "ssim"

    def __init__(
        self,
        config: SubpixelTaskConfig,
        prior: CodePredictor | None = None,
    ) -> None:
        super().__init__(config, prior)

    def forward(self, batch: Batch) -> Losses:
        """{"total", "intensity", "code"} of a batch.

        The fine image does not move with the slices.
        """
        config = self.config
        image, labels = vary_volumes(
            batch["image"],
            batch["labels"],
            len(config.labels) + 1,
            config.augmentation,
            config.network.grid.spacing_mm,
        )
        found = self.network(self._thick(image, labels, is_random=True))
        intensity = F.smooth_l1_loss(found.float(), image)
        code = self._code_loss(found, image)
        return {
            "total": intensity + code,
            "intensity": intensity,
            "code": code,
        }

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"ssim": mean structural similarity of the fine slices, "count": cases}."""
        thick = self._thick(batch["image"], batch["labels"], is_random=False)
        found = self.network(thick).float().cpu().numpy()
        truth = batch["image"].cpu().numpy()
        pairs = zip(found, truth, strict=True)
        total = sum(ssim(first[0], second[0]) for first, second in pairs)
        return {"ssim": total / len(truth), "count": len(truth)}


def one_hot(labels: Tensor, count: int) -> Tensor:
    """(B, D, H, W) int64 classes -> (B, count, D, H, W) float32."""
    return F.one_hot(labels, count).movedim(-1, 1).float()


def swap_labels(
    labels: Tensor,
    count: int,
    probability: float,
) -> Tensor:
    """Labels in which each voxel gets, with that probability, another class drawn at random."""
    is_swapped = torch.rand(labels.shape, device=labels.device) < probability
    steps = torch.randint_like(labels, 1, count)
    return torch.where(is_swapped, (labels + steps) % count, labels)


def mean_dice(
    found: Tensor,
    truth: Tensor,
    count: int,
) -> Tensor:
    """Mean Dice over the cases and structures that are in one of two (B, D, H, W) class maps.

    1 where there is none.
    """
    scores = []
    for number in range(1, count):
        first = (found == number).flatten(1)
        second = (truth == number).flatten(1)
        total = first.sum(dim=1) + second.sum(dim=1)
        scores.append((2 * (first & second).sum(dim=1) / total.clamp_min(1))[total > 0])
    scores = torch.cat(scores)
    return scores.mean() if len(scores) else torch.tensor(1.0)
