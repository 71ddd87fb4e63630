"""Large volumes whose voxels stay in their file: memory has what somebody looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.files import nifti
from SlicePropagationLib.files.nifti_forms import Placement
from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.ome_zarr import ZarrImage
from SlicePropagationLib.files.stored_voxels import StoredVoxels, stored_voxels
from SlicePropagationLib.files.unpacked import unpacked
from SlicePropagationLib.lazy_voxels import LazyVoxels

MAPPED_BYTES = 32 * 2**20  # of voxels, from which on they stay in the file,
UNPACKED_BYTES = 256 * 2**20  # and from which on packed ones are unpacked into another file
PIXEL_IDS = {
    "u1": sitk.sitkUInt8,
    "i1": sitk.sitkInt8,
    "u2": sitk.sitkUInt16,
    "i2": sitk.sitkInt16,
    "u4": sitk.sitkUInt32,
    "i4": sitk.sitkInt32,
    "u8": sitk.sitkUInt64,
    "i8": sitk.sitkInt64,
    "f4": sitk.sitkFloat32,
    "f8": sitk.sitkFloat64,
}


@dataclass(frozen=True)
class MappedImage:
    """A 3D image whose voxels are in a file; it says its geometry as a SimpleITK image does.

    Attributes:
        array: (K, J, I) read-only memory map, or voxels that are fetched when they are looked at.
        placement: where the voxels lie.
        fields: of the file's header, as text by name.
    """

    array: np.memmap | LazyVoxels
    placement: Placement
    fields: Mapping[str, str] = field(default_factory=dict)

    def GetDimension(self) -> int:
        """3."""
        return 3

    def GetNumberOfComponentsPerPixel(self) -> int:
        """1."""
        return 1

    def GetSize(self) -> tuple[int, ...]:
        """Voxels along I, J, K."""
        return tuple(reversed(self.array.shape))

    def GetSpacing(self) -> tuple[float, ...]:
        """Along I, J, K, in millimetres."""
        return tuple(map(float, self.placement.spacing_mm))

    def GetOrigin(self) -> tuple[float, ...]:
        """The place of the first voxel, in millimetres."""
        return tuple(map(float, self.placement.origin_mm))

    def GetDirection(self) -> tuple[float, ...]:
        """The axes, row by row of a matrix that has one in a column."""
        return tuple(np.ravel(self.placement.direction).tolist())

    def GetMetaDataKeys(self) -> tuple[str, ...]:
        """Names of the header's fields."""
        return tuple(self.fields)

    def HasMetaDataKey(self, name: str) -> bool:
        """Whether the header has a field."""
        return name in self.fields

    def GetMetaData(self, name: str) -> str:
        """A field of the header."""
        return self.fields[name]


Image = sitk.Image | MappedImage


@dataclass(frozen=True)
class MappedFile:
    """What was found in a file; as `image_file.ImageFile`, of a MappedImage."""

    image: MappedImage
    remarks: tuple[str, ...] = ()
    nifti: NiftiHeader | None = None


def voxels_of(image: Image) -> Any:
    """The voxels of an image: a copy, the map of a file, or `LazyVoxels`."""
    return image.array if isinstance(image, MappedImage) else sitk.GetArrayFromImage(image)


def copy_grid(image: sitk.Image, like: Image) -> None:
    """Give an image the place of another one of its size."""
    image.SetSpacing(like.GetSpacing())
    image.SetOrigin(like.GetOrigin())
    image.SetDirection(like.GetDirection())


def map_ome_zarr(found: ZarrImage) -> MappedFile | None:
    """A large OME-Zarr image whose chunks are fetched when they are looked at; None of a small one."""
    if found.num_bytes < MAPPED_BYTES:
        return None
    image = MappedImage(found.on_demand(), found.placement, found.fields)
    return MappedFile(image, found.remarks)


def map_file(path: Path) -> MappedFile | None:
    """A large 3D volume as a map of its file, or of what it was unpacked to.

    None where it is small or of a kind that cannot be mapped; then it is read as a whole.

    Args:
        path: a file, NRRD, MetaImage or NIfTI.

    Raises:
        InputError: the file is damaged, or cannot be unpacked.
    """
    return _map_nifti(path) if nifti.is_nifti(path) else _map_itk(path)


def _map_nifti(path: Path) -> MappedFile | None:
    found = nifti.stored_nifti(path)
    if found is None or not _is_large(found.voxels):
        return None
    array = _mapped(found.voxels, path, found.change, found.dtype)
    remarks = (*found.remarks, *found.placement.remarks)
    return MappedFile(MappedImage(array, found.placement), remarks, found.header)


def _map_itk(path: Path) -> MappedFile | None:
    voxels = stored_voxels(path)
    if voxels is None or not _is_large(voxels):
        return None
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None  # what is wrong with it is said by who reads all of it
    is_as_thought = (
        tuple(reversed(reader.GetSize())) == voxels.shape
        and reader.GetNumberOfComponents() == 1
        and reader.GetPixelID() == PIXEL_IDS[voxels.dtype.str[1:]]
    )
    if not is_as_thought:
        return None
    direction = np.reshape(reader.GetDirection(), (3, 3))
    placement = Placement(reader.GetSpacing(), reader.GetOrigin(), direction)
    fields = {name: reader.GetMetaData(name) for name in reader.GetMetaDataKeys()}
    return MappedFile(MappedImage(_mapped(voxels, path), placement, fields))


def _is_large(voxels: StoredVoxels) -> bool:
    return voxels.num_bytes >= (UNPACKED_BYTES if voxels.is_packed else MAPPED_BYTES)


def _mapped(
    voxels: StoredVoxels,
    path: Path,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
    dtype: np.dtype | None = None,
) -> np.memmap:
    if voxels.is_packed or change:
        return unpacked(voxels, path, change, dtype)
    return voxels.mapped()
