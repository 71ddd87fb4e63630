"""Segmenter and refiner of thick stacks: the families acnn.segmentation and acnn.superresolution, whose results lie on finer slices."""

import numpy as np
import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.networks.acnn.config import SEGMENTATION_STEP, SubpixelConfig
from SlicePropagationLib.networks.acnn.subpixel import build_subpixel
from SlicePropagationLib.networks.checkpoint import fill_network
from SlicePropagationLib.segmenters.acnn.fine_grid import Placement, normalise_linearly, to_classes

OTHER_SPACING = (
    0.25  # share by which the distance of slices may differ from what the model was made for
)


class SubpixelSegmenter:
    """A network from thick slices to the fine grid, applied to a whole stack.

    Attributes:
        family: of its checkpoints.
        factor: fine slices that come out for each slice.
        labels: the labels that it finds.
        gives_labels: whether it needs the labels of the thick slices too.
    """

    sees_time = False

    def __init__(self, network, config, task, family, device="cpu"):
        self.network = network.to(device).eval()
        self.config = config
        self.family = family
        self.device = device
        self.labels = tuple(task["labels"])
        self.gives_labels = bool(task["gives_labels"])
        self.factor = config.grid.factor

    def segment(self, stack):
        """(N * factor, H, W) uint8 labels of a SliceStack.

        Raises:
            InputError: its slices are not as far apart as those that the model was made for, or the
                model refines annotations only.
        """
        if self.gives_labels:
            raise InputError(
                "This model refines annotations and needs one; use `slice-propagation superresolve"
                " --image I --labels L --model M.pt`."
            )
        return self._labels(self._apply(stack, None))

    def refine(self, stack, labels):
        """(N * factor, H, W) uint8 labels of a SliceStack whose slices are annotated: (N, H, W) labels; InputError as in `segment`."""
        if not self.gives_labels:
            raise InputError(
                "This model does not look at annotations; train one with `slice-propagation train"
                " acnn_segmentation --preset annotation`, or leave --model out."
            )
        return self._labels(self._apply(stack, to_classes(labels, self.labels)))

    def enhance(self, stack):
        """(N * factor, H, W) float32 intensities of a SliceStack, in its own units.

        InputError as in `segment`.
        """
        low, high = np.percentile(stack.images, [1, 99])
        return self._apply(stack, None)[0] * max(float(high - low), 1e-6) + float(low)

    def _labels(self, logits):
        return np.array((0, *self.labels), np.uint8)[logits.argmax(axis=0)]

    def _apply(self, stack, classes):
        """(C, N * factor, H, W) probabilities, or intensities, on the stack's pixels."""
        self._check(stack)
        coarse = self._placement(stack)
        maps = [coarse.read_image(normalise_linearly(stack.images))]
        if classes is not None:
            found = coarse.read_classes(classes, len(self.labels) + 1)
            maps += [(found == number).astype(np.float32) for number in range(len(self.labels) + 1)]
        with torch.inference_mode():
            output = self.network(torch.from_numpy(np.stack(maps))[None].to(self.device)).float()
        output = (
            (output.softmax(dim=1) if self.config.out_channels > 1 else output)[0].cpu().numpy()
        )
        return self._spread(output, coarse, (len(stack) * self.factor, *stack.slice_shape))

    def _spread(self, output, coarse, shape):
        fine = Placement(
            output.shape[1:],
            (coarse.first[0] * self.factor, *coarse.first[1:]),
            (1.0, *coarse.step[1:]),
        )
        spread = np.stack([fine.write_image(values, shape) for values in output])
        if len(spread) > 1:
            spread[0] = 1 - spread[1:].sum(axis=0)  # background outside of the network's grid
        return spread

    def _check(self, stack):
        wanted = self.config.grid.thick_mm
        if abs(stack.spacing_mm[0] - wanted) > OTHER_SPACING * wanted:
            raise InputError(
                f"The image has slices {stack.spacing_mm[0]:g} mm apart along this axis, the model"
                f" was made for {wanted:g} mm; choose the axis of the thick slices with --axis,"
                f" resample the image to {wanted:g} mm, or train a model with grid.spacing_mm and"
                " grid.factor that fit."
            )

    def _placement(self, stack):
        """Thick slices as they are.

        Rows and columns at the model's spacing, as many as the network can halve, or the cascade's
        own.
        """
        steps = [
            cell / pixel
            for cell, pixel in zip(self.config.grid.spacing_mm[1:], stack.spacing_mm[1:])
        ]
        sides = [
            -(-int(np.ceil(size / step)) // SEGMENTATION_STEP) * SEGMENTATION_STEP
            for size, step in zip(stack.slice_shape, steps)
        ]
        count = len(stack)
        first = 0
        if self.config.kind == "cascade":
            count = self.config.grid.num_thick
            sides = self.config.grid.shape[1:]
            first = (len(stack) - count) // 2
        starts = [
            (size - 1) / 2 - (side - 1) / 2 * step
            for size, side, step in zip(stack.slice_shape, sides, steps)
        ]
        return Placement((count, *sides), (float(first), *starts), (1.0, *steps))


def make_subpixel(checkpoint, path, device):
    """The segmenter of a checkpoint of family acnn.segmentation or acnn.superresolution."""
    config = config_from_dict(SubpixelConfig, checkpoint.config["network"])
    return SubpixelSegmenter(
        fill_network(build_subpixel(config), checkpoint, path),
        config,
        checkpoint.config,
        checkpoint.family,
        device,
    )
