"""FreeSurfer's images, `.mgh` and packed `.mgz`: a header of 284 bytes, then the voxels.

The header says the size of a voxel, the three axes (to the right, front and top) and the place of
the middle of the grid, which is voxel `size / 2`. All numbers are in big-endian order.
"""

import math
import zlib
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.nifti_forms import TO_LPS, Placement
from SlicePropagationLib.files.packed import MARK, MOST_PACKED, PackedFile
from SlicePropagationLib.files.reading import tell_file

SUFFIXES = (".mgz", ".mgh")
HEADER_BYTES = 284
VERSION = 1
TYPES = {0: "u1", 1: "i4", 3: "f4", 4: "i2", 10: "u2"}
HEADER = np.dtype(
    [
        ("version", ">i4"),
        ("sizes", ">i4", 4),
        ("type", ">i4"),
        ("dof", ">i4"),
        ("has_axes", ">i2"),
        ("spacing", ">f4", 3),
        ("axes", ">f4", (3, 3)),
        ("centre", ">f4", 3),
    ]
)
# What FreeSurfer assumes of a file that does not say its axes: coronal slices.
CORONAL = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
DAMAGES = (EOFError, OSError, zlib.error)


def is_mgh(path: Path | str) -> bool:
    """Whether a name is that of one of FreeSurfer's images."""
    return str(path).lower().endswith(SUFFIXES)


def read_mgh(path: Path) -> tuple[np.ndarray, Placement]:
    """Read an image.

    Returns:
        ((K, J, I) or (T, K, J, I) voxels, where they lie).

    Raises:
        InputError: it is truncated, damaged or of another kind.
    """
    try:
        with open(path, "rb") as file:
            is_packed = file.read(len(MARK)) == MARK
            file.seek(0)
            tell_file(file, "Unpacking the file" if is_packed else "Reading the file")
            stream = PackedFile(file) if is_packed else file
            header = _header(stream.read(HEADER_BYTES), path)
            sizes = [int(size) for size in header["sizes"]]
            kind = np.dtype(">" + TYPES[int(header["type"])])
            needed = math.prod(sizes) * kind.itemsize
            if needed > path.stat().st_size * MOST_PACKED:
                raise EOFError(f"its header promises {needed} bytes of voxels")
            content = stream.read(needed)
    except DAMAGES as error:
        raise InputError(
            f"{path} cannot be read as an image; it may be truncated or of another kind. ({error})"
        ) from error
    if len(content) < needed:
        raise InputError(
            f"{path} holds {len(content)} bytes of voxels, its header promises {needed}; it is"
            " truncated, copy it again."
        )
    voxels = np.frombuffer(content, kind).astype(kind.newbyteorder("="))
    shape = sizes[::-1] if sizes[3] > 1 else sizes[2::-1]
    return voxels.reshape(shape), _placement(header, path)


def _header(start: bytes, path: Path) -> np.void:
    if len(start) < HEADER_BYTES:
        raise InputError(
            f"{path} cannot be read as an image: it has {len(start)} bytes, the header alone needs"
            f" {HEADER_BYTES}; it is truncated, copy it again."
        )
    header = np.frombuffer(start, HEADER, 1)[0]
    is_sized = min(header["sizes"]) > 0
    if header["version"] != VERSION or header["type"] not in TYPES or not is_sized:
        raise InputError(
            f"{path} cannot be read as an image: its header says version {header['version']}, type"
            f" {header['type']} and size {'x'.join(map(str, header['sizes']))}, where version"
            f" {VERSION} and a type of {', '.join(map(str, TYPES))} are known; convert it to NIfTI."
        )
    return header


def _placement(header: np.void, path: Path) -> Placement:
    spacing = np.ones(3)
    axes = CORONAL
    centre = np.zeros(3)
    remarks: tuple[str, ...] = ()
    if header["has_axes"] > 0:
        spacing = header["spacing"].astype(float)
        axes = header["axes"].T.astype(float)
        centre = header["centre"].astype(float)
    else:
        remarks = (
            f"{path} does not say its axes; coronal slices of 1 mm are assumed, as in FreeSurfer.",
        )
    _check_axes(spacing, axes, centre, path)
    left, _, right = np.linalg.svd(axes)
    axes = left @ right
    middle = header["sizes"][:3] / 2
    origin = TO_LPS @ (centre - axes @ (spacing * middle))
    return Placement(tuple(spacing.tolist()), tuple(origin.tolist()), TO_LPS @ axes, remarks)


def _check_axes(
    spacing: np.ndarray,
    axes: np.ndarray,
    centre: np.ndarray,
    path: Path,
) -> None:
    is_finite = np.isfinite(np.concatenate([spacing, axes.ravel(), centre])).all()
    if is_finite and min(spacing) > 0 and np.abs(axes.T @ axes - np.eye(3)).max() < 0.02:
        return
    said = ", ".join(f"{size:g}" for size in spacing)
    raise InputError(
        f"{path} has voxels of {said} mm and axes that are not at right angles to each other; sizes"
        " above 0 and right angles are read. Correct its header, or convert it to NIfTI."
    )
