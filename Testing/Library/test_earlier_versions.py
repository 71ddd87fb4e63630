"""Results of an earlier version are read, done again and gone on with; see Fixtures/README.md."""

from pathlib import Path

import numpy as np
import pytest
from case_files import read
from earlier import (  # noqa: F401  a fixture, too
    CLOSES_SOONER,
    EXPECTED,
    earlier_files,
    most_different,
    read_json,
    run,
    touch_as_then,
)
from evaluations import read as rows_of

from SlicePropagationLib import __version__
from SlicePropagationLib.commands.main import main
from SlicePropagationLib.files.companions import soft_label_paths
from SlicePropagationLib.files.distance_table import read_distances
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pipelines.result_files import read_result
from SlicePropagationLib.pipelines.slice_record import TAG, decode_slices
from SlicePropagationLib.pipelines.slices_table import read_anchors
from SlicePropagationLib.session import Provenance

PAGE = EXPECTED["page"]["segments"]


@pytest.mark.parametrize(
    "result", ["results/out.nii.gz", "results/gone_on.nii.gz", "results/copied.seg.nrrd"]
)
def test_a_record_of_an_earlier_version_gives_its_voxels_again(earlier, result):
    record = Path(result).with_name(Path(result).name.split(".")[0] + ".json")
    image = ("--image", "image.nii.gz", "--engine", "registration")
    run("propagate", *image, "--history", str(record), "--out", "again.nii.gz")
    stored = read(result)
    different = np.count_nonzero(read("again.nii.gz") != stored)
    closed = CLOSES_SOONER if record.stem == "gone_on" else 0
    assert different <= closed + most_different(read_json(record), stored)
    assert read_json("again.json")["history"] == read_json(record)["history"]


def test_a_record_of_the_page_gives_its_voxels_again_where_it_says_all(earlier):
    """Of a prediction that "Nothing here" emptied, it says only that it was confirmed."""
    image = ("--image", "image.nii.gz", "--engine", "registration")
    run("propagate", *image, "--history", "page/labels.json", "--out", "again.nii.gz")
    stored = read("page/labels.nii.gz")
    differs = read("again.nii.gz") != stored
    emptied = 10
    assert np.count_nonzero(np.delete(differs, emptied, axis=0)) <= most_different(
        read_json("page/labels.json"), stored
    )
    events = [event["event"] for event in read_json("page/labels.json")["history"]]
    assert events.count("run") == 3
    assert events.count("confirm") == 3


def test_a_command_of_an_earlier_version_gives_the_voxels_that_it_gave(earlier):
    drawn = ("--image", "image.nii.gz", "--seed", "seed.nii.gz", "--engine", "registration")
    run("propagate", *drawn, "--out", "again.nii.gz")
    stored = read("results/out.nii.gz")
    different = np.count_nonzero(read("again.nii.gz") != stored)
    assert different <= most_different(read_json("results/out.json"), stored)


def test_work_that_an_earlier_version_saved_is_gone_on_with_as_it_went_on(earlier):
    seed = ("--seed", "page/labels.nii.gz", "--anchors", "page/labels.slices.csv")
    image = ("--image", "image.nii.gz", "--engine", "registration")
    run("propagate", *image, *seed, "--out", "again.nii.gz")
    stored = read("results/gone_on.nii.gz")
    different = np.count_nonzero(read("again.nii.gz") != stored)
    record = read_json("results/gone_on.json")
    assert different <= CLOSES_SOONER + most_different(record, stored)
    assert read_json("again.json")["anchors"] == record["anchors"]


def test_anchors_of_an_earlier_version_keep_their_voxels_when_their_result_is_gone_on_with(earlier):
    seed = ("--seed", "results/gone_on.nii.gz", "--anchors", "results/gone_on.slices.csv")
    run("propagate", "--image", "image.nii.gz", *seed, "--out", "again.nii.gz", "--engine", "copy")
    stored = read("results/gone_on.nii.gz")
    found = read("again.nii.gz")
    anchors = read_json("results/gone_on.json")["anchors"]
    assert read_json("again.json")["anchors"] == anchors
    for label, slices in anchors.items():
        for index in map(int, slices):
            assert np.array_equal(found[index] == int(label), stored[index] == int(label))


