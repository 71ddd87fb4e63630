"""Which structure is which goes by label and segment ID; what overlaps stays so, from seed to result."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case, read, write

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.files.segmentation_file import read_segmentation, write_layers
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pipelines.slices_table import COLUMNS, read_anchors

RED = (1.0, 0.0, 0.0)


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def propagate(case, out, *options, engine="copy"):
    files = ("--image", case["image"], "--seed", case["seed"], "--out", out)
    words = ["propagate", *files, "--engine", engine, "--quiet", *options]
    return main([str(word) for word in words])


def anchors(path):
    return json.loads(path.read_text(encoding="utf-8"))["anchors"]


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def masks_of(path, case):
    found = read_segmentation(path, read_volume(case["image"]))
    return {segment.name: found.mask(segment) for segment in found.segments}


def overlapping(case, tmp_path, order=("organ", "tumour", "beside")):
    """An organ with a tumour inside, and a third segment that touches neither of them."""
    organ = read(case["truth"])
    drawn = {"organ": np.zeros_like(organ)}
    drawn["organ"][7] = organ[7]
    rows, columns = np.nonzero(organ[7])
    row, column = int(rows.mean()), int(columns.mean())
    drawn["tumour"] = np.zeros_like(organ)
    drawn["tumour"][7, row : row + 3, column : column + 3] = 1
    drawn["beside"] = np.zeros_like(organ)
    drawn["beside"][7, :4, :4] = 1
    layers = [drawn[name] for name in order]
    segments = [Segment(n, name, name, RED, "", n - 1, 1) for n, name in enumerate(order, 1)]
    case["seed"] = tmp_path / "layers.seg.nrrd"
    write_layers(case["seed"], layers, read_volume(case["image"]), segments)
    return {name: layer > 0 for name, layer in drawn.items()}


@pytest.mark.parametrize("order", [("organ", "tumour", "beside"), ("tumour", "beside", "organ")])
@pytest.mark.parametrize("engine", ["copy", "registration"])
def test_layers_go_in_and_layers_come_out(case, tmp_path, order, engine):
    drawn = overlapping(case, tmp_path, order)
    assert propagate(case, tmp_path / "out.seg.nrrd", engine=engine) == 0
    found = masks_of(tmp_path / "out.seg.nrrd", case)
    assert list(found) == list(order)
    for name, mask in drawn.items():
        assert np.array_equal(found[name][7], mask[7])
    assert (found["organ"] & found["tumour"])[[5, 9]].any()
    first, _, last = order
    assert rows_of(tmp_path / "out.slices.csv")[0]["segment_id"] == first
    assert rows_of(tmp_path / "out.slices.csv")[-1]["segment_id"] == last


def test_overlaps_are_the_same_again_from_the_record(case, tmp_path):
    overlapping(case, tmp_path)
    assert propagate(case, tmp_path / "out.seg.nrrd", engine="registration") == 0
    words = ("--image", case["image"], "--history", tmp_path / "out.json")
    again = tmp_path / "again.seg.nrrd"
    assert main([str(word) for word in ("propagate", *words, "--out", again, "--quiet")]) == 0
    assert np.array_equal(read(again), read(tmp_path / "out.seg.nrrd"))


def test_overlaps_are_gone_on_with_from_the_table(case, tmp_path):
    overlapping(case, tmp_path)
    assert propagate(case, tmp_path / "out.seg.nrrd") == 0
    case["seed"] = tmp_path / "out.seg.nrrd"
    options = ("--anchors", tmp_path / "out.slices.csv")
    assert propagate(case, tmp_path / "again.seg.nrrd", *options) == 0
    assert anchors(tmp_path / "again.json") == anchors(tmp_path / "out.json")
    assert np.array_equal(read(tmp_path / "again.seg.nrrd"), read(tmp_path / "out.seg.nrrd"))


def test_a_file_of_one_layer_has_the_smaller_segment_on_top_and_a_warning_says_so(
    case, tmp_path, caplog
):
    drawn = overlapping(case, tmp_path, ("tumour", "organ", "beside"))
    assert propagate(case, tmp_path / "out.nii.gz") == 0
    labels = read(tmp_path / "out.nii.gz")
    assert np.array_equal(labels[7] == 1, drawn["tumour"][7])
    assert (labels[7] == 2).sum() == drawn["organ"].sum() - drawn["tumour"].sum()
    assert ".seg.nrrd" in caplog.text


def test_segments_that_do_not_overlap_still_share_no_pixel(case, tmp_path):
    drawn = overlapping(case, tmp_path)
    beside = np.zeros_like(drawn["organ"], np.uint8)
    rows, columns = np.nonzero(drawn["organ"][7])
    beside[7, rows.min() - 4 : rows.max() + 4, columns.max() + 1 : columns.max() + 6] = 1
    layers = [drawn["organ"], drawn["tumour"], beside]
    segments = [Segment(n, str(n), str(n), RED, "", n - 1, 1) for n in (1, 2, 3)]
    write_layers(case["seed"], layers, read_volume(case["image"]), segments)
    assert propagate(case, tmp_path / "out.seg.nrrd", engine="registration") == 0
    found = masks_of(tmp_path / "out.seg.nrrd", case)
    assert not (found["1"] & found["3"]).any()
    assert (found["1"] & found["2"]).any()


@pytest.mark.parametrize("name", ["out.nii.gz", "out.seg.nrrd"])
def test_more_than_255_labels_and_high_values_come_back(tmp_path, name):
    rng = np.random.default_rng(0)
    image = write(tmp_path / "image.nii.gz", rng.integers(0, 99, (2, 39, 60)).astype(np.int16))
    values = np.arange(1, 261).reshape(13, 20)
    values[-1, -1] = 65535
    seed = np.zeros((2, 39, 60), np.uint16)
    seed[1] = np.kron(values, np.pad(np.ones((2, 2)), ((0, 1), (0, 1))))
    case = {"image": image, "seed": write(tmp_path / "seed.nii.gz", seed)}
    assert propagate(case, tmp_path / name) == 0
    assert np.array_equal(read(tmp_path / name), seed[[1, 1]])
    assert {row["label"] for row in rows_of(tmp_path / "out.slices.csv")} >= {"259", "65535"}


def two_segments(case, tmp_path, numbers, ids=("a", "b"), names=("node", "node")):
    """The disc on slice 5 as one segment and on slice 9 as the other."""
    truth = read(case["truth"])
    labels = np.zeros(truth.shape, np.uint8)
    for number, index in zip(numbers, (5, 9), strict=True):
        labels[index] = number * truth[index]
    segments = [Segment(*parts, RED) for parts in zip(numbers, names, ids, strict=True)]
    path = tmp_path / f"seed{numbers[0]}.seg.nrrd"
    write_layers(path, [labels], read_volume(case["image"]), segments)
    return path


def test_anchors_are_found_by_id_where_another_program_gave_out_other_numbers(case, tmp_path):
    case["seed"] = two_segments(case, tmp_path, (1, 2))
    assert propagate(case, tmp_path / "out.seg.nrrd") == 0
    image = sitk.ReadImage(str(tmp_path / "out.seg.nrrd"))
    swapped = sitk.ChangeLabel(image, {1: 2, 2: 1})
    for key in image.GetMetaDataKeys():
        swapped.SetMetaData(key, image.GetMetaData(key))
    swapped.SetMetaData("Segment0_LabelValue", "2")
    swapped.SetMetaData("Segment1_LabelValue", "1")
    case["seed"] = tmp_path / "renumbered.seg.nrrd"
    sitk.WriteImage(swapped, str(case["seed"]))
    options = ("--anchors", tmp_path / "out.slices.csv")
    assert propagate(case, tmp_path / "again.seg.nrrd", *options) == 0
    assert anchors(tmp_path / "again.json") == {"2": {"5": "seed"}, "1": {"9": "seed"}}
    drawn = read(case["seed"])[[5, 9]]
    assert np.array_equal(read(tmp_path / "again.seg.nrrd")[[5, 9]], drawn)


@pytest.mark.parametrize(
    "names",
    [("node", "node"), ("2", "1"), ("2", "kidney"), ("", "a,b"), ('"', "Niere\n")],
)
def test_names_do_not_matter(case, tmp_path, names):
    case["seed"] = two_segments(case, tmp_path, (1, 2), names=names)
    for out, options in (
        ("first", ()),
        ("second", ("--anchors", tmp_path / "first.slices.csv")),
    ):
        assert propagate(case, tmp_path / f"{out}.seg.nrrd", *options) == 0
        assert anchors(tmp_path / f"{out}.json") == {"1": {"5": "seed"}, "2": {"9": "seed"}}
        case["seed"] = tmp_path / f"{out}.seg.nrrd"
    assert np.array_equal(read(tmp_path / "first.seg.nrrd"), read(tmp_path / "second.seg.nrrd"))


def names_only(path):
    """The table as versions wrote it that had neither label nor ID."""
    rows = rows_of(path)
    kept = path.with_name("names.csv")
    with open(kept, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS[:5], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return kept


@pytest.mark.parametrize(
    "names, code",
    [(("spleen", "liver"), 0), (("1", "2"), 0), (("2", "1"), 0), (("node", "node"), 2)],
)
def test_a_table_with_names_only_counts_where_the_names_are_clear(
    case, tmp_path, capsys, names, code
):
    case["seed"] = two_segments(case, tmp_path, (1, 2), names=names)
    assert propagate(case, tmp_path / "out.seg.nrrd") == 0
    case["seed"] = tmp_path / "out.seg.nrrd"
    options = ("--anchors", names_only(tmp_path / "out.slices.csv"))
    assert propagate(case, tmp_path / "again.seg.nrrd", *options) == code
    if code:
        assert "'node'" in capsys.readouterr().err
    else:
        assert anchors(tmp_path / "again.json") == anchors(tmp_path / "out.json")


def test_a_table_tells_volumes_in_ml_and_small_areas_in_full(tmp_path):
    rng = np.random.default_rng(0)
    fine = (4e-4, 4e-4, 1e-3)
    image = write(tmp_path / "i.nrrd", rng.integers(0, 99, (4, 9, 9)).astype(np.int16), fine)
    seed = np.zeros((4, 9, 9), np.uint8)
    seed[1, 2:5, 2:5] = 1
    case = {"image": image, "seed": write(tmp_path / "s.nrrd", seed, fine)}
    assert propagate(case, tmp_path / "out.nrrd") == 0
    rows = rows_of(tmp_path / "out.slices.csv")
    assert float(rows[1]["area_mm2"]) == pytest.approx(9 * 1.6e-7, rel=1e-5)
    total = sum(float(row["volume_ml"]) for row in rows)
    assert total == pytest.approx(4 * 9 * 1.6e-10 * 1e-3, rel=1e-5)
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert record["segments"][0]["volume_ml"] == pytest.approx(total, rel=1e-5)
    assert list(read_anchors(tmp_path / "out.slices.csv").by_label) == [1]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("option", ["--image", "--seed", "--out"])
def test_a_file_name_that_is_not_utf_8_is_refused_with_a_sentence(case, tmp_path, option):
    odd = os.fsencode(tmp_path) + b"/L\xfcr.nii.gz"
    files = {"--image": case["image"], "--seed": case["seed"], "--out": tmp_path / "out.nii.gz"}
    words = [part for pair in (files | {option: odd}).items() for part in pair]
    program = [sys.executable, "-m", "SlicePropagationLib", "propagate", *words]
    done = subprocess.run(program, capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"L\\xfcr.nii.gz' is not UTF-8; rename" in done.stderr
    assert b"Traceback" not in done.stderr
