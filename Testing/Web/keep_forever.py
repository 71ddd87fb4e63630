"""Keeps one state of work after another until it is killed: `keep_forever.py FOLDER`.

State n has n in its labels, its table and its page.
"""

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [
    str(Path(__file__).resolve().parents[2] / part)
    for part in ("", "SlicePropagation", "Testing/Web")
]

import numpy as np
from SlicePropagationWeb.recovery import KeptWork
from web_files import as_image, ct

from SlicePropagationLib.files.segmentation_file import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

SHAPE = (6, 32, 32)


def state(number):
    """A session whose first slice has as many rows drawn as the state's number says, from 1 to 30."""
    array = ct(SHAPE)
    session = AnnotationSession(SliceStack(array.astype(np.float32)), (1,))
    mask = np.zeros(SHAPE[1:], bool)
    mask[: 1 + number % 30] = True
    session.annotate(1, 0, mask)
    return Volume(array, as_image(array), Path("work")), session


def keep(kept, number):
    volume, session = state(number)
    kept.keep(
        volume,
        session,
        [Segment.plain(1)],
        SimpleNamespace(name="copy", model_sha256=None),
        image=f"image {number}.nii.gz",
        title=str(number),
        plane="axial",
        segment="Segment_1",
    )


if __name__ == "__main__":
    print("begun", flush=True)
    for number in itertools.count():
        keep(KeptWork(sys.argv[1]), number)
