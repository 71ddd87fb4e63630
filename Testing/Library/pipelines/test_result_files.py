"""What a run wrote is read again, with where every slice came from."""

import json
import logging

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pipelines.result_files import read_result
from SlicePropagationLib.pipelines.slice_record import TAG, decode_slices
from SlicePropagationLib.session import Provenance


def record_of(segment):
    return decode_slices(segment.tags.split(":", 1)[1].rstrip("|"))


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def propagated(case, out):
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                "--seed",
                str(case["seed"]),
                "--out",
                str(out),
                "--engine",
                "copy",
            ]
        )
        == 0
    )
    return out


def test_a_label_map_with_its_table_says_the_same_as_a_segmentation_file(case, tmp_path):
    volume = read_volume(case["image"])
    flat, own = (
        read_result(propagated(case, tmp_path / name), volume)
        for name in ("flat.nii.gz", "own.seg.nrrd")
    )
    assert np.array_equal(flat.labels, own.labels)
    assert [(segment.label, segment.name) for segment in flat.segments] == [
        (segment.label, segment.name) for segment in own.segments
    ]
    pairs = zip(map(record_of, flat.segments), map(record_of, own.segments), strict=True)
    for one, other in pairs:
        assert one["axis"] == other["axis"]
        assert one["engine"] == other["engine"] == "copy"
        assert one["slices"].keys() == other["slices"].keys()
        for index, (provenance, confidence, *_) in other["slices"].items():
            assert one["slices"][index][0] == provenance
            assert (
                confidence is None
                and one["slices"][index][1] is None
                or one["slices"][index][1] == pytest.approx(confidence, abs=1e-3)
            )
        assert Provenance.SEED in {state[0] for state in one["slices"].values()}


def test_a_label_map_alone_has_no_tags(case):
    volume = read_volume(case["image"])
    found = read_result(case["truth"], volume)
    assert np.array_equal(found.labels, read_labels(case["truth"], volume)[0])
    assert found.segments
    assert not any(TAG in segment.tags for segment in found.segments)


@pytest.mark.parametrize(
    "suffix, text, words",
    [
        (".json", "{", "is not the record of a result"),
        (".json", "[]", "is not the record of a result"),
        (".slices.csv", "a,b\n1,2\n", "is not a per-slice table"),
        (
            ".slices.csv",
            "slice,segment,provenance,confidence,area_mm2,label\n3,a,guessed,,0,1\n",
            "is not a per-slice table",
        ),
    ],
)
def test_a_damaged_companion_is_named(case, tmp_path, suffix, text, words):
    out = propagated(case, tmp_path / "out.nii.gz")
    companion(out, suffix).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_result(out, read_volume(case["image"]))


def test_an_axis_that_there_is_not_is_refused(case, tmp_path):
    out = propagated(case, tmp_path / "out.nii.gz")
    sidecar = companion(out, ".json")
    sidecar.write_text(
        json.dumps(json.loads(sidecar.read_text(encoding="utf-8")) | {"axis": "t"}),
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="take it away to open out.nii.gz without it"):
        read_result(out, read_volume(case["image"]))


def test_where_segments_overlap_a_warning_says_how_many_voxels(tmp_path, caplog):
    layers = np.zeros((4, 8, 8, 2), np.uint8)
    layers[1, 2:6, 2:6, 0] = layers[1, 4:8, 4:8, 1] = 1
    image = sitk.GetImageFromArray(layers, isVector=True)
    for number, name in enumerate("ab"):
        for key, value in {
            "ID": name,
            "Name": name,
            "LabelValue": "1",
            "Layer": str(number),
        }.items():
            image.SetMetaData(f"Segment{number}_{key}", value)
    sitk.WriteImage(image, str(tmp_path / "two.seg.nrrd"))
    sitk.WriteImage(
        sitk.GetImageFromArray(np.arange(256, dtype=np.int16).reshape(4, 8, 8)),
        str(tmp_path / "image.nrrd"),
    )
    with caplog.at_level(logging.WARNING, "SlicePropagationLib"):
        labels, segments = read_labels(
            tmp_path / "two.seg.nrrd",
            read_volume(tmp_path / "image.nrrd"),
        )
    assert "4 voxels in which segments overlap" in caplog.text
    assert (labels == segments[1].label).sum() == 16
    assert (labels == segments[0].label).sum() == 12
