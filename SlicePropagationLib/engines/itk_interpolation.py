"""`ITKInterpolationEngine`: morphological contour interpolation, what Slicer's "Fill between slices" does; for comparisons.

Source: Zukić et al., ND morphological contour interpolation, Insight Journal 2016, with ITK's
    defaults along the slice axis.
"""

import numpy as np

from SlicePropagationLib.engines.crop_window import Window
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.planning import gap_of

MARGIN_PIXELS = (4, 4)
SLICE_AXIS = 2  # ITK counts axes from the fastest one


class ITKInterpolationEngine:
    """Interpolates between two annotated slices that both show the structure.

    Anywhere else it says that the structure has ended.

    Raises:
        ConfigError: ITK is installed without the interpolation.
    """

    name = "itk_interpolation"

    def __init__(self):
        import itk  # takes seconds

        self._interpolate = getattr(itk, "morphological_contour_interpolator", None)
        if self._interpolate is None:
            raise ConfigError(
                "ITK is installed without its morphological contour interpolation; install the"
                " extra: pip install 'slice-propagation[compare]'."
            )

    def walk(self, stack, run, anchors):
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
        if left is None or right is None or not (anchors[left].any() and anchors[right].any()):
            return
        window = Window.around([anchors[left], anchors[right]], MARGIN_PIXELS, stack.slice_shape)
        filled = self._fill(
            window.crop(anchors[left]),
            window.crop(anchors[right]),
            right - left + 1,
        )
        for index in run.targets:
            yield window.paste(filled[index - left], stack.slice_shape)

    def blend(self, stack, index, forward, backward, gap, anchors):
        """Both walks are the same interpolation."""
        return np.maximum(forward, backward)

    def _fill(self, first, last, count):
        """(count, h, w) uint8 slices from mask `first` to mask `last`, both included."""
        import itk

        slices = np.zeros((count, *first.shape), np.uint8)
        slices[0], slices[-1] = first, last
        return itk.array_from_image(
            self._interpolate(itk.image_from_array(slices), axis=SLICE_AXIS)
        )
