"""`ITKInterpolationEngine`: what Slicer's "Fill between slices" does; for comparisons.

Source: Zukić et al., ND morphological contour interpolation, Insight Journal 2016, with ITK's
defaults along the slice axis.
"""

from collections.abc import Iterator
from importlib import import_module

import numpy as np

from SlicePropagationLib.arrays import Anchors, Mask, Masks, Probability
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.orientation import UPRIGHT, Turn
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack

MARGIN_PIXELS = (4, 4)
# The class itself: `itk.MorphologicalContourInterpolator` first loads twenty modules of ITK that it
# does not use, which takes 20 seconds.
INTERPOLATOR = "itk.itkMorphologicalContourInterpolatorPython"
OF_BYTES = "itkMorphologicalContourInterpolatorIUC3"  # of 3D images of uint8
SLICE_AXIS = 2  # ITK counts axes from the fastest one


class ITKInterpolationEngine:
    """Interpolates between two annotated slices that both show the structure.

    Anywhere else it says that the structure has ended. ITK sees slices upright, so that how a volume
    is stored makes no difference.

    Raises:
        ConfigError: ITK is installed without the interpolation.
    """

    name = "itk_interpolation"

    def __init__(self):
        try:
            self._interpolator = getattr(import_module(INTERPOLATOR), OF_BYTES)  # takes seconds
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                "ITK is installed without its morphological contour interpolation; install the"
                " extra: pip install 'slice-propagation[compare]'."
            ) from error

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Interpolate the slices of `run`; the two walks of a gap agree.

        Args:
            stack: the read-only SliceStack; only its size is looked at.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability, 0 or 1; nothing beyond the outermost anchor, or where an end
            of the gap is empty.
        """
        left, right = gap_of(run.targets[0], anchors)
        if left is None or right is None:
            return
        first = anchors[left]
        last = anchors[right]
        if not (first.any() and last.any()):
            return
        window = CropWindow.around(first | last, MARGIN_PIXELS, stack.slice_shape)
        # ITK finds another contour where rows, columns or slices come in another order
        turn = Turn.upright(stack.towards)
        order = 1 if not stack.towards or stack.towards[0] in UPRIGHT else -1
        ends = [turn.of(window.crop(mask)) for mask in (first, last)][::order]
        filled = self._fill(ends[0], ends[1], right - left + 1)[::order]
        for index in run.targets:
            yield window.paste(turn.back(filled[index - left]), stack.slice_shape)

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: tuple[int, int],
        anchors: Anchors,
    ) -> Probability:
        """Both walks are the same interpolation."""
        return np.maximum(forward, backward)

    def _fill(
        self,
        first: Mask,
        last: Mask,
        count: int,
    ) -> Masks:
        """(count, h, w) uint8 slices from mask `first` to mask `last`, both included."""
        import itk

        slices = np.zeros((count, *first.shape), np.uint8)
        slices[0] = first
        slices[-1] = last
        interpolator = self._interpolator.New()
        interpolator.SetInput(itk.image_from_array(slices))
        interpolator.SetAxis(SLICE_AXIS)
        interpolator.Update()
        return itk.array_from_image(interpolator.GetOutput())
