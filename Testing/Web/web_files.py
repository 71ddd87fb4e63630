"""Image files as scanners and programs write them, made on the spot."""

import numpy as np
import SimpleITK as sitk

SPACING = (0.8, 0.8, 3.0)  # along I, J, K in mm
ORIGIN = (-20.0, 12.5, -300.0)


def ct(shape=(9, 48, 56), seed=3):
    """A small CT-like (K, J, I) int16 volume with a bright ellipsoid."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, count) for count in shape), indexing="ij"))
    noise = np.random.default_rng(seed).normal(0, 20, shape)
    return np.round(np.where((grid**2).sum(axis=0) < 0.4, 120, -80) + noise).astype(np.int16)


def as_image(array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    return image


def write_image(path, array):
    """Write a volume as a file; returns its path."""
    sitk.WriteImage(as_image(array), str(path))
    return path


def write_dicom(folder, array, series=1, prefix="IM"):
    """Write a CT series, one file a slice, as a scanner does; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    image = as_image(array)
    root = f"1.2.826.0.1.3680043.2.1125.{series}"
    paths = []
    for index in range(len(array)):
        piece = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        tags = {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{root}.1.{index + 1}",
            "0020|000d": f"{root}.9",
            "0020|000e": f"{root}.1",
            "0020|0052": f"{root}.7",
            "0020|0013": str(index + 1),
            "0020|0032": "\\".join(f"{value:.4f}" for value in position),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": str(SPACING[2]),
            "0028|1052": "0",
            "0028|1053": "1",
            "0010|0010": "Test^Patient",
        }
        for tag, value in tags.items():
            piece.SetMetaData(tag, value)
        paths.append(folder / f"{prefix}{index:04d}.dcm")
        writer.SetFileName(str(paths[-1]))
        writer.Execute(piece)
    return paths
