"""Tables of any kind, damaged so that a heading would take all memory."""

import pytest

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.distance_table import DISTANCES, read_distances
from SlicePropagationLib.files.record import is_ours
from SlicePropagationLib.files.table import LONGEST_HEADING, read_table
from SlicePropagationLib.pipelines.slices_table import LARGEST_BYTES, read_anchors, read_states

HEADING = "slice,segment,provenance,confidence,label,image,seed,frame,distance"
ROWS = "\n1,a,seed,1,1,b,c,0,1\n"


@pytest.fixture
def endless(tmp_path):
    """A table whose heading came again and again, and whose rows are good."""
    path = tmp_path / f"a{DISTANCES}"
    heading = HEADING + LONGEST_HEADING // len(HEADING) * f",{HEADING}"
    path.write_text(heading + ROWS, encoding="utf-8")
    return path


READERS = pytest.mark.parametrize(
    "read",
    [
        lambda path: read_table(path, ("image", "seed")),
        read_anchors,
        read_states,
        lambda path: read_distances(path.with_name("a.nii.gz"), 1),
    ],
)


@READERS
def test_a_table_larger_than_any_is_refused_before_it_is_read(tmp_path, read):
    path = tmp_path / f"a{DISTANCES}"
    with open(path, "wb") as file:
        file.write((HEADING + ROWS).encode())
        file.truncate(LARGEST_BYTES + 1)  # a hole, which takes no room on the disk
    with pytest.raises(InputError, match="it has more than 128 MiB|it has more than 32 MiB"):
        read(path)


def test_the_first_wrong_row_ends_a_table_however_many_follow(tmp_path):
    path = tmp_path / "a.slices.csv"
    path.write_bytes(f"{HEADING}\n{HEADING}\n".encode() + 100_000 * b"1,a,seed\n" + b"\xff")
    with pytest.raises(InputError, match="invalid literal for int.*'label'"):
        read_anchors(path)


@READERS
def test_a_heading_that_never_ends_is_refused(endless, read):
    with pytest.raises(InputError, match=f"its first line has {LONGEST_HEADING} signs or more"):
        read(endless)
    assert not is_ours(endless)
    endless.write_text(HEADING + ROWS, encoding="utf-8")
    assert read(endless) is not None
