"""The grid of a volume with more slices.

Where the results of models lie that see between thick slices.
"""

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.files.volume import Volume


def refine_volume(
    volume: Volume,
    axis: int,
    factor: int,
) -> Volume:
    """A volume of zeros on the fine grid: slice j of `volume` is its slice j * factor + factor // 2.

    Args:
        volume: the Volume of thick slices.
        axis: the array axis (0, 1, 2 for K, J, I) that the slices run along.
        factor: fine slices for a thick one.
    """
    shape = list(volume.array.shape)
    shape[axis] *= factor
    spacing = list(volume.image.GetSpacing())
    along = 2 - axis  # SimpleITK counts I, J, K
    spacing[along] /= factor
    direction = np.array(volume.image.GetDirection()).reshape(3, 3)
    origin = np.array(volume.image.GetOrigin()) - factor // 2 * spacing[along] * direction[:, along]
    image = sitk.GetImageFromArray(np.zeros(shape, np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin(origin.tolist())
    image.SetDirection(volume.image.GetDirection())
    return Volume(sitk.GetArrayViewFromImage(image), image, volume.path)
