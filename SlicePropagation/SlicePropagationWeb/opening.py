"""Reading what is opened, with what the library remarks about it, as a person at the page sees no log."""

import contextlib
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segmentation_file import Segment, is_segmentation
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.pipelines.demo import volume_of
from SlicePropagationLib.pipelines.phantom_volume import make_sample
from SlicePropagationLib.pipelines.result_files import read_result
from SlicePropagationLib.pipelines.slice_record import TAG

SAMPLE = "sample"
UNKNOWN_ORIGIN = "It does not say which slices a person drew: all of them count as drawn."


@dataclass(frozen=True)
class Opened:
    """What was read from a file.

    Attributes:
        volume: a library `Volume`, or None where the file is a segmentation of the volume that is
            open.
        labels, segments: of a segmentation, as `read_result` returns them.
        remarks: sentences about it.
    """

    volume: Volume | None = None
    labels: object = None
    segments: tuple[Segment, ...] = ()
    remarks: tuple[str, ...] = ()


def read_opened(source, grid):
    """Read an image, or a segmentation (`.seg.nrrd`) of the volume that is open.

    Args:
        source: file or DICOM folder.
        grid: the library `Volume` that is open, or None.

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


def read_segmentation(path, grid):
    """Read a segmentation, or a label map that a run wrote, to go on with.

    Raises as `read_result` does.
    """
    with _warnings() as remarks:
        labels, segments = read_result(path, grid)
    if not segments:
        raise InputError(
            f"{Path(path).name} has no segment; choose a segmentation in which something is drawn."
        )
    is_known = all(f"{TAG}:" in segment.tags for segment in segments)
    return Opened(
        labels=labels,
        segments=tuple(segments),
        remarks=(*_without_folder(remarks, path), *([] if is_known else [UNKNOWN_ORIGIN])),
    )


def read_with_remarks(source):
    """(library `Volume`, [sentence]) of a file, a DICOM folder or the sample.

    Raises:
        InputError: it cannot be used.
    """
    if source == SAMPLE:
        sample = make_sample()
        return volume_of(sample.volume, sample.spacing_mm), []
    with _warnings() as remarks:
        try:
            volume = read_volume(source)
        except InputError as error:
            problem, _, remedy = str(error).partition("; ")
            if "--frame" not in remedy:
                raise
            raise InputError(
                f"{problem}; save the frame to be annotated as a file of its own, and open that."
            ) from error  # the page has no options
    return volume, _without_folder(remarks, source)


def _without_folder(remarks, source):
    return [remark.replace(f"{Path(source).parent}/", "") for remark in remarks]


def not_restored(offer, error):
    """What to say when unsaved work cannot be shown.

    Args:
        offer: what `KeptWork.found` returned.
        error: what was wrong with its image.
    """
    return (
        f"It cannot be shown: {error} The work itself is whole: put {offer['image']} back and press"
        " 'Go on', or keep it as a file, which 3D Slicer opens."
    )


@contextlib.contextmanager
def _warnings():
    """Collect what this thread's reading warns of."""
    handler = logging.Handler(logging.WARNING)
    found = []
    thread = threading.get_ident()
    handler.emit = lambda record: (
        found.append(record.getMessage()) if record.thread == thread else None
    )
    logger = logging.getLogger("SlicePropagationLib")
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
