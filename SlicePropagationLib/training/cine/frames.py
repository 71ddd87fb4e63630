"""Single frames and windows of frames with labels and weights, and how they are varied.

The tasks unet2d, cine_unet and cine_bilstm train on them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.temporal_window import WindowConfig, distance_weights, window_around
from SlicePropagationLib.training.cine.series import Series, read_series
from SlicePropagationLib.training.contracts import Batch, Cases, Metrics, Sample


@dataclass(frozen=True)
class FramesConfig:
    """Which frames are learnt from.

    Attributes:
        grid: what the network sees of a frame.
        window: what a frame counts by its distance to the nearest annotated one, and how long
            windows are.
        uses_pseudo_labels: learn from pseudo-labels too.
        uses_soft_labels: of pseudo-labels, learn the probabilities that `pseudo-label --soft` wrote
            instead of the labels.
    """

    grid: FrameGridConfig = field(default_factory=FrameGridConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    uses_pseudo_labels: bool = True
    uses_soft_labels: bool = False


@dataclass(frozen=True)
class FrameAugmentationConfig:
    """How frames are varied; all frames of a window alike.

    Bai et al., section 3.2, have random translation, rotation and scaling, without ranges; rotation
    and scale here are those of the authors' code, whose translation is 0.

    Attributes:
        turn: standard deviation of the rotation in degrees, scale: of the change of size; both end
            at three of them.
        shift: largest shift, as a share of the side.
        mirrors: flips left-right and up-down.
        gain: largest relative change of contrast.
    """

    turn: float = 10.0
    scale: float = 0.1
    shift: float = 0.0
    mirrors: bool = False
    gain: float = 0.0


SHIFT = 0.05  # of the side, either way; the paper gives no range
TRANSLATED = FrameAugmentationConfig(shift=SHIFT)  # as the text of Bai et al. has it


def load_series(cases: Cases, config: FramesConfig) -> list[Series]:
    """The Series of all cases, without pseudo-labels where they are not wanted."""
    series = []
    for case in cases:
        series += read_series(case, config.grid, uses_soft_labels=config.uses_soft_labels)
    if config.uses_pseudo_labels:
        return series
    return [one.as_annotated_only() for one in series]


class FrameDataset(torch.utils.data.Dataset):
    """A sample for every frame that counts.

    {"image": (1, S, S) float32, "truth": (S, S) int64, "weight": () float32}.

    Args:
        series: Series.
        window: a WindowConfig, for the weights.
        is_random: as in training; otherwise annotated frames only.
        soft_classes: also give "target": (C, S, S) float32 probabilities of so many classes; 0 for
            none.
    """

    def __init__(
        self,
        series: Sequence[Series],
        window: WindowConfig,
        *,
        is_random: bool = True,
        soft_classes: int = 0,
    ) -> None:
        self.series = series
        self.soft_classes = soft_classes
        self.places = []
        for number, one in enumerate(series):
            weights = distance_weights(one.distances, window) if is_random else one.distances == 0
            for frame in np.flatnonzero(weights):
                self.places.append((number, int(frame), float(weights[frame])))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, position: int) -> Sample:
        number, frame, weight = self.places[position]
        one = self.series[number]
        item = {
            "image": torch.from_numpy(one.images[frame, None]),
            "truth": torch.from_numpy(one.labels[frame].astype(np.int64)),
            "weight": torch.tensor(weight),
        }
        if self.soft_classes:
            probabilities = one.probabilities([frame], self.soft_classes)
            item["target"] = torch.from_numpy(probabilities[0])
        return item

    def weights(self) -> np.ndarray:
        """All frames are drawn alike, as often as the loop asks."""
        return np.ones(len(self))


class WindowDataset(torch.utils.data.Dataset):
    """A window about every annotated frame.

    {"image": (T, 1, S, S) float32, "truth": (T, S, S) int64, "weight": (T,) float32}.

    Args:
        series: Series.
        window: a WindowConfig.
        is_random: as in training; otherwise only annotated frames weigh anything.
        soft_classes: also give "target": (T, C, S, S) float32 probabilities of so many classes; 0
            for none.
    """

    def __init__(
        self,
        series: Sequence[Series],
        window: WindowConfig,
        *,
        is_random: bool = True,
        soft_classes: int = 0,
    ) -> None:
        self.series = series
        self.window = window
        self.is_random = is_random
        self.soft_classes = soft_classes
        self.places = [
            (number, int(frame)) for number, one in enumerate(series) for frame in one.annotated
        ]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, position: int) -> Sample:
        number, centre = self.places[position]
        one = self.series[number]
        frames, near = window_around(centre, len(one.images), self.window, is_cyclic=one.is_cyclic)
        distances = one.distances[frames]
        counts = (distances == 0).astype(float)
        if self.is_random:
            counts = distance_weights(distances, self.window)
        weight = np.where(near > 0, counts, 0.0)
        item = {
            "image": torch.from_numpy(one.images[frames][:, None]),
            "truth": torch.from_numpy(one.labels[frames].astype(np.int64)),
            "weight": torch.from_numpy(weight.astype(np.float32)),
        }
        if self.soft_classes:
            probabilities = one.probabilities(frames, self.soft_classes)
            item["target"] = torch.from_numpy(probabilities)
        return item

    def weights(self) -> np.ndarray:
        """All windows are drawn alike, as often as the loop asks."""
        return np.ones(len(self))


def vary_frames(
    images: Tensor,
    truth: Tensor,
    config: FrameAugmentationConfig,
) -> tuple[Tensor, Tensor]:
    """Vary windows, all frames of one alike.

    Args:
        images: (B, T, 1, S, S).
        truth: (B, T, S, S) int64, or probabilities (B, T, C, S, S) float32.
        config: a FrameAugmentationConfig.

    Returns:
        The same, varied; images and probabilities linearly, labels by the nearest; what comes from
        outside is background.
    """
    B, T = truth.shape[:2]
    theta = _draw_affine(B, config, truth.device)
    grid = F.affine_grid(theta, [B, T, *truth.shape[-2:]], align_corners=False)
    varied = F.grid_sample(images[:, :, 0], grid, align_corners=False)
    varied_truth = _moved_truth(truth, grid)
    gain = 1 + config.gain * (2 * torch.rand(B, 1, 1, 1, device=truth.device) - 1)
    return (varied * gain)[:, :, None], varied_truth


def _draw_affine(
    B: int,
    config: FrameAugmentationConfig,
    device: torch.device,
) -> Tensor:
    """(B, 2, 3) affine maps drawn at random: a turn and a scale, perhaps a mirror, and a shift."""
    angle = config.turn * math.pi / 180 * torch.randn(B, device=device).clamp(-3, 3)
    scale = 1 + config.scale * torch.randn(B, device=device).clamp(-3, 3)
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    turn = rotation.view(B, 2, 2) / scale.clamp_min(0.2)[:, None, None]
    if config.mirrors:
        turn = turn * torch.where(torch.rand(B, 1, 2, device=device) < 0.5, -1.0, 1.0)
    shift = 2 * config.shift * (2 * torch.rand(B, 2, 1, device=device) - 1)
    return torch.cat([turn, shift], dim=2)


def _moved_truth(truth: Tensor, grid: Tensor) -> Tensor:
    """Labels by the nearest, probabilities linearly; background comes in from outside."""
    if not truth.is_floating_point():
        return F.grid_sample(
            truth.float(),
            grid,
            mode="nearest",
            align_corners=False,
        ).long()
    structures = F.grid_sample(truth[:, :, 1:].flatten(1, 2), grid, align_corners=False)
    structures = structures.unflatten(1, (truth.shape[1], -1))
    background = 1 - structures.sum(dim=2, keepdim=True)
    return torch.cat([background, structures], dim=2)


def weighted_cross_entropy(
    logits: Tensor,
    truth: Tensor,
    weights: Tensor,
) -> Tensor:
    """Sum over frames of weight x mean cross-entropy, divided by the sum of the weights.

    Bai et al., equation 2, which does not divide.

    Args:
        logits: (..., C, H, W).
        truth: (..., H, W) int64, or probabilities (..., C, H, W) float32.
        weights: (...) of the frames; 0 for frames without a label.

    Returns:
        Scalar; 0 where nothing weighs anything.
    """
    last_frame_axis = -4 if truth.is_floating_point() else -3
    wanted = truth.flatten(0, last_frame_axis)
    entropy = F.cross_entropy(logits.flatten(0, -4).float(), wanted, reduction="none")
    weights = weights.flatten()
    total = (weights * entropy.mean(dim=(1, 2))).sum()
    return total / weights.sum().clamp_min(1e-6)


def to_learn(batch: Batch) -> Tensor:
    """What a batch is to be learnt as: probabilities where it has them, labels otherwise."""
    return batch["target"] if "target" in batch else batch["truth"]


def frame_dice(
    logits: Tensor,
    truth: Tensor,
    weights: Tensor,
) -> Metrics:
    """{"dice": mean over structures of frames that weigh something, "count": how many}.

    A structure absent from both is left out.

    Args:
        logits: (..., C, H, W).
        truth: (..., H, W).
        weights: (...), as above.
    """
    wanted = weights.flatten() > 0
    found = logits.argmax(dim=-3).flatten(0, -3)[wanted]
    truth = truth.flatten(0, -3)[wanted]
    classes = torch.arange(1, logits.shape[-3], device=truth.device).view(-1, 1, 1, 1)
    is_found = found == classes
    is_true = truth == classes
    both = (is_found & is_true).sum(dim=(2, 3))
    total = is_found.sum(dim=(2, 3)) + is_true.sum(dim=(2, 3))
    shown = total > 0
    dice = 2 * both[shown] / total[shown]
    mean = dice.mean() if shown.any() else torch.tensor(1.0)
    return {"dice": mean, "count": int(shown.sum())}
