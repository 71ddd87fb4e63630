"""States of work that tell which they are: state n has n in its labels, its table and its page."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from SlicePropagationWeb.kept_patches import PATCHES, read_patches
from SlicePropagationWeb.recovery import Recovery
from web_files import as_image, ct, read_mask

from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

COLUMNS = 32
SHAPE = (6, 32, COLUMNS)
NUM_STATES = 30
ENGINE = SimpleNamespace(name="copy", model_sha256=None)
SEGMENTS = [Segment.plain(1)]


def state(number):
    """A session whose first slice has as many rows drawn as the state's number says, from 1 on."""
    array = ct(SHAPE)
    stack = SliceStack(array.astype(np.float32))
    session = AnnotationSession(stack, (1,))
    mask = np.zeros(SHAPE[1:], bool)
    mask[: 1 + number % NUM_STATES] = True
    session.annotate(1, 0, mask)
    return Volume(array, as_image(array), Path("work")), session


def keep(recovery: Recovery, number: int, **page) -> None:
    """Keep a state as the page does."""
    volume, session = state(number)
    recovery.keep(
        volume,
        session,
        SEGMENTS,
        ENGINE,
        image=f"image {number}.nii.gz",
        title=str(number),
        plane="axial",
        segment="Segment_1",
        **page,
    )


def write(path, number):
    """Write a state as the command line does."""
    volume, session = state(number)
    write_result(path, volume, session, SEGMENTS, ENGINE, 0.0)


def numbers(found):
    """What page, segmentation and table say which state it is.

    The same number thrice in a whole one.
    """
    title = found["title"]
    assert found["image"] == f"image {title}.nii.gz"
    return int(title) % NUM_STATES, drawn(found["labels"]), listed(found["labels"])


def drawn(path):
    """The number of the state whose labels these are."""
    is_patches = Path(path).name == PATCHES
    masks = read_patches(path).segmentation().labels > 0 if is_patches else read_mask(path)
    first_slice = masks[0]
    return int(first_slice.any(axis=1).sum()) - 1


def name_of(path):
    """What the files beside labels are called."""
    is_patches = Path(path).name == PATCHES
    return "annotation" if is_patches else companion(path, "").name


def listed(path):
    """The number of the state whose table stands beside these labels."""
    table = Path(path).with_name(f"{name_of(path)}.slices.csv").read_text(encoding="utf-8")
    first_slice = table.splitlines()[1].split(",")
    return round(float(first_slice[4]) / COLUMNS) - 1
