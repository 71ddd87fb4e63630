"""Single frames and windows of frames with labels and weights, and how they are varied: what unet2d and the cine tasks train on."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.temporal_window import WindowConfig, distance_weights, window_around
from SlicePropagationLib.training.cine.series import read_series


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
    """How frames are varied; all frames of a window alike (Bai et al.).

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


def load_series(cases, config):
    """The Series of all cases, without pseudo-labels where they are not wanted."""
    series = [
        one
        for case in cases
        for one in read_series(case, config.grid, uses_soft_labels=config.uses_soft_labels)
    ]
    return series if config.uses_pseudo_labels else [one.as_annotated_only() for one in series]


class FrameDataset(torch.utils.data.Dataset):
    """{"image": (1, S, S) float32, "truth": (S, S) int64, "weight": () float32} for every frame that counts.

    Args:
        series: Series.
        window: a WindowConfig, for the weights.
        is_random: as in training; otherwise annotated frames only.
        soft_classes: also give "target": (C, S, S) float32 probabilities of so many classes; 0 for
            none.
    """

    def __init__(self, series, window, *, is_random=True, soft_classes=0):
        self.series = series
        self.soft_classes = soft_classes
        weights = [
            distance_weights(one.distances, window) if is_random else one.distances == 0
            for one in series
        ]
        self.places = [
            (number, int(frame), float(values[frame]))
            for number, values in enumerate(weights)
            for frame in np.flatnonzero(values)
        ]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, position):
        number, frame, weight = self.places[position]
        one = self.series[number]
        item = {
            "image": torch.from_numpy(one.images[frame, None]),
            "truth": torch.from_numpy(one.labels[frame].astype(np.int64)),
            "weight": torch.tensor(weight),
        }
        return item | (
            {"target": torch.from_numpy(one.probabilities([frame], self.soft_classes)[0])}
            if self.soft_classes
            else {}
        )

    def weights(self):
        """All frames are drawn alike, as often as the loop asks."""
        return np.ones(len(self))


class WindowDataset(torch.utils.data.Dataset):
    """{"image": (T, 1, S, S) float32, "truth": (T, S, S) int64, "weight": (T,) float32} about every annotated frame.

    Args:
        series: Series.
        window: a WindowConfig.
        is_random: as in training; otherwise only annotated frames weigh anything.
        soft_classes: also give "target": (T, C, S, S) float32 probabilities of so many classes; 0
            for none.
    """

    def __init__(self, series, window, *, is_random=True, soft_classes=0):
        self.series = series
        self.window = window
        self.is_random = is_random
        self.soft_classes = soft_classes
        self.places = [
            (number, int(frame)) for number, one in enumerate(series) for frame in one.annotated
        ]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, position):
        number, centre = self.places[position]
        one = self.series[number]
        frames, near = window_around(centre, len(one.images), self.window, is_cyclic=one.is_cyclic)
        counts = (
            distance_weights(one.distances[frames], self.window)
            if self.is_random
            else (one.distances[frames] == 0).astype(float)
        )
        weight = np.where(near > 0, counts, 0.0)
        item = {
            "image": torch.from_numpy(one.images[frames][:, None]),
            "truth": torch.from_numpy(one.labels[frames].astype(np.int64)),
            "weight": torch.from_numpy(weight.astype(np.float32)),
        }
        return item | (
            {"target": torch.from_numpy(one.probabilities(frames, self.soft_classes))}
            if self.soft_classes
            else {}
        )

    def weights(self):
        """All windows are drawn alike, as often as the loop asks."""
        return np.ones(len(self))


def vary_frames(images, truth, config):
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
    device = truth.device
    angle = config.turn * math.pi / 180 * torch.randn(B, device=device).clamp(-3, 3)
    scale = 1 + config.scale * torch.randn(B, device=device).clamp(-3, 3)
    turn = (
        torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(B, 2, 2)
        / scale.clamp_min(0.2)[:, None, None]
    )
    if config.mirrors:
        turn = turn * torch.where(torch.rand(B, 1, 2, device=device) < 0.5, -1.0, 1.0)
    shift = 2 * config.shift * (2 * torch.rand(B, 2, 1, device=device) - 1)
    grid = F.affine_grid(
        torch.cat([turn, shift], dim=2),
        (B, T, *truth.shape[-2:]),
        align_corners=False,
    )
    varied = F.grid_sample(
        images[:, :, 0],
        grid,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    if truth.is_floating_point():
        structures = F.grid_sample(
            truth[:, :, 1:].flatten(1, 2),
            grid,
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        ).unflatten(1, (T, -1))
        truth = torch.cat([1 - structures.sum(dim=2, keepdim=True), structures], dim=2)
    else:
        truth = F.grid_sample(
            truth.float(),
            grid,
            mode="nearest",
            padding_mode="zeros",
            align_corners=False,
        ).long()
    gain = 1 + config.gain * (2 * torch.rand(B, 1, 1, 1, device=device) - 1)
    return (varied * gain)[:, :, None], truth


def weighted_cross_entropy(logits, truth, weights):
    """Sum over frames of weight x mean cross-entropy, divided by the sum of the weights.

    Args:
        logits: (..., C, H, W).
        truth: (..., H, W) int64, or probabilities (..., C, H, W) float32.
        weights: (...) of the frames; 0 for frames without a label.

    Returns:
        Scalar; 0 where nothing weighs anything.
    """
    truth = truth.flatten(0, -4 if truth.is_floating_point() else -3)
    entropy = F.cross_entropy(logits.flatten(0, -4).float(), truth, reduction="none").mean(
        dim=(1, 2)
    )
    weights = weights.flatten()
    return (weights * entropy).sum() / weights.sum().clamp_min(1e-6)


def to_learn(batch):
    """What a batch is to be learnt as: probabilities where it has them, labels otherwise."""
    return batch["target"] if "target" in batch else batch["truth"]


def frame_dice(logits, truth, weights):
    """{"dice": mean over structures of frames that weigh something, "count": how many}.

    A structure absent from both is left out.

    Args:
        logits: (..., C, H, W), truth: (..., H, W), weights: (...), as above.
    """
    wanted = weights.flatten() > 0
    found = logits.argmax(dim=-3).flatten(0, -3)[wanted]
    truth = truth.flatten(0, -3)[wanted]
    classes = torch.arange(1, logits.shape[-3], device=truth.device).view(-1, 1, 1, 1)
    both = ((found == classes) & (truth == classes)).sum(dim=(2, 3))
    total = (found == classes).sum(dim=(2, 3)) + (truth == classes).sum(dim=(2, 3))
    shown = total > 0
    dice = 2 * both[shown] / total[shown]
    return {"dice": dice.mean() if shown.any() else torch.tensor(1.0), "count": int(shown.sum())}
