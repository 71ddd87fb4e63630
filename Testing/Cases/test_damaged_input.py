"""Whatever is wrong with a file, there is a sentence and exit code 2, and the program lives on."""

import copy
import gzip
import json
import struct

import pytest
from outcomes import propagate, read, run
from own_process import ends_with_a_sentence, propagate_words, run_program, run_script
from small_case import write_segmentation_with, write_small_case

FIRST_SEED = ("history", 0)
FIRST_RUN = ("history", 1)
GONE = object()
LATIN_1 = {
    "ID": b"one",
    "Name": b"L\xe9sion",
    "LabelValue": b"1",
    "Layer": b"0",
}
NO_TEXT = {
    "ID": b"\xff\xfe",
    "Name": b"one",
    "LabelValue": b"1",
    "Layer": b"0",
}


@pytest.fixture
def good(tmp_path):
    """A folder with the small case and a result of it: good.nii.gz, its table and its record."""
    write_small_case(tmp_path)
    outcome = propagate(tmp_path, "image.nii.gz", "seed.nii.gz", "good.nii.gz", engine="copy")
    assert outcome.code == 0, outcome.said
    return tmp_path


def changed(record, path, value):
    """The record with one entry changed, or gone."""
    record = copy.deepcopy(record)
    *steps, last = path
    place = record
    for step in steps:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return record


@pytest.mark.parametrize(
    "path, value",
    [
        pytest.param((*FIRST_RUN, "runs", 1, "last"), 40, id="a walk to slices that are not there"),
        pytest.param(
            (*FIRST_SEED, "index"),
            GONE,
            id="a seed without its slice",
        ),
        pytest.param(
            (*FIRST_SEED, "index"),
            [1],
            id="a slice that is a list",
        ),
        pytest.param(
            (*FIRST_SEED, "provenance"),
            102,
            id="a provenance that there is not",
        ),
        pytest.param(
            (*FIRST_SEED, "patch", "runs", 3),
            float("inf"),
            id="an outline without an end",
        ),
        pytest.param(
            (*FIRST_SEED, "patch", "left"),
            255,
            id="an outline beyond the slice",
        ),
        pytest.param(
            (*FIRST_RUN, "runs", 1, "anchor"),
            -1,
            id="a walk from no anchor",
        ),
        pytest.param(
            (*FIRST_RUN, "steps"),
            [9],
            id="a number of steps that is a list",
        ),
        pytest.param(
            ("segments", 0),
            [],
            id="a segment that is a list",
        ),
        pytest.param(
            ("segments", 0, "name"),
            GONE,
            id="a segment without a name",
        ),
        pytest.param(
            ("segments", 0, "label"),
            "copy",
            id="a label that is a word",
        ),
        pytest.param(
            ("model_sha256",),
            -5,
            id="weights that are a number",
        ),
    ],
)
def test_a_damaged_record_is_refused_with_a_sentence(good, path, value):
    record = json.loads((good / "good.json").read_text(encoding="utf-8"))
    text = json.dumps(changed(record, path, value))
    (good / "damaged.json").write_text(text, encoding="utf-8")
    words = ("--image", good / "image.nii.gz", "--history", good / "damaged.json")
    outcome = run(
        "propagate",
        *words,
        "--out",
        good / "again.nii.gz",
        "--engine",
        "copy",
        "--quiet",
    )
    runs_too_far = path[-1] == "last"
    assert outcome.is_refusal or (runs_too_far and outcome.code == 0)


@pytest.mark.parametrize(
    "option, offset, kind, value",
    [
        pytest.param("image", 108, "<f", float("nan"), id="voxels at NaN"),
        pytest.param("image", 108, "<f", float("inf"), id="voxels at infinity"),
        pytest.param("seed", 70, "<h", 64, id="a seed that says it is of doubles"),
    ],
)
def test_a_damaged_nifti_header_is_refused_with_a_sentence(good, option, offset, kind, value):
    content = bytearray(gzip.decompress((good / "image.nii.gz").read_bytes()))
    struct.pack_into(kind, content, offset, value)
    (good / "damaged.nii").write_bytes(content)
    files = {
        "image": "image.nii.gz",
        "seed": "seed.nii.gz",
        option: "damaged.nii",
    }
    assert propagate(good, files["image"], files["seed"], engine="copy").is_refusal


def test_a_table_that_is_cut_off_is_refused_with_a_sentence(good):
    table = (good / "good.slices.csv").read_text(encoding="utf-8")
    (good / "cut.slices.csv").write_text(table.rsplit(",", 5)[0], encoding="utf-8")
    options = ("--anchors", str(good / "cut.slices.csv"))
    outcome = propagate(good, "image.nii.gz", "good.nii.gz", "out.nii.gz", *options, engine="copy")
    assert outcome.is_refusal


@pytest.mark.parametrize("fields", [LATIN_1, NO_TEXT], ids=["name", "ID"])
def test_a_segment_that_is_not_utf_8_is_read_or_refused(good, fields):
    write_segmentation_with(good / "odd.seg.nrrd", read(good / "seed.nii.gz"), fields)
    outcome = propagate(good, "image.nii.gz", "odd.seg.nrrd", "out.seg.nrrd", engine="copy")
    assert outcome.code == 0 or outcome.is_refusal


def test_the_nodes_of_the_page_live_on_with_a_segment_that_is_not_utf_8(tmp_path):
    pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")
    _, seed = write_small_case(tmp_path)
    write_segmentation_with(tmp_path / "odd.seg.nrrd", seed, LATIN_1)
    done = run_script(tmp_path, "read_into_nodes.py", "image.nii.gz", "odd.seg.nrrd")
    assert done.returncode == 0, done.stderr


def test_a_header_with_a_very_long_field_is_refused(tmp_path):
    image, _ = write_small_case(tmp_path)
    lines = [
        "NRRD0004",
        "type: short",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: 28 24 10",
        "space directions: (1,0,0) (0,1,0) (0,0,3)",
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {'A' * 5000}",
        "space origin: (0,0,0)",
    ]
    header = "\n".join(lines) + "\n\n"
    (tmp_path / "long.nrrd").write_bytes(header.encode() + image.tobytes())
    done = run_program(tmp_path, *propagate_words("long.nrrd"))
    assert ends_with_a_sentence(done), done
