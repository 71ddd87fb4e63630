"""Image files as scanners and programs write them, made on the spot."""

import numpy as np
import SimpleITK as sitk

SPACING = (0.8, 0.8, 3.0)  # along I, J, K in mm
ORIGIN = (-20.0, 12.5, -300.0)


def ct(shape=(9, 48, 56), seed=3):
    """A small CT-like (K, J, I) int16 volume with a bright ellipsoid."""
    axes = [np.linspace(-1, 1, count) for count in shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    is_inside = (grid**2).sum(axis=0) < 0.4
    clean = np.where(is_inside, 120, -80)
    noise = np.random.default_rng(seed).normal(0, 20, shape)
    return np.round(clean + noise).astype(np.int16)


def as_image(array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    return image


def write_image(path, array):
    """Write a volume as a file; returns its path."""
    sitk.WriteImage(as_image(array), str(path))
    return path


def read_mask(path):
    """(K, J, I) bool: where the labels of a file are not zero."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0


def write_dicom(folder, array, series=1):
    """Write a CT series, one file a slice, as a scanner does; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    image = as_image(array)
    paths = []
    for index in range(len(array)):
        piece = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        for tag, value in dicom_tags(series, index, position).items():
            piece.SetMetaData(tag, value)
        paths.append(folder / f"IM{index:04d}.dcm")
        writer.SetFileName(str(paths[-1]))
        writer.Execute(piece)
    return paths


def dicom_tags(series, index, position):
    """What a scanner says of a slice of a series that lies at a position in mm."""
    root = f"1.2.826.0.1.3680043.2.1125.{series}"
    return {
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
