"""A case of a few thousand voxels, for tests in which the program matters and not the image."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

DRAWN = 4  # the slice of the seed
SPACING = (1.0, 1.0, 3.0)


def write(path: Path, array: np.ndarray) -> Path:
    """Write a (K, J, I) array with 3 mm slices; returns the path."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, str(path), True)
    return path


def write_small_case(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """image.nii.gz with a slanted tube and seed.nii.gz with one slice of it: (image, seed)."""
    k, j, i = np.indices((10, 24, 28))
    tube = (j - 10 - 0.4 * k) ** 2 + (i - 12) ** 2 < 36
    tube[[0, -1]] = False
    noise = np.random.default_rng(0).normal(0, 8, tube.shape)
    image = (100 * tube + noise).astype(np.int16)
    seed = np.zeros(tube.shape, np.uint8)
    seed[DRAWN] = tube[DRAWN]
    write(folder / "image.nii.gz", image)
    write(folder / "seed.nii.gz", seed)
    return image, seed


def write_segmentation_with(
    path: Path,
    seed: np.ndarray,
    fields: dict[str, bytes],
) -> None:
    """The seed as a `.seg.nrrd` with one segment whose fields are these bytes."""
    plain = write(path.with_name("plain.nrrd"), seed)
    header, _, data = plain.read_bytes().partition(b"\n\n")
    for name, value in fields.items():
        header += b"\nSegment0_" + name.encode() + b":=" + value
    path.write_bytes(header + b"\n\n" + data)
    plain.unlink()
