"""`GapUNetEngine`: fills all slices between or beyond annotated ones at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from SlicePropagationLib.arrays import Anchors, Probability
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.digest import digest_of
from SlicePropagationLib.engines.distance import equivalent_radius
from SlicePropagationLib.engines.gap.square import Square
from SlicePropagationLib.engines.gap.stack_window import annotate, cut_window, recall
from SlicePropagationLib.engines.gap.window import Annotation, make_inputs
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.gap.config import GapUNetConfig
from SlicePropagationLib.networks.gap.gap_unet import GapUNet
from SlicePropagationLib.planning import Gap, Run, gap_of
from SlicePropagationLib.stack import SliceStack

logger = logging.getLogger(__name__)
CONTEXT = 4  # slices that are seen beyond the annotated ends of a gap
MOST_SLICES = 64  # of a gap in one window; where there are more, some are left out
REACH = 40  # most slices of a window beyond the outermost annotated one,
REACH_RADII = 2.5  # which goes that far in radii of the structure,
MIN_REACH = 6  # and these slices further
OVERLAP = 4  # slices from the end of such a window to where the next one begins
# Where slices are that much thinner than the structure is wide, only every second one, or third...
SLICES_PER_RADIUS = 12.0


@dataclass(frozen=True)
class Filled:
    """What the network says of some slices.

    Attributes:
        square: where the cells lie.
        indices: the slices, ascending.
        log_odds: (T, C, C) float32, on the CPU.
        quality: (T,) float32 Dice expected of their masks, in [0, 1].
    """

    square: Square
    indices: tuple[int, ...]
    log_odds: Tensor
    quality: Tensor

    def odds_at(self, index: int) -> Tensor:
        """(C, C) log odds of a slice; between two that were looked at, in proportion."""
        return self._between(self.log_odds, index)

    def quality_at(self, index: int) -> float:
        """Dice expected of the mask of a slice, in [0, 1]."""
        return float(self._between(self.quality, index))

    def _between(self, values: Tensor, index: int) -> Tensor:
        after = int(np.searchsorted(self.indices, index))
        if self.indices[after] == index:
            return values[after]
        first, second = self.indices[after - 1], self.indices[after]
        share = (index - first) / (second - first)
        return torch.lerp(values[after - 1], values[after], share)

    def probability_at(self, stack: SliceStack, index: int) -> Probability:
        """(H, W) float32 of a slice."""
        cells = self.odds_at(index)[None]
        odds, top, left = self.square.spread(cells, stack.slice_shape, stack.spacing_mm[1:])
        probability = np.zeros(stack.slice_shape, np.float32)
        height, width = odds.shape[1:]
        probability[top : top + height, left : left + width] = odds[0].sigmoid().numpy()
        return probability


class GapUNetEngine:
    """Looks at a whole gap, both of its ends and what lies behind them.

    Both walks of a gap see the same prediction. Beyond the outermost annotated slice window
    follows window until the structure has ended.

    Args:
        network: a GapUNet with its weights.
        device: "cpu" or "cuda".
    """

    name = "gap_unet"
    model_sha256: str

    def __init__(self, network: GapUNet, device: str = "cpu"):
        self._move(network, device)
        self._shown: dict[tuple[int, int, int], Filled] = {}  # by label, anchor and direction

    def walk(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[Probability]:
        """Predict the slices of `run` outward from its anchor; as `propagation.Engine.walk`."""
        gap = gap_of(run.targets[0], anchors)
        filled = None
        if None not in gap and any(anchors[place].any() for place in gap if place is not None):
            filled = self._show(run, self._fill_between(stack, gap, anchors))
        if not anchors[run.anchor].any():  # the walk from the other end predicts
            return
        for index in run.targets:
            if filled is None or not filled.indices[0] <= index <= filled.indices[-1]:
                filled = self._fill_beyond(stack, run, index, anchors, filled)
                self._show(run, filled)
            yield filled.probability_at(stack, index)

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: tuple[int, int],
        anchors: Anchors,
    ) -> Probability:
        """Both walks of a gap are the same prediction; from an empty slice none comes."""
        return np.maximum(forward, backward)

    def quality(self, run: Run, index: int) -> float:
        """The Dice expected of a slice that a walk has just predicted, in [0, 1]."""
        return self._shown[run.label, run.anchor, run.step].quality_at(index)

    def _show(self, run: Run, filled: Filled) -> Filled:
        """Remember how good a walk expects its slices to be; the rest is the cache's to keep."""
        quality = replace(filled, log_odds=torch.empty(0))
        self._shown[run.label, run.anchor, run.step] = quality
        return filled

    def _fill_between(self, stack: SliceStack, gap: Gap, anchors: Anchors) -> Filled:
        """All slices of a gap between two annotated ones."""
        left, right = gap
        assert left is not None and right is not None
        shown = [anchors[index] for index in (left, right) if anchors[index].any()]
        square = Square.around(shown, stack.spacing_mm[1:])
        count = right - left
        if count > MOST_SLICES:
            steps = -(-count // -(-count // MOST_SLICES))
            indices = np.unique(np.round(np.linspace(left, right, steps + 1)).astype(int)).tolist()
        else:
            indices = list(range(max(0, left - CONTEXT), min(len(stack), right + CONTEXT + 1)))
        key = ("gap_unet", self.model_sha256, tuple(indices), digest_of(anchors))
        notes = {i: annotate(stack, square, anchors[i]) for i in indices if i in anchors}
        return self._remembered(stack, key, square, indices, notes, anchors)

    def _fill_beyond(
        self, stack: SliceStack, run: Run, index: int, anchors: Anchors, before: Filled | None
    ) -> Filled:
        """The slices from `index` on, beyond the outermost annotated one.

        Args:
            stack: the slices.
            run: the walk.
            index: the slice that is asked for.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.
            before: the window before, which ends behind the slice.
        """
        begin = run.anchor
        mask = anchors[run.anchor].astype(np.float32)
        if before is not None:
            begin = index - (OVERLAP + 1) * run.step
            mask = before.probability_at(stack, begin)
        if not (mask >= 0.5).any():
            return _nothing(stack, run, index)
        radius_mm = equivalent_radius((mask >= 0.5).sum() * stack.pixel_area_mm2)
        stride = max(1, round(radius_mm / stack.spacing_mm[0] / SLICES_PER_RADIUS))
        square = Square.around([mask >= 0.5], stack.spacing_mm[1:])
        indices = _slices_around(begin, run.step, stride, radius_mm, stack)
        notes = {i: annotate(stack, square, anchors[i]) for i in indices if i in anchors}
        notes[begin] = annotate(stack, square, mask)
        predicted = mask.tobytes() if before is not None else b""
        key = (
            "gap_unet",
            self.model_sha256,
            tuple(indices),
            digest_of(anchors),
            begin,
            predicted,
        )
        return self._remembered(stack, key, square, indices, notes, anchors)

    def _remembered(
        self,
        stack: SliceStack,
        key: tuple,
        square: Square,
        indices: list[int],
        notes: dict[int, Annotation],
        anchors: Anchors,
    ) -> Filled:
        found = stack.cache.get(key)
        if found is None:
            log_odds, quality = self._predict(stack, square, indices, notes, anchors)
            found = Filled(square, tuple(indices), log_odds, quality)
            stack.cache.put(key, found, log_odds.nbytes)
        return found

    def _predict(
        self,
        stack: SliceStack,
        square: Square,
        indices: list[int],
        notes: dict[int, Annotation],
        anchors: Anchors,
    ) -> tuple[Tensor, Tensor]:
        """(T, C, C) float32 log odds and (T,) expected Dice, on the CPU."""
        arguments = (stack, square, indices, notes, anchors)
        try:
            return self._run_network(*arguments)
        except torch.cuda.OutOfMemoryError:
            logger.warning("The GPU has no memory left; the propagation goes on with the CPU.")
            torch.cuda.empty_cache()
            self._move(self.network, "cpu")
            return self._run_network(*arguments)

    def _run_network(
        self,
        stack: SliceStack,
        square: Square,
        indices: list[int],
        notes: dict[int, Annotation],
        anchors: Anchors,
    ) -> tuple[Tensor, Tensor]:
        window = cut_window(stack, square, indices, notes, anchors, self.device)
        middle = (indices[0] + indices[-1]) / 2
        outside = sorted(set(anchors) - set(indices), key=lambda place: abs(place - middle))
        is_half = self.device == "cuda"
        with torch.inference_mode(), torch.autocast(self.device, enabled=is_half):
            inputs = make_inputs(window)
            memory = None
            if outside:
                known = {index: anchors[index] for index in outside}
                memory = recall(stack, square, window, known)[None].to(self.device)
            found = self.network(inputs.maps[None], inputs.scalars[None], memory)
        return found.log_odds[0].float().cpu(), found.quality[0].float().sigmoid().cpu()

    def _move(self, network: GapUNet, device: str) -> None:
        self.device = device
        # torch's types leave `memory_format` out.
        network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.network = network.eval()


def _slices_around(
    begin: int, step: int, stride: int, radius_mm: float, stack: SliceStack
) -> list[int]:
    """Ascending slices of a window beyond `begin`, as far as a structure may reach, and some behind.

    The last slice of the volume is one of them where the window ends less than a stride before it.
    """
    far = REACH_RADII * radius_mm / (stride * stack.spacing_mm[0])
    reach = min(REACH, int(far) + MIN_REACH)
    steps = range(-CONTEXT, reach + 1)
    indices = {begin + step * stride * number for number in steps}
    inside = {index for index in indices if 0 <= index < len(stack)}
    last = len(stack) - 1 if step > 0 else 0
    if min(abs(last - index) for index in inside) < stride:
        inside.add(last)
    return sorted(inside)


def _nothing(stack: SliceStack, run: Run, index: int) -> Filled:
    """That the structure has ended before a slice."""
    rest = range(index, len(stack)) if run.step > 0 else range(index + 1)
    square = Square(0.0, 0.0, min(stack.spacing_mm[1:]), 1)
    return Filled(square, tuple(rest), torch.full((len(rest), 1, 1), -20.0), torch.ones(len(rest)))


def make_gap_unet(checkpoint: Checkpoint, path: Path, device: str) -> GapUNetEngine:
    """The engine of a checkpoint of family gap_unet."""
    network = GapUNet(config_from_dict(GapUNetConfig, checkpoint.config["network"]))
    return GapUNetEngine(fill_network(network, checkpoint, path), device)
