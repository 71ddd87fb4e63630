import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case, read, write

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def propagate_file(case, out, *options):
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
                "--quiet",
                *options,
            ]
        )
        == 0
    )
    return read(out)


def rows_of(path):
    return list(csv.DictReader(open(path, newline="", encoding="utf-8")))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".seg.nrrd"])
def test_every_format_keeps_the_geometry_and_the_seed(case, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    labels = propagate_file(case, out)
    image = sitk.ReadImage(str(case["image"]))
    result = sitk.ReadImage(str(out))
    for part in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(result, part)(), getattr(image, part)(), atol=1e-5)
    assert np.array_equal(labels[7], read(case["seed"])[7])
    overlap = 2 * (labels & read(case["truth"])).sum() / (labels.sum() + read(case["truth"]).sum())
    assert overlap > 0.8


def test_the_command_line_gives_the_voxels_of_the_library(case, tmp_path):
    stack = SliceStack.from_volume(read(case["image"]), (3.0, 1.5, 1.0))
    session = AnnotationSession(stack, (1,))
    session.annotate(1, 7, read(case["seed"])[7] > 0)
    list(propagate(session, make_engine(), plan_session(session)))
    assert np.array_equal(propagate_file(case, tmp_path / "out.nii.gz"), session.label_map())


def test_a_record_does_the_same_again(case, tmp_path):
    first = propagate_file(case, tmp_path / "out.nii.gz")
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                "--history",
                str(tmp_path / "out.json"),
                "--out",
                str(tmp_path / "again.nii.gz"),
                "--quiet",
            ]
        )
        == 0
    )
    assert np.array_equal(read(tmp_path / "again.nii.gz"), first)


def test_the_table_tells_drawn_from_propagated(case, tmp_path):
    propagate_file(case, tmp_path / "out.nii.gz")
    rows = rows_of(tmp_path / "out.slices.csv")
    assert [row["slice"] for row in rows if row["provenance"] == "seed"] == ["7"]
    assert len(rows) == 16
    assert float(rows[7]["area_mm2"]) == pytest.approx(1.5 * (read(case["seed"])[7] > 0).sum())
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_the_record_names_engine_versions_and_anchors(case, tmp_path):
    propagate_file(case, tmp_path / "out.nii.gz", "--engine", "copy")
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert record["engine"] == "copy"
    assert record["anchors"] == {"1": {"7": "seed"}}
    assert record["axis"] == "k"
    assert {"slice-propagation", "numpy"} <= set(record["versions"])


def test_a_range_is_kept(case, tmp_path):
    labels = propagate_file(case, tmp_path / "out.nii.gz", "--engine", "copy", "--range", "5:9")
    assert np.flatnonzero(labels.any(axis=(1, 2))).tolist() == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("axis,name", [(0, "k"), (1, "j"), (2, "i")])
def test_the_axis_is_found_from_the_seed(tmp_path, axis, name):
    array = np.random.default_rng(0).integers(0, 100, (12, 12, 12)).astype(np.int16)
    seed = np.zeros_like(array, np.uint8)
    np.moveaxis(seed, axis, 0)[4, 3:9, 3:9] = 1
    case = {
        "image": write(tmp_path / "i.nii.gz", array),
        "seed": write(tmp_path / "s.nii.gz", seed),
    }
    labels = propagate_file(case, tmp_path / "out.nii.gz", "--engine", "copy")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["axis"] == name
    assert (np.moveaxis(labels, axis, 0)[:, 3:9, 3:9] == 1).all()


def test_confirmed_empty_slices_come_back_from_the_table(case, tmp_path):
    propagate_file(case, tmp_path / "first.nii.gz", "--engine", "copy")
    rows = rows_of(tmp_path / "first.slices.csv")
    table = tmp_path / "anchors.slices.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(
            row | ({"provenance": "confirmed"} if row["slice"] in ("2", "13") else {})
            for row in rows
        )
    labels = propagate_file(
        case,
        tmp_path / "second.nii.gz",
        "--engine",
        "interpolation",
        "--anchors",
        str(table),
    )
    assert not labels[2].any()
    assert not labels[13].any()
    assert not labels[:2].any()
    anchors = json.loads((tmp_path / "second.json").read_text(encoding="utf-8"))["anchors"]["1"]
    assert anchors == {
        "2": "confirmed",
        "7": "seed",
        "13": "confirmed",
    }


def test_a_finished_result_with_its_table_goes_on_where_it_was(case, tmp_path):
    first = propagate_file(case, tmp_path / "first.nii.gz")
    again = {"image": case["image"], "seed": tmp_path / "first.nii.gz"}
    assert np.array_equal(
        propagate_file(
            again,
            tmp_path / "second.nii.gz",
            "--axis",
            "k",
            "--anchors",
            str(tmp_path / "first.slices.csv"),
        ),
        first,
    )


