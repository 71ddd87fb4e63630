"""Segmenter and refiner of thick stacks, whose results lie on finer slices.

For the families acnn.segmentation and acnn.superresolution.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from SlicePropagationLib.arrays import Labels, Slices
from SlicePropagationLib.cache import Cache
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.networks.acnn.config import SEGMENTATION_STEP, SubpixelConfig
from SlicePropagationLib.networks.acnn.subpixel import build_subpixel
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.segmenters.acnn.fine_grid import Placement, normalise_linearly, to_classes
from SlicePropagationLib.segmenters.acnn.other_spacing import SliceSpacing, fine_slices
from SlicePropagationLib.stack import SliceStack

log = logging.getLogger(__name__)

# share by which the distance of slices may differ from what the model was made for
OTHER_SPACING = 0.25


class SubpixelSegmenter:
    """A network from thick slices to the fine grid, applied to a whole stack.

    Args:
        network: from (1, C, D, H, W) thick slices to logits or intensities on finer ones.
        config: the SubpixelConfig that it was built with.
        task: the configuration of its checkpoint; "labels" and "gives_labels" are looked at.
        family: of its checkpoints.
        device: "cpu" or "cuda".

    Attributes:
        family: of its checkpoints.
        factor: fine slices that come out for each slice.
        labels: the labels that it finds.
        gives_labels: whether it needs the labels of the thick slices too.
    """

    sees_time = False
    model_sha256: str

    def __init__(
        self,
        network: nn.Module,
        config: SubpixelConfig,
        task: dict[str, Any],
        family: str,
        device: str = "cpu",
    ):
        self.network = network.to(device).eval()
        self.config = config
        self.family = family
        self.device = device
        self.labels = tuple(task["labels"])
        self.gives_labels = bool(task["gives_labels"])
        self.factor = config.grid.factor

    def segment(self, stack: SliceStack) -> Labels:
        """(N * factor_for(spacing), H, W) uint8 labels of a SliceStack.

        Slices that are not as far apart as those that the model was made for are averaged, or
        interpolated, which is said.

        Raises:
            InputError: the model refines annotations only.
        """
        if self.gives_labels:
            raise InputError(
                "This model refines annotations and needs one; use `slice-propagation superresolve"
                " --image I --labels L --model M.pt`."
            )
        stack, other = self._thick(stack)
        return self._labels(_back(self._apply(stack, None), other))

    def factor_for(self, spacing_mm: float) -> int:
        """Fine slices of a result for each slice, of slices so far apart."""
        if self._fits(spacing_mm):
            return self.factor
        return fine_slices(spacing_mm, self.config.grid.thick_mm, self.factor)

    def refine(
        self,
        stack: SliceStack,
        labels: Labels,
    ) -> Labels:
        """(N * factor_for(spacing), H, W) uint8 labels of a SliceStack whose slices are annotated.

        Where its slices are not as far apart as those that the model was made for, the model is
        given slices in between, which is said.

        Args:
            stack: the thick slices.
            labels: (N * factor_for(spacing), H, W), what is annotated on them, each at fine slice j
                * factor + factor // 2, and what is supposed between them.

        Raises:
            InputError: the model does not look at annotations.
        """
        if not self.gives_labels:
            raise InputError(
                "This model does not look at annotations; train one with `slice-propagation train"
                " acnn_segmentation --preset annotation`, or leave --model out."
            )
        factor = self.factor_for(stack.spacing_mm[0])
        stack, other = self._thick(stack)
        drawn = other.nearest(labels) if other else labels[factor // 2 :: factor]
        classes = to_classes(drawn, self.labels)
        return self._labels(_back(self._apply(stack, classes), other))

    def enhance(self, stack: SliceStack) -> Slices:
        """(N * factor_for(spacing), H, W) float32 intensities of a SliceStack, in its own units.

        Slices that are not as far apart as those that the model was made for are averaged, or
        interpolated, which is said.
        """
        stack, other = self._thick(stack)
        low, high = np.percentile(stack.images, [1, 99])
        fine = _back(self._apply(stack, None), other)[0]
        return fine * max(float(high - low), 1e-6) + float(low)

    def _labels(self, probabilities: np.ndarray) -> Labels:
        """(...) uint8 labels of the most probable classes, of (C, ...) probabilities."""
        labels = np.array((0, *self.labels), np.uint8)
        return labels[probabilities.argmax(axis=0)]

    def _apply(
        self,
        stack: SliceStack,
        classes: Labels | None,
    ) -> np.ndarray:
        """(C, N * factor, H, W) probabilities, or intensities, on the stack's pixels."""
        coarse = self._placement(stack)
        maps = [coarse.read_image(normalise_linearly(stack.images))]
        if classes is not None:
            num_classes = len(self.labels) + 1
            found = coarse.read_classes(classes, num_classes)
            maps += [(found == number).astype(np.float32) for number in range(num_classes)]
        output = self._run_network(np.stack(maps))
        return self._spread(output, coarse, (len(stack) * self.factor, *stack.slice_shape))

    def _run_network(self, maps: np.ndarray) -> np.ndarray:
        """(C, D, h, w) probabilities, or intensities, of (maps, d, h, w)."""
        with torch.inference_mode():
            output = self.network(torch.from_numpy(maps)[None].to(self.device)).float()
            if self.config.out_channels > 1:
                output = output.softmax(dim=1)
        return output[0].cpu().numpy()

    def _spread(
        self,
        output: np.ndarray,
        coarse: Placement,
        shape: tuple[int, ...],
    ) -> np.ndarray:
        """(C, *shape) of (C, D, h, w), what the network says of the cells of the thick slices."""
        fine = Placement(
            output.shape[1:],
            (coarse.first[0] * self.factor, *coarse.first[1:]),
            (1.0, *coarse.step[1:]),
        )
        spread = np.stack([fine.write_image(values, shape) for values in output])
        if len(spread) > 1:
            spread[0] = 1 - spread[1:].sum(axis=0)  # background outside of the network's grid
        return spread

    def _thick(self, stack: SliceStack) -> tuple[SliceStack, SliceSpacing | None]:
        """A stack with slices as the model was made for, and how they lie in it where it had others."""
        wanted = self.config.grid.thick_mm
        spacing_mm = stack.spacing_mm[0]
        if self._fits(spacing_mm):
            return stack, None
        log.warning(
            "The image has slices %g mm apart, the model was made for %g mm: they were %s.",
            spacing_mm,
            wanted,
            "averaged" if spacing_mm < wanted else "interpolated",
        )
        slices = SliceSpacing(len(stack), spacing_mm, wanted, self.factor)
        spacing = (wanted, *stack.spacing_mm[1:])
        thick = replace(stack, images=slices.thick(stack.images), spacing_mm=spacing, cache=Cache())
        return thick, slices

    def _fits(self, spacing_mm: float) -> bool:
        wanted = self.config.grid.thick_mm
        return abs(spacing_mm - wanted) <= OTHER_SPACING * wanted

    def _placement(self, stack: SliceStack) -> Placement:
        """Thick slices as they are.

        Rows and columns at the model's spacing, as many as the network can halve, or the cascade's
        own.
        """
        grid = self.config.grid
        row_step = grid.spacing_mm[1] / stack.spacing_mm[1]
        column_step = grid.spacing_mm[2] / stack.spacing_mm[2]
        height, width = stack.slice_shape
        count = len(stack)
        num_rows = _halvable(height / row_step)
        num_columns = _halvable(width / column_step)
        first = 0
        if self.config.kind == "cascade":
            count = grid.num_thick
            num_rows, num_columns = grid.shape[1:]
            first = (len(stack) - count) // 2
        top = (height - 1) / 2 - (num_rows - 1) / 2 * row_step
        left = (width - 1) / 2 - (num_columns - 1) / 2 * column_step
        return Placement(
            (count, num_rows, num_columns),
            (float(first), top, left),
            (1.0, row_step, column_step),
        )


def _back(fine: np.ndarray, other: SliceSpacing | None) -> np.ndarray:
    """(C, ...) fine slices where the results of a stack lie, whose slices may lie otherwise."""
    return other.back(fine) if other else fine


def _halvable(length: float) -> int:
    """The next number of cells, at least this length, that the network can halve."""
    return -(-int(np.ceil(length)) // SEGMENTATION_STEP) * SEGMENTATION_STEP


def make_subpixel(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> SubpixelSegmenter:
    """The segmenter of a checkpoint of family acnn.segmentation or acnn.superresolution."""
    config = config_from_dict(SubpixelConfig, checkpoint.config["network"])
    network = fill_network(build_subpixel(config), checkpoint, path)
    return SubpixelSegmenter(network, config, checkpoint.config, checkpoint.family, device)
