"""Where the voxels of a NIfTI file lie.

A file may say it twice, by a quaternion (qform) and by a matrix (sform), each with a code of what it
refers to. Which one counts is as in ITK, and so in 3D Slicer: the sform where its code is 1
(scanner) or there is no qform, otherwise the qform. Both count in axes to the right, front and top.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.nifti_header import NiftiHeader

SCANNER = 1
MM_OF_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}  # metre, millimetre, micrometre
SECONDS_OF_UNIT = {8: 1.0, 16: 1e-3, 24: 1e-6}
SPACE_UNITS = 0x07
TIME_UNITS = 0x38
STRAIGHT_DEG = 1.0  # a shear up to this is put right
NOTICED_VOXELS = 0.05  # what the axes may be off at the corners without a remark
NO_FORM = np.diag([-1.0, -1.0, 1.0])  # ITK's axes, where a file says none
TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Placement:
    """Where a grid lies, as SimpleITK says it: in axes to the left, back and top.

    Attributes:
        spacing_mm: along I, J, K.
        origin_mm: of the first voxel.
        direction: (3, 3), a column an axis, orthonormal.
        remarks: sentences about how it was found.
    """

    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: np.ndarray
    remarks: tuple[str, ...] = ()


def placement_of(header: NiftiHeader, name: str) -> Placement:
    """Where the voxels lie.

    Args:
        header: of the file.
        name: what messages call it.

    Raises:
        InputError: its axes are sheared by more than a degree or a percent, or are none.
    """
    spacing, remarks = _spacing_of(header, name)
    qform = _qform(header, spacing)
    sform = _sform(header)
    forms = _usable(header, {"qform": qform, "sform": sform}, name, remarks)
    chosen = _chosen(header, forms, name, remarks)
    unit_mm = MM_OF_UNIT.get(int(header["xyzt_units"]) & SPACE_UNITS, 1.0)
    if chosen is None and any(_is_coded(header, form) for form in ("qform", "sform")):
        raise InputError(
            f"{' '.join(remarks)} Nothing else says where its voxels lie; correct its header, or"
            " export the image again."
        )
    if chosen is None:
        remarks.append(
            f"{name} does not say where its voxels lie (the codes of qform and sform are 0); it is"
            " read with its first voxel at 0, 0, 0."
        )
        matrix = np.column_stack([NO_FORM * spacing, np.zeros(3)])
    else:
        matrix = forms[chosen]
        _tell_difference(header, forms, chosen, name, remarks)
    return _straight(TO_LPS @ matrix * unit_mm, header, name, chosen, remarks)


def share_a_form(header: NiftiHeader, other: NiftiHeader) -> bool:
    """Whether two files of one size have a form in common, by which their voxels are the same."""
    if (*header.sizes, 1)[:3] != (*other.sizes, 1)[:3]:
        return False
    found = []
    for form in ("qform", "sform"):
        if _is_coded(header, form) and _is_coded(other, form):
            matrices = [_matrix_mm(each, form) for each in (header, other)]
            away = np.linalg.norm((matrices[0] - matrices[1]) @ corners_of(header.sizes), axis=0)
            smallest = np.linalg.norm(matrices[0][:, :3], axis=0).min()
            found.append(float(away.max()) <= NOTICED_VOXELS * smallest)
    return any(found)


def _matrix_mm(header: NiftiHeader, form: str) -> np.ndarray:
    """(3, 4) matrix of a form, in mm; NaN where it is none."""
    matrix = _sform(header)
    if form == "qform":
        matrix = _qform(header, np.abs(np.array(header["pixdim"][1:4], float)))
    return matrix * MM_OF_UNIT.get(int(header["xyzt_units"]) & SPACE_UNITS, 1.0)


def seconds_between_frames(header: NiftiHeader) -> float:
    """Time between the frames of a 4D file; in its own units where it names none."""
    step = float(header["pixdim"][4])
    scale = SECONDS_OF_UNIT.get(int(header["xyzt_units"]) & TIME_UNITS, 1.0)
    return step * scale if math.isfinite(step) else 0.0


def _spacing_of(header: NiftiHeader, name: str) -> tuple[np.ndarray, list[str]]:
    """Sizes of voxels by `pixdim`, in the units of the file, and what was odd about them."""
    told = np.array(header["pixdim"][1:4], float)
    is_usable = np.isfinite(told) & (told != 0)
    spacing = np.where(is_usable, np.abs(told), 1.0)
    if np.array_equal(spacing, told) or _is_coded(header, "sform"):
        return spacing, []
    return spacing, [
        f"{name} says that its voxels have the sizes {_listed(told)} (pixdim); {_listed(spacing)}"
        " are taken."
        " Correct its header if that is wrong."
    ]


def _is_coded(header: NiftiHeader, form: str) -> bool:
    return int(header[f"{form}_code"]) > 0


def _qform(header: NiftiHeader, spacing: np.ndarray) -> np.ndarray:
    """(3, 4) matrix of the quaternion; NaN where it is none."""
    told = np.array(header["pixdim"][1:4], float)
    is_sized = bool((np.isfinite(told) & (told != 0)).all())
    if _is_coded(header, "sform") and not is_sized:
        return np.full((3, 4), np.nan)  # sizes would be made up, and the sform has them
    b, c, d = (float(part) for part in header["quatern"])
    length = b * b + c * c + d * d
    if not math.isfinite(length) or length > 1.01:
        return np.full((3, 4), np.nan)
    a = math.sqrt(max(0.0, 1 - length))
    if length > 1:  # rounded
        b, c, d = (part / math.sqrt(length) for part in (b, c, d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handed = -1.0 if float(header["pixdim"][0]) < 0 else 1.0
    return np.column_stack([rotation * spacing * [1, 1, handed], header["qoffset"]])


def _sform(header: NiftiHeader) -> np.ndarray:
    """(3, 4) matrix of the sform."""
    return np.array(header["srow"], float)


def _usable(
    header: NiftiHeader, forms: dict[str, np.ndarray], name: str, remarks: list[str]
) -> dict[str, np.ndarray]:
    """The forms that have a code and are a grid; remarks name the others."""
    found = {}
    for form, matrix in forms.items():
        if not _is_coded(header, form):
            continue
        if _is_grid(matrix):
            found[form] = matrix
        else:
            remarks.append(
                f"{name} has {'an' if form == 'sform' else 'a'} {form} that is no grid (code"
                f" {int(header[f'{form}_code'])}, {_told(header, form)}); it does not count."
            )
    return found


def _told(header: NiftiHeader, form: str) -> str:
    """The numbers of a form as the file has them."""
    if form == "sform":
        return "rows " + "; ".join(_listed(row) for row in header["srow"])
    return (
        f"quaternion {_listed(header['quatern'])}, offset {_listed(header['qoffset'])}, pixdim"
        f" {_listed(header['pixdim'][1:4])}"
    )


def _listed(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _is_grid(matrix: np.ndarray) -> bool:
    """Whether a (3, 4) matrix has finite numbers and axes in three directions."""
    if not np.isfinite(matrix).all():
        return False
    lengths = np.linalg.norm(matrix[:, :3], axis=0)
    return bool(lengths.all()) and abs(np.linalg.det(matrix[:, :3] / lengths)) > 1e-3


def _chosen(
    header: NiftiHeader,
    forms: dict[str, np.ndarray],
    name: str,
    remarks: list[str],
) -> str | None:
    """Which form counts; None where there is none."""
    if not forms:
        return None
    is_first = int(header["sform_code"]) == SCANNER or "qform" not in forms
    if "sform" not in forms or not is_first:
        return "qform"
    shear = shear_deg(forms["sform"])
    if shear > STRAIGHT_DEG and "qform" in forms:
        remarks.append(
            f"The axes of the sform of {name} are {shear:.3g} degrees off a right angle (at most"
            f" {STRAIGHT_DEG:g}); the qform, code {int(header['qform_code'])}, counts."
        )
        return "qform"
    return "sform"


def shear_deg(matrix: np.ndarray) -> float:
    """By how many degrees the axes of a (3, 4) or (3, 3) matrix are off right angles, at most."""
    axes = matrix[:, :3] / np.linalg.norm(matrix[:, :3], axis=0)
    cosines = np.abs(axes.T @ axes - np.eye(3)).max()
    return float(np.degrees(np.arcsin(min(1.0, cosines))))


def _tell_difference(
    header: NiftiHeader,
    forms: dict[str, np.ndarray],
    chosen: str,
    name: str,
    remarks: list[str],
) -> None:
    """Remark on two forms that put the voxels at different places."""
    if len(forms) < 2:
        return
    corners = corners_of(header.sizes)
    away = (forms["qform"] - forms["sform"]) @ corners
    farthest = float(np.linalg.norm(away, axis=0).max())
    smallest = np.linalg.norm(forms[chosen][:, :3], axis=0).min()
    if farthest <= NOTICED_VOXELS * smallest:
        return
    other = "sform" if chosen == "qform" else "qform"
    codes = {form: int(header[f"{form}_code"]) for form in forms}
    remarks.append(
        f"{name} says twice where it lies, up to {farthest:.3g} mm and"
        f" {_angle_deg(forms):.3g} degrees apart: the {chosen} (code {codes[chosen]}) counts, as in"
        f" 3D Slicer, and not the {other} (code {codes[other]}). Results have both."
    )


def corners_of(sizes: Sequence[int]) -> np.ndarray:
    """(4, 8) corner voxels of a grid, with a 1 below each."""
    last = [size - 1 for size in (*sizes, 1, 1, 1)[:3]]
    ends = np.array(np.meshgrid(*([0, end] for end in last))).reshape(3, -1)
    return np.vstack([ends, np.ones(8)])


def _angle_deg(forms: dict[str, np.ndarray]) -> float:
    """The largest angle between the same axes of two forms."""
    units = [matrix[:, :3] / np.linalg.norm(matrix[:, :3], axis=0) for matrix in forms.values()]
    cosine = (units[0] * units[1]).sum(axis=0).min()
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _straight(
    matrix: np.ndarray,
    header: NiftiHeader,
    name: str,
    form: str | None,
    remarks: list[str],
) -> Placement:
    """The nearest grid with right angles; InputError where that is far."""
    shear = shear_deg(matrix)
    if shear > STRAIGHT_DEG:
        raise InputError(
            f"The axes of {name} are {shear:.3g} degrees off a right angle (its {form}), at most"
            f" {STRAIGHT_DEG:g} is read; resample it on a grid with right angles, in 3D Slicer with"
            " Resample Scalar/Vector/DWI Volume."
        )
    spacing = np.linalg.norm(matrix[:, :3], axis=0)
    left, _, right = np.linalg.svd(matrix[:, :3] / spacing)
    direction = left @ right
    straight = np.column_stack([direction * spacing, matrix[:, 3]])
    away = np.linalg.norm((straight - matrix) @ corners_of(header.sizes), axis=0).max()
    if away > NOTICED_VOXELS * spacing.min():
        remarks.append(
            f"The axes of {name} are {shear:.3g} degrees off a right angle (its {form}); it is read"
            f" with the nearest right angles, by which voxels are up to {away:.2g} mm off."
        )
    return Placement(tuple(spacing.tolist()), tuple(matrix[:, 3]), direction, tuple(remarks))
