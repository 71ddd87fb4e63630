"""The grid of a stack of DICOM slices, from the position of each.

Slices that are missing, unequally far apart or shifted against each other (a tilted gantry) are put
at their true places where that is possible, and refused where it is not; in either case it is said.
"""

from dataclasses import dataclass, replace

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom_frames import DicomFrame
from SlicePropagationLib.files.dicom_places import UNEQUAL_SHARE, distances
from SlicePropagationLib.files.dicom_stacks import DicomStack
from SlicePropagationLib.files.nifti_forms import Placement

MULTIPLE_SHARE = 0.1  # of the usual gap, by which a gap may be off a multiple of it
BENT_SHARE = 0.1  # of the gap, by which slices may be off their places, with a remark
MOST_IN_A_ROW = 3  # missing slices that are made up from their neighbours
MOST_MADE_UP = 0.25  # as a share of the slices that are there
STRAIGHT_PIXELS = 0.1  # in-plane shift that is not put right
MOST_SHIFT = 0.5  # of the slice's size
NUM_NAMED = 3  # gaps that are named one by one
OFF_RIGHT_ANGLE = 0.02  # cosine between rows and columns


@dataclass(frozen=True)
class DicomGrid:
    """Where the slices of a stack go.

    Attributes:
        placement: of the whole grid.
        shape: slices, rows, columns.
        slots: for each place of the stack, its slice in the grid; slices without one are made up.
        corners: for each place, row and column (not whole) of its first pixel in the grid.
        remarks: sentences about it.
    """

    placement: Placement
    shape: tuple[int, int, int]
    slots: np.ndarray
    corners: np.ndarray
    remarks: tuple[str, ...] = ()

    @property
    def is_shifted(self) -> bool:
        """Whether slices have to be moved in their planes."""
        return bool(self.corners.any())

    @property
    def made_up(self) -> list[int]:
        """Slices that are not there."""
        return sorted(set(range(self.shape[0])) - set(self.slots.tolist()))


def lay_out(stack: DicomStack, name: str) -> DicomGrid:
    """The grid of a stack.

    Args:
        stack: of one series.
        name: what messages call it.

    Raises:
        InputError: positions are not said, or no grid of equal steps has them.
    """
    remarks: list[str] = []
    frames = _placed([place[0] for place in stack.places], name, remarks)
    first = frames[0]
    step_mm, slots = _steps(frames, name, remarks)
    corners = _shifts(frames, name, remarks)
    rows, columns = first.size
    room = np.ceil(corners.max(axis=0)).astype(int)
    shape = (int(slots[-1]) + 1, rows + int(room[0]), columns + int(room[1]))
    placement = _placement(first, step_mm, corners[0], name, remarks)
    return DicomGrid(placement, shape, slots, corners, tuple(remarks))


def _placed(
    frames: list[DicomFrame],
    name: str,
    remarks: list[str],
) -> list[DicomFrame]:
    """Frames that all have positions; InputError where several slices have none."""
    first = frames[0]
    if first.position is None and len(frames) > 1:
        raise InputError(
            f"{name} says no position (ImagePositionPatient) of its images; convert it to NIfTI or"
            " NRRD."
        )
    lacking = []
    if first.position is None:  # a single slice over time, as of ultrasound, may lie anywhere
        lacking.append("where it lies (ImagePositionPatient)")
        frames = [replace(first, position=np.zeros(3))]
    if not all(frame.is_oriented for frame in frames):
        lacking.append("how its slices are turned (ImageOrientationPatient)")
    if lacking:
        remarks.append(
            f"{name} does not say {' and '.join(lacking)}; it is read as axial"
            + (", with its first pixel at 0, 0, 0." if first.position is None else " slices.")
        )
    return frames


def _placement(
    first: DicomFrame,
    step_mm: float,
    corner: np.ndarray,
    name: str,
    remarks: list[str],
) -> Placement:
    """The grid's placement; `corner` is where its first slice begins in it."""
    across = abs(float(first.axes[0] @ first.axes[1]))
    if across > OFF_RIGHT_ANGLE:
        raise InputError(
            f"The rows and columns of {name} are {np.degrees(np.arccos(across)):.3g} degrees apart,"
            " they must be 90; the headers are damaged, export the series again."
        )
    left, _, right = np.linalg.svd(np.column_stack([*first.axes, first.normal]))
    direction = left @ right
    row_mm, column_mm = _pixel_mm(first, name, remarks)
    shift = direction[:, :2] @ (corner[::-1] * [column_mm, row_mm])
    assert first.position is not None
    origin = first.position - shift
    return Placement((column_mm, row_mm, step_mm), tuple(origin.tolist()), direction)


def _pixel_mm(
    first: DicomFrame,
    name: str,
    remarks: list[str],
) -> tuple[float, float]:
    """Between rows and between columns; 1 where the file does not say, with a remark."""
    if min(first.pixel_mm) > 0:
        return first.pixel_mm
    said = " x ".join(f"{size:g}" for size in first.pixel_mm)
    remarks.append(
        f"{name} does not say how large its pixels are (PixelSpacing {said} mm); 1 mm is taken, so"
        " that areas and volumes are in pixels. Correct the headers if that matters."
    )
    return 1.0, 1.0


