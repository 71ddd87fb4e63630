"""Frames of DICOM files that are there twice: under one identifier, or under two with the same pixels."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import TypeAlias

from SlicePropagationLib.files.dicom_frames import DicomFrame
from SlicePropagationLib.files.dicom_places import by_place, distances

IsCopy: TypeAlias = Callable[[DicomFrame, DicomFrame], bool]  # whether two have the same pixels


def without_repeated_files(frames: list[DicomFrame], is_copy: IsCopy) -> list[DicomFrame]:
    """Frames without those of files that are there twice, by identifier and pixels."""
    by_name: dict[Hashable, list[DicomFrame]] = defaultdict(list)
    kept = []
    for frame in frames:
        known = by_name[frame.uid, frame.number, round(float(distances([frames[0], frame])[1]), 3)]
        if not any(is_copy(other, frame) for other in known):
            known.append(frame)
            kept.append(frame)
    return kept


def without_copies(frames: list[DicomFrame], is_copy: IsCopy) -> list[DicomFrame]:
    """Frames without those that have the pixels of another at their place."""
    kept: list[DicomFrame] = []
    for place in by_place(frames):
        own: list[DicomFrame] = []
        for frame in place:
            if not any(is_copy(other, frame) for other in own):
                own.append(frame)
        kept += own
    return kept


def are_all_copies(frames: list[DicomFrame], is_copy: IsCopy) -> bool:
    """Whether frames at one place have the same pixels, at every place."""
    places = by_place(frames)
    return all(is_copy(place[0], other) for place in places for other in place[1:])
