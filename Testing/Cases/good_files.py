"""A good file of each kind that `mutants` damages."""

import contextlib
import gzip
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from small_case import SPACING, write, write_small_case

from SlicePropagationLib.files.mgh import HEADER

CHECKOUT = Path(__file__).resolve().parents[2]
ROWS = "image.nii.gz,seed.nii.gz,one.nii.gz,auto,0:9\nimage.nrrd,seed.nii,two.nii.gz,k,\n"


def write_good(folder: Path) -> tuple[str, ...]:
    """Write them; returns the endings of those that cannot be written here."""
    image, seed = write_small_case(folder)
    for name in ("image.nii", "image.nrrd", "image.mha"):
        write(folder / name, image)
    write(folder / "seed.nii", seed)
    write(folder / "seed.seg.nrrd", seed)
    (folder / "cases.csv").write_text("image,seed,out,axis,range\n" + ROWS, encoding="utf-8")
    write_mgz(folder / "image.mgz", image)
    write_pictures(folder, image)
    left_out = () if write_dicom(folder, image) else (".dcm",)
    return left_out if write_model(folder) else (*left_out, ".pt")


def write_mgz(path: Path, image) -> None:
    """A packed image of FreeSurfer."""
    header = np.zeros(1, HEADER)
    header["version"] = 1
    header["sizes"] = [*image.shape[::-1], 1]
    header["type"] = 4
    header["spacing"] = SPACING
    header["axes"] = np.eye(3)
    header["has_axes"] = 1
    path.write_bytes(gzip.compress(header.tobytes() + image.astype(">i2").tobytes()))


def write_pictures(folder: Path, image) -> None:
    """A TIFF file with packed pages, and a folder of PNG files of which one is `slice.png`."""
    (folder / "pictures").mkdir()
    grey = (image - image.min()).astype(np.uint16)
    write_packed(folder / "stack.tif", sitk.GetImageFromArray(grey), "LZW")
    for number, pixels in enumerate(grey):
        name = "slice.png" if number == 2 else f"slice{number}.png"
        sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / "pictures" / name))


def write_packed(path: Path, image, how: str) -> None:
    """Write an image, packed in a way that SimpleITK knows."""
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressor(how)
    writer.Execute(image)


def write_dicom(folder: Path, image) -> bool:
    """A series for each way to pack it, of which one slice is `slice.dcm`; False without pydicom."""
    try:
        from case_inputs import dicom_image, save_dicom
    except ImportError:
        return False
    for how in ("plain", "JPEG", "JPEG2000", "RLE"):
        for index, pixels in enumerate(image):
            slice_image = dicom_image(pixels + 50, index + 1, 3.0 * index)
            pack(slice_image, how, folder)
            name = "slice.dcm" if index == 2 else None
            save_dicom(folder / f"series-{how.lower()}", slice_image, name=name)
    return True


def pack(slice_image, how: str, folder: Path) -> None:
    """Pack the pixels of a slice, in place."""
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    if how == "RLE":
        slice_image.compress(RLELossless, generate_instance_uid=False)
    elif how != "plain":
        packed = folder / "packed.dcm"
        write_packed(packed, sitk.GetImageFromArray(slice_image.pixel_array[None]), how)
        other = dcmread(packed)
        slice_image.file_meta.TransferSyntaxUID = other.file_meta.TransferSyntaxUID
        slice_image.PixelData = other.PixelData
        slice_image["PixelData"].is_undefined_length = True
        packed.unlink()


def write_model(folder: Path) -> bool:
    """A model file without hidden size; False where torch or its weights are missing."""
    shipped = CHECKOUT / "Resources" / "Models" / "voxelmorph.pt"
    with contextlib.suppress(ImportError):
        import torch  # noqa: F401

        if shipped.is_file():
            shutil.copy(shipped, folder / "model.pt")
            return True
    return False