@pytest.mark.parametrize("has_record", [True, False])
def test_a_finished_result_goes_on_along_the_axis_of_its_table(tmp_path, has_record):
    truth = np.zeros((20, 24, 32), np.uint8)
    truth[2:18, 10:13, 8:24] = 1  # on 16 slices along k, and on 3 along j
    seed = np.zeros_like(truth)
    seed[11] = truth[11]
    case = {
        "image": write(tmp_path / "image.nii.gz", 100 * truth.astype(np.int16)),
        "seed": write(tmp_path / "seed.nii.gz", seed),
    }
    first = propagate_file(case, tmp_path / "first.nii.gz")
    if not has_record:
        (tmp_path / "first.json").unlink()
    again = {"image": case["image"], "seed": tmp_path / "first.nii.gz"}
    assert np.array_equal(
        propagate_file(
            again,
            tmp_path / "second.nii.gz",
            "--anchors",
            str(tmp_path / "first.slices.csv"),
        ),
        first,
    )
    assert np.array_equal(
        propagate_file(
            again,
            tmp_path / "third.nii.gz",
            "--axis",
            "k",
            "--anchors",
            str(tmp_path / "first.slices.csv"),
        ),
        first,
    )


def test_segment_names_and_colours_are_kept(case, tmp_path):
    seed = sitk.ReadImage(str(case["seed"]))
    for name, value in {
        "ID": "seg_a",
        "Name": "Left ventricle",
        "Color": "0.1 0.2 0.3",
        "LabelValue": "1",
        "Layer": "0",
        "Tags": "Site:heart|",
    }.items():
        seed.SetMetaData(f"Segment0_{name}", value)
    sitk.WriteImage(seed, str(tmp_path / "drawn.seg.nrrd"))
    propagate_file(
        {"image": case["image"], "seed": tmp_path / "drawn.seg.nrrd"},
        tmp_path / "out.seg.nrrd",
    )
    result = sitk.ReadImage(str(tmp_path / "out.seg.nrrd"))
    assert [result.GetMetaData(f"Segment0_{name}") for name in ("ID", "Name", "Color")] == [
        "seg_a",
        "Left ventricle",
        "0.1 0.2 0.3",
    ]
    assert "Site:heart" in result.GetMetaData("Segment0_Tags")
    assert "SlicePropagation.Slices:{" in result.GetMetaData("Segment0_Tags")


def test_a_segmentation_cropped_to_its_segment_is_read_in_its_place(case, tmp_path):
    whole = propagate_file(case, tmp_path / "whole.nii.gz")
    seed = sitk.ReadImage(str(case["seed"]))[10:40, 12:40, 5:10]
    for name, value in {
        "ID": "a",
        "Name": "A",
        "LabelValue": "1",
        "Layer": "0",
    }.items():
        seed.SetMetaData(f"Segment0_{name}", value)
    sitk.WriteImage(seed, str(tmp_path / "cropped.seg.nrrd"))
    assert np.array_equal(
        propagate_file(
            {"image": case["image"], "seed": tmp_path / "cropped.seg.nrrd"},
            tmp_path / "out.nii.gz",
        ),
        whole,
    )


def test_slicer_reads_the_segmentation(case, tmp_path):
    slicer = pytest.importorskip(
        "slicer",
        reason="needs slicer-core, Slicer's own segmentation reader",
    )
    labels = propagate_file(case, tmp_path / "out.seg.nrrd")
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "out.seg.nrrd"))
    scene.AddNode(storage)
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 1
    labelmap = segmentation.GetNthSegment(0).GetRepresentation("Binary labelmap")
    scalars = labelmap.GetPointData().GetScalars()
    assert (
        sum(scalars.GetTuple1(i) > 0 for i in range(scalars.GetNumberOfTuples()))
        == (labels > 0).sum()
    )


def test_a_frame_of_a_4d_image_is_a_volume(case, tmp_path):
    whole = propagate_file(case, tmp_path / "whole.nii.gz")
    frame = sitk.ReadImage(str(case["image"]))
    sitk.WriteImage(sitk.JoinSeries([frame * 0 + 1, frame]), str(tmp_path / "cine.nii.gz"))
    assert np.array_equal(
        propagate_file(
            case | {"image": tmp_path / "cine.nii.gz"},
            tmp_path / "o.nii.gz",
            "--frame",
            "1",
        ),
        whole,
    )


def test_in_the_end_it_says_where_each_label_is(case, tmp_path, capsys):
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                "--seed",
                str(case["seed"]),
                "--out",
                str(tmp_path / "o.nii.gz"),
                "--engine",
                "copy",
                "--range",
                "5:9",
            ]
        )
        == 0
    )
    seeded = np.flatnonzero(read(case["seed"]).any(axis=(1, 2)))
    assert f"label 1 on slices 5 to 9, annotated on {seeded[0]}" in capsys.readouterr().out


def test_engines_are_listed(capsys):
    assert main(["engines"]) == 0
    assert "registration" in capsys.readouterr().out
