"""Keeps one state of work after another until it is killed: `recovery_forever.py FOLDER`.

State n has n in its labels, its table and its page.
"""

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, SOURCES)

import numpy as np
from SlicePropagationWeb.recovery import Recovery
from web_files import as_image, ct

from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

COLUMNS = 32
SHAPE = (6, 32, COLUMNS)
NUM_STATES = 30


def state(number):
    """A session whose first slice has as many rows drawn as the state's number says, from 1 on."""
    array = ct(SHAPE)
    stack = SliceStack(array.astype(np.float32))
    session = AnnotationSession(stack, (1,))
    mask = np.zeros(SHAPE[1:], bool)
    mask[: 1 + number % NUM_STATES] = True
    session.annotate(1, 0, mask)
    return Volume(array, as_image(array), Path("work")), session


def keep(recovery, number, **page):
    volume, session = state(number)
    recovery.keep(
        volume,
        session,
        [Segment.plain(1)],
        SimpleNamespace(name="copy", model_sha256=None),
        image=f"image {number}.nii.gz",
        title=str(number),
        plane="axial",
        segment="Segment_1",
        **page,
    )


if __name__ == "__main__":
    keep(Recovery(sys.argv[1]), 0)
    print("begun", flush=True)  # from here on, something whole is there
    for number in itertools.count(1):
        keep(Recovery(sys.argv[1]), number)