@pytest.mark.parametrize("name", ["page/saved.seg.nrrd", "page/labels.nii.gz"])
def test_a_segmentation_of_an_earlier_version_has_its_names_provenance_and_areas(earlier, name):
    found = read_result(name, read_volume("image.nii.gz"))
    labels = found.labels
    segments = found.segments
    assert [segment.name for segment in segments] == [facts["name"] for facts in PAGE.values()]
    for segment, facts in zip(segments, PAGE.values(), strict=True):
        tags = dict(part.split(":", 1) for part in segment.tags.split("|") if ":" in part)
        slices = decode_slices(tags[TAG])["slices"]
        provenance = [slices.get(str(index), [0])[0] for index in range(len(labels))]
        assert provenance == facts["provenance"]
        assert (labels == segment.label).sum(axis=(1, 2)).tolist() == facts["areas"]


def test_the_table_of_frames_of_an_earlier_version_names_its_anchors(earlier):
    known = read_anchors("results/cine.slices.csv")
    rows = [row for slices in known.by_label.values() for row in slices.items()]
    drawn = {index for index, provenance in rows if provenance >= Provenance.SEED}
    assert drawn == {0, 3}


def test_pseudo_labels_of_an_earlier_version_have_distances_and_probabilities(earlier):
    labels = read("pseudo/labels.nii.gz")
    distances = read_distances("pseudo/labels.nii.gz", len(labels))
    assert distances.tolist() == [0, 1, 1, 0, 1, 1]
    soft = soft_label_paths("pseudo/labels.nii.gz")
    assert list(soft) == [1]
    assert np.array_equal(read(soft[1]) > 127, labels == 1)


def resume_batch():
    """The batch of the fixtures once more, which goes on; returns what it says of each case."""
    arguments = ("--cases", "batch/cases.csv", "--out", "batch/results", "--engine", "copy")
    assert main(["batch", *arguments, "--resume"]) == 0


def test_a_batch_of_an_earlier_version_ends_with_the_same_labels_when_it_is_resumed(earlier):
    stored = {name: read(f"batch/results/{name}.nii.gz") for name in ("one", "two")}
    resume_batch()
    for name, labels in stored.items():
        assert np.array_equal(read(f"batch/results/{name}.nii.gz"), labels)


@pytest.mark.skipif(
    __version__ != EXPECTED["version"],
    reason="a done-mark counts for the version that wrote it only",
)
def test_a_batch_of_the_same_version_is_not_done_again(earlier, capsys):
    resume_batch()
    assert capsys.readouterr().err.count("already done") == 2


def test_an_evaluation_by_an_earlier_protocol_is_refused_and_stays_as_it_is(earlier, capsys):
    touch_as_then()
    stored = {path.name: path.read_bytes() for path in Path("evaluate/out").iterdir()}
    where = ("--cases", "evaluate/cases.csv", "--out", "evaluate/out", "--shots", "1,2")
    assert main(["evaluate", *where, "--engines", "copy"]) == 2
    assert "earlier protocol" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in Path("evaluate/out").iterdir()} == stored


def test_scores_of_an_earlier_version_come_out_again(earlier):
    """But for the distances, which are between surface elements now.

    And but for what corrections led to: other slices are suggested.
    """
    stored = [row for row in rows_of("evaluate/out/rows.csv") if row["engine"] == "copy"]
    stored = [row for row in stored if row["shots"] == "1"]
    where = ("--cases", "evaluate/cases.csv", "--out", "evaluate/new", "--shots", "1")
    run("evaluate", *where, "--engines", "copy")
    found = rows_of("evaluate/new/rows.csv")
    other = ("seconds_per_slice", "surface_dice", "hd95_mm", "mean_surface_mm")
    same = [column for column in stored[0] if column not in other]
    assert len(stored) > 1
    assert [[row[column] for column in same] for row in found] == [
        [row[column] for column in same] for row in stored
    ]
