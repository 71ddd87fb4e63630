"""Reading what is opened, with what the library remarks about it, as a person at the page sees no log."""

import contextlib
import logging
import threading
from pathlib import Path

from SlicePropagationLib.demo import volume_of
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.sample import make_sample
from SlicePropagationLib.volume import read_volume

SAMPLE = "sample"


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
            raise InputError(f"{problem}; save the frame to be annotated as a file of its own, and open that.") from error       # the page has no options
    return volume, [remark.replace(f"{Path(source).parent}/", "") for remark in remarks]


def not_restored(offer, error):
    """What to say when unsaved work cannot be shown.

    Args:
        offer: what `KeptWork.found` returned.
        error: what was wrong with its image.
    """
    return (f"It cannot be shown: {error} The work itself is whole: put {offer['image']} back and press 'Go on', "
            "or keep it as a file, which 3D Slicer opens.")


@contextlib.contextmanager
def _warnings():
    """Collect what this thread's reading warns of."""
    handler, found, thread = logging.Handler(logging.WARNING), [], threading.get_ident()
    handler.emit = lambda record: found.append(record.getMessage()) if record.thread == thread else None
    logger = logging.getLogger("SlicePropagationLib")
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