def _steps(
    frames: list[DicomFrame],
    name: str,
    remarks: list[str],
) -> tuple[float, np.ndarray]:
    """(mm between slices of the grid, the slice of each frame)."""
    along = distances(frames)
    count = len(frames)
    if count == 1:
        return frames[0].thickness_mm or 1.0, np.zeros(1, int)
    gaps = np.diff(along)
    mean = float(gaps.mean())
    off = float(np.abs(along - along[0] - mean * np.arange(count)).max())
    if np.ptp(gaps) <= UNEQUAL_SHARE * mean:
        return mean, np.arange(count)
    multiples = np.rint(gaps / gaps.min())
    is_multiple = np.abs(gaps / gaps.min() - multiples).max() <= MULTIPLE_SHARE
    if is_multiple and multiples.max() > 1 and np.median(multiples) == 1:
        return _with_missing(along, multiples.astype(int), name, remarks)
    if off <= BENT_SHARE * mean:
        remarks.append(
            f"The slices of {name} are {gaps.min():.4g} to {gaps.max():.4g} mm apart; they are read"
            f" as {mean:.4g} mm apart, by which they are up to {off:.2g} mm off their places."
        )
        return mean, np.arange(count)
    raise _unequal(along, name)


def _with_missing(
    along: np.ndarray,
    multiples: np.ndarray,
    name: str,
    remarks: list[str],
) -> tuple[float, np.ndarray]:
    """Steps of a stack that lacks slices; InputError where it lacks too many."""
    slots = np.concatenate([[0], np.cumsum(multiples)])
    step_mm = float((along[-1] - along[0]) / slots[-1])
    num_missing = int((multiples - 1).sum())
    where = _named_gaps(along, multiples)
    lacks = (
        f"{name} lacks {num_missing} slice(s): there is none {where}, where the others are"
        f" {step_mm:.4g} mm apart"
    )
    most = max(1, int(MOST_MADE_UP * len(along)))
    if num_missing > most or multiples.max() - 1 > MOST_IN_A_ROW:
        raise InputError(
            f"{lacks}. At most {most} slices, and {MOST_IN_A_ROW} in a row, are made up from their"
            " neighbours; copy the series again, or put the slices of one part in a folder of"
            " their own."
        )
    absent = sorted(set(range(int(slots[-1]) + 1)) - set(slots.tolist()))
    listed = ", ".join(map(str, absent))
    remarks.append(
        f"{lacks}. The others are at their true places; slice {listed} (from 0) is made up from its"
        " neighbours. Copy the series again if the slices are to be had."
    )
    return step_mm, slots


def _named_gaps(along: np.ndarray, multiples: np.ndarray) -> str:
    """Between which positions slices are missing."""
    wide = np.flatnonzero(multiples > 1)
    named = [f"between {along[index]:.5g} and {along[index + 1]:.5g} mm" for index in wide]
    rest = f" and at {len(wide) - NUM_NAMED} other places" if len(wide) > NUM_NAMED else ""
    return " and ".join(named[:NUM_NAMED]) + rest


def _unequal(along: np.ndarray, name: str) -> InputError:
    gaps = np.diff(along)
    narrow = int(gaps.argmin())
    wide = int(gaps.argmax())
    return InputError(
        f"The slices of {name} are not equally far apart: {gaps[narrow]:.4g} mm between"
        f" {along[narrow]:.5g} and {along[narrow + 1]:.5g} mm, and {gaps[wide]:.4g} mm between"
        f" {along[wide]:.5g} and {along[wide + 1]:.5g} mm. Put the slices of one distance in a"
        " folder of their own, or resample the series to equal distances."
    )


def _shifts(
    frames: list[DicomFrame],
    name: str,
    remarks: list[str],
) -> np.ndarray:
    """(N, 2) rows and columns by which each frame begins behind the grid's corner; 0 of none."""
    first = frames[0]
    along = distances(frames)
    positions = np.array([frame.position for frame in frames], float)
    away = positions - positions[0] - np.outer(along - along[0], first.normal)
    row_mm, column_mm = (size or 1.0 for size in first.pixel_mm)
    shifts = np.column_stack([away @ first.axes[1] / row_mm, away @ first.axes[0] / column_mm])
    extent = np.ptp(shifts, axis=0)
    if extent.max() <= STRAIGHT_PIXELS:
        return np.zeros((len(frames), 2))
    farthest = float(np.linalg.norm(away, axis=1).max())
    if not all(frame.is_oriented for frame in frames):
        raise InputError(
            f"{name} does not say how its slices are turned (ImageOrientationPatient), and as axial"
            f" ones they would be shifted against each other by up to {farthest:.4g} mm; export the"
            " series again, or convert it to NIfTI or NRRD."
        )
    reason = _reason(along, away)
    if (extent > MOST_SHIFT * np.array(first.size)).any():
        raise InputError(
            f"The slices of {name} are shifted against each other by up to {farthest:.4g} mm in"
            f" their planes, more than half of their width ({reason}); resample the series to a"
            " straight volume, in 3D Slicer with its DICOM import and 'regularize'."
        )
    remarks.append(
        f"The slices of {name} are shifted against each other by up to {farthest:.4g} mm"
        f" ({reason}); each is moved in its plane to its true place in a straight volume."
    )
    return shifts - shifts.min(axis=0)


def _reason(along: np.ndarray, away: np.ndarray) -> str:
    """Why slices are shifted: a tilt, where they are so evenly, in degrees."""
    span = along - along[0]
    slope = span @ away / (span @ span)
    residual = np.linalg.norm(away - np.outer(span, slope), axis=1).max()
    if residual > 0.1 * np.linalg.norm(away, axis=1).max():
        return "unevenly, as where the table or the patient moved"
    tilt = np.degrees(np.arctan(np.linalg.norm(slope)))
    return f"the gantry was tilted by {tilt:.3g} degrees"
