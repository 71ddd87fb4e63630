"""Where DICOM frames lie along their normal, and which of them are at one place."""

from collections.abc import Sequence

import numpy as np

from SlicePropagationLib.files.dicom_frames import DicomFrame

SAME_PLACE_MM = 0.01  # at most; of small pixels a share
SAME_PLACE_PIXELS = 0.02
UNEQUAL_SHARE = 0.01  # of the usual gap, by which gaps may differ without a word
Place = tuple[DicomFrame, ...]  # the frames at one place, in the order of their times


def distances(frames: Sequence[DicomFrame]) -> np.ndarray:
    """(N,) mm of frames along the normal of the first; 0 of those without a position."""
    normal = frames[0].normal
    return np.array([0.0 if one.position is None else one.position @ normal for one in frames])


def by_place(frames: Sequence[DicomFrame]) -> list[list[DicomFrame]]:
    """Frames of each slice, slices in order along the normal."""
    along = distances(frames)
    pixel_mm = max(frames[0].pixel_mm) or 1.0
    tolerance_mm = min(SAME_PLACE_MM, SAME_PLACE_PIXELS * pixel_mm)
    order = np.argsort(along, kind="stable")
    groups: list[list[DicomFrame]] = []
    last = -np.inf
    for index in order:
        if along[index] - last > tolerance_mm:
            groups.append([])
            last = along[index]
        groups[-1].append(frames[index])
    return groups


def most_at_a_place(frames: Sequence[DicomFrame]) -> int:
    """Most frames at one place."""
    return max(len(place) for place in by_place(frames))


def in_order(frames: Sequence[DicomFrame]) -> tuple[Place, ...]:
    """Places with their frames, in order along the normal."""
    return tuple(tuple(place) for place in by_place(frames))


def is_regular(frames: Sequence[DicomFrame]) -> bool:
    """Whether the slices of frames, one at a place, are equally far apart."""
    gaps = np.diff(np.sort(distances(frames)))
    return len(gaps) > 0 and float(np.ptp(gaps)) <= UNEQUAL_SHARE * float(gaps.mean())
