"""Reading what is opened, with what the library remarks about it.

A person at the page sees no log.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.drawn_planes import drawn_elsewhere, two_planes_error
from SlicePropagationLib.files.ome_zarr import is_ome_zarr
from SlicePropagationLib.files.reading import tell_stage
from SlicePropagationLib.files.segmentation_file import Segmentation, is_segmentation
from SlicePropagationLib.files.urls import is_url
from SlicePropagationLib.files.volume import Volume, choose_axis, read_volume
from SlicePropagationLib.lazy_voxels import LazyVoxels
from SlicePropagationLib.pipelines.demo import volume_of
from SlicePropagationLib.pipelines.phantom_volume import make_sample
from SlicePropagationLib.pipelines.result_files import read_result
from SlicePropagationLib.pipelines.slice_record import TAG

SAMPLE = "sample"
LARGE_BYTES = 20 * 1024**2
MAPPED_BYTES = 128 * 1024**2  # of a file, from which on the views look at it where it is
OVERLAP = "Segments overlap, and stay so: what you draw takes nothing from other segments."
UNKNOWN_ORIGIN = "It does not say which slices a person drew: all of them count as drawn."


@dataclass(frozen=True)
class Opened:
    """What was read from a file.

    Attributes:
        volume: None where the file is a segmentation of the volume that is open.
        drawn: the segments of a segmentation.
        remarks: sentences about it.
    """

    volume: Volume | None = None
    drawn: Segmentation | None = None
    remarks: tuple[str, ...] = ()

    @property
    def labels(self) -> Labels | None:
        """(K, J, I) label map of a segmentation; where segments overlap, the smaller is on top."""
        return None if self.drawn is None else self.drawn.labels


def read_opened(source: Path | str, grid: Volume | None) -> Opened:
    """Read an image, or a segmentation (`.seg.nrrd`) of the volume that is open.

    Args:
        source: file or DICOM folder.
        grid: the volume that is open, or None.

    Raises:
        SlicePropagationError: it cannot be used, or is a segmentation of something else.
    """
    if not is_segmentation(source):
        volume, remarks = read_with_remarks(source)
        return Opened(volume, remarks=tuple(remarks))
    if grid is None:
        raise InputError(
            f"{Path(source).name} is a segmentation; open the volume that it belongs to first."
        )
    return read_segmentation(source, grid)


def read_segmentation(path: Path | str, grid: Volume | None) -> Opened:
    """Read a segmentation, or a label map that a run wrote, to go on with.

    Args:
        path: of the file.
        grid: the volume that it belongs to; None while none is open.

    Raises:
        InputError: no volume is open, it has no segment, or as `read_result` says.
    """
    if grid is None:
        raise InputError(f"Open the volume that {Path(path).name} belongs to first.")
    with collected_warnings() as warnings:
        found = read_result(path, grid)
    if not found.segments:
        raise InputError(
            f"{Path(path).name} has no segment; choose a segmentation in which something is drawn."
        )
    remarks = _without_folder(warnings, path)
    if not all(f"{TAG}:" in segment.tags for segment in found.segments):
        _check_planes(found, grid)
        remarks.append(UNKNOWN_ORIGIN)
    if found.num_shared:
        remarks.append(OVERLAP)
    return Opened(drawn=found, remarks=tuple(remarks))


def _check_planes(found: Segmentation, grid: Volume) -> None:
    """Refuse drawings in two planes: their lines would count as many drawn slices."""
    if not found.labels.any():
        return
    axis = choose_axis(found.labels > 0, spacing_mm=grid.spacing_mm)
    elsewhere = drawn_elsewhere(found, axis)
    for segment in found.segments:
        if segment.label in elsewhere:
            reason = two_planes_error(f"'{segment.name}'", elsewhere[segment.label], axis)
            problem = str(reason).partition(" Give --axis")[0]
            raise InputError(f"{problem} Erase the outline in one of the planes first.")


def read_with_remarks(source: Path | str, series: str | None = None) -> tuple[Volume, list[str]]:
    """Read a file, a DICOM folder or the sample.

    Args:
        source: path, or "sample".
        series: which volume of a DICOM folder that holds several.

    Returns:
        (the volume, [sentence about it]).

    Raises:
        SeriesChoiceError: a DICOM folder holds several, and none was chosen.
        InputError: it cannot be used.
    """
    if source == SAMPLE:
        sample = make_sample()
        return volume_of(sample.volume, sample.spacing_mm), []
    with collected_warnings() as warnings:
        volume = _read_volume(source, series)
    return volume, _without_folder(warnings, source)


def _read_volume(source: Path | str, series: str | None) -> Volume:
    """Read a volume; where the library's remedy is an option of a command, say another."""
    may_map = _size_of(source) >= MAPPED_BYTES or is_url(source) or is_ome_zarr(source)
    try:
        return _fetched(read_volume(source, series=series, may_map=may_map))
    except InputError as error:
        problem, _, remedy = str(error).partition("; ")
        if "--frame" not in remedy:
            raise
        raise InputError(
            f"{problem}; save the frame to be annotated as a file of its own, and open that."
        ) from error


def _fetched(volume: Volume) -> Volume:
    """A volume all of whose voxels are on this machine, as the views look at all of them."""
    lazy = volume.array
    if not isinstance(lazy, LazyVoxels):
        return volume
    tell_stage("Fetching the voxels", lazy.share)
    return replace(volume, array=lazy.whole())


def _without_folder(remarks: Sequence[str], source: Path | str) -> list[str]:
    return [remark.replace(f"{Path(source).parent}/", "") for remark in remarks]


def size_text(source: Path | str) -> str:
    """How large a file is that takes a while to read, to be said behind its name; else ""."""
    size = _size_of(source)
    return f", {size / 1024**2:.0f} MiB" if size >= LARGE_BYTES else ""


def _size_of(source: Path | str) -> int:
    path = Path(source)
    return path.stat().st_size if path.is_file() else 0


def not_restored(offer: dict[str, Any], error: Exception) -> str:
    """What to say when unsaved work cannot be shown.

    Args:
        offer: what `Recovery.found` returned.
        error: what was wrong with its image.
    """
    return (
        f"It cannot be shown: {error} The work itself is whole: put {offer['image']} back and press"
        " 'Go on', or keep it as a file, which 3D Slicer opens."
    )


@contextlib.contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect what this thread's reading warns of."""
    handler = _Collector()
    logger = logging.getLogger("SlicePropagationLib")
    logger.addHandler(handler)
    try:
        yield handler.found
    finally:
        logger.removeHandler(handler)


class _Collector(logging.Handler):
    """Keeps the warnings of the thread that made it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.found.append(record.getMessage())
