"""Case files for tests: an image with a drifting disc, its truth, and a seed on one slice."""

import numpy as np
import SimpleITK as sitk
from phantoms import drifting_disc

OBLIQUE = (
    0.8,
    -0.6,
    0.0,
    0.6,
    0.8,
    0.0,
    0.0,
    0.0,
    -1.0,
)  # turned about the third axis, which is flipped


def write(path, array, spacing=(1.0, 1.5, 3.0), origin=(5.0, -7.0, 11.0), direction=OBLIQUE):
    """Write a (K, J, I) array; spacing is along I, J, K."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    sitk.WriteImage(image, str(path))
    return path


def make_case(folder, slices=(7,), suffix=".nii.gz", label=1):
    """Write image, truth and seed into a folder; returns their paths by name."""
    stack, truth = drifting_disc()
    seed = np.zeros(truth.shape, np.uint8)
    for index in slices:
        seed[index] = label * truth[index]
    return {
        "image": write(folder / f"image{suffix}", stack.images.astype(np.int16)),
        "seed": write(folder / f"seed{suffix}", seed),
        "truth": write(folder / f"truth{suffix}", label * truth.astype(np.uint8)),
    }


def read(path):
    """(K, J, I) array of a file."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def write_dicom(folder, count=4):
    """A series of slices as DICOM files; slice i is filled with 10 * i."""
    folder.mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index in range(count):
        image = sitk.GetImageFromArray(np.full((1, 6, 5), 10 * index, np.int16))
        image.SetSpacing((0.5, 0.75, 2.0))
        for key, value in {
            "0020|000e": "1.2.3.4",
            "0020|000d": "1.2.3",
            "0008|0018": f"1.2.3.4.{index + 1}",
            "0020|0013": str(index),
            "0008|0060": "CT",
            "0020|0032": f"0\\0\\{2 * index}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": "2",
        }.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{count - index}.dcm"))
        writer.Execute(image)
