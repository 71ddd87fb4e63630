"""`compare`: two annotators' results, by overlap, surfaces and slices, on hand-counted masks."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case, write
from phantoms import square

from SlicePropagationLib import CompareRequest, compare_results
from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError, GeometryMismatchError, InputError
from SlicePropagationLib.files.segments import Segment, describe_segments
from SlicePropagationLib.files.two_results import read_two_results
from SlicePropagationLib.pipelines.agreement import agreement
from SlicePropagationLib.pipelines.compare_picture import (
    FIRST,
    SECOND,
    choose_differing,
    compare_picture,
)
from SlicePropagationLib.pipelines.montage import WHITE

SPACING = (1.0, 1.5, 3.0)  # along I, J, K
PIXEL_MM2 = 1.5


def squares(tops, size=4):
    """(6, 20, 20) uint8: a square on each of the slices 1.. whose upper edge is at that row."""
    array = np.zeros((6, 20, 20), np.uint8)
    for index, top in enumerate(tops, 1):
        array[index] = square(top, 5, size)
    return array


def write_named(path, array, names, origin=(0, 0, 0)):
    """A Slicer segmentation whose segment n has the name at n - 1."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin(origin)
    segments = [
        Segment(number, name, f"id{number}", (1.0, 0.0, 0.0))
        for number, name in enumerate(names, 1)
    ]
    describe_segments(image, segments, {})
    sitk.WriteImage(image, str(path))
    return path


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def annotators(tmp_path):
    """Folders a and b: of case p1 the second annotator drew one of three slices two rows lower."""
    for who, tops in (("a", (5, 5, 5)), ("b", (5, 5, 7))):
        (tmp_path / who).mkdir()
        write(tmp_path / who / "p1.nii.gz", squares(tops))
    return tmp_path


def compare(folder, *options, **request):
    return compare_results(
        CompareRequest(folder / "a", folder / "b", folder / "out", *options, **request)
    )


def test_a_structure_is_compared_by_overlap_surface_volume_and_slices():
    first, second = squares((5, 5, 5)) > 0, squares((5, 5, 7)) > 0
    found = agreement(first, second, (3.0, 1.5, 1.0))
    assert found.dice == pytest.approx(2 * 40 / 96)
    assert found.volume_ml == pytest.approx((48 * 4.5 / 1000, 48 * 4.5 / 1000))
    assert found.hd95_mm == pytest.approx(3.0)  # two rows of 1.5 mm
    assert [each.index for each in found.slices] == [1, 2, 3]
    assert [(each.index, each.num_differing) for each in found.differing] == [(3, 16)]
    assert found.differing[0].differ_mm2 == pytest.approx(16 * PIXEL_MM2)
    assert found.differing[0].dice == pytest.approx(0.5)


def test_an_empty_annotation_has_no_distance_and_every_slice_differs():
    found = agreement(squares((5, 5)) > 0, squares(()) > 0, (3.0, 1.0, 1.0))
    assert found.dice == 0
    assert np.isnan([found.mean_mm, found.hd95_mm]).all()
    assert len(found.differing) == 2


def test_two_empty_annotations_agree():
    found = agreement(squares(()) > 0, squares(()) > 0, (3.0, 1.0, 1.0))
    assert found.dice == 1
    assert not found.slices


def test_folders_are_compared_case_by_case_into_tables_a_record_and_pictures(annotators):
    found = compare(annotators)
    assert found.mean_dice == pytest.approx(40 / 48)
    row = rows_of(annotators / "out" / "compare.csv")[0]
    assert (row["case"], row["label_a"], row["slices"], row["slices_that_differ"]) == (
        *("p1", "1", "3", "1"),
    )
    assert (row["most_on_slice"], row["hd95_mm"]) == ("3", "3")
    slices = rows_of(annotators / "out" / "compare.slices.csv")
    assert [each["pixels_that_differ"] for each in slices] == ["0", "0", "16"]
    record = json.loads((annotators / "out" / "compare.json").read_text(encoding="utf-8"))
    assert record["segments"][0]["pixels_that_differ"] == {"3": 16}
    assert record["segments"][0]["dice"] == pytest.approx(40 / 48, abs=1e-5)
    assert (annotators / "out" / "p1.compare.png").is_file()


def test_results_that_are_stored_turned_round_are_the_same_voxels(annotators):
    image = sitk.ReadImage(str(annotators / "a" / "p1.nii.gz"))
    turned = sitk.PermuteAxes(sitk.Flip(image, (True, False, True)), (1, 0, 2))
    sitk.WriteImage(turned, str(annotators / "b" / "p1.nii.gz"))
    assert compare(annotators).mean_dice == 1


def test_segmentations_that_are_cropped_to_their_segments_are_laid_on_one_grid(annotators):
    whole, lower = squares((5, 5, 5)), squares((5, 5, 7))
    a = write_named(annotators / "a.seg.nrrd", whole[1:4, 5:9, 5:9], ["liver"])
    b = write_named(
        annotators / "b.seg.nrrd", lower[1:4, 5:11, 3:9], ["liver"], origin=(-2.0, 0.0, 0.0)
    )
    found = compare_results(CompareRequest(a, b, annotators / "out")).segments[0].agreement
    assert found.dice == pytest.approx(40 / 48)
    assert found.volume_ml == pytest.approx((48 * 4.5 / 1000, 48 * 4.5 / 1000))


def test_a_cropped_segmentation_is_compared_with_a_label_map_of_all_voxels(annotators):
    cropped = squares((5, 5, 7))[1:4, 5:11, 5:9]
    a = write_named(annotators / "a.seg.nrrd", cropped, ["liver"], origin=(5.0, 7.5, 3.0))
    b = write(
        annotators / "b.nii.gz", squares((5, 5, 5)), origin=(0, 0, 0), direction=np.eye(3).ravel()
    )
    found = compare_results(CompareRequest(a, b, annotators / "out")).segments[0].agreement
    assert found.dice == pytest.approx(40 / 48)
    assert [each.index for each in found.differing] == [3]


def test_named_segments_are_paired_by_name_whatever_their_number(annotators):
    both = squares((5, 5)) + 2 * squares((12, 12))
    swapped = 2 * squares((5, 5)) + squares((12, 12))
    a = write_named(annotators / "a.seg.nrrd", both, ["liver", "kidney"])
    b = write_named(annotators / "b.seg.nrrd", swapped, ["kidney", "liver"])
    found = compare_results(CompareRequest(a, b, annotators / "out")).segments
    assert [(each.name, each.labels) for each in found] == [("liver", (1, 2)), ("kidney", (2, 1))]
    assert [each.agreement.dice for each in found] == [1, 1]


def test_a_structure_that_one_annotator_lacks_counts_as_empty_there(annotators):
    write(annotators / "b" / "p1.nii.gz", 2 * squares((5, 5, 5)))
    found = compare(annotators).segments
    assert [(each.labels, each.agreement.dice) for each in found] == [
        ((1, None), 0),
        ((None, 2), 0),
    ]


def test_slices_run_along_the_axis_that_is_asked_for(annotators):
    found = compare(annotators, axis="j").segments[0].agreement
    assert [each.index for each in found.differing] == [5, 6, 9, 10]


def test_a_case_of_other_voxels_is_named_and_the_others_go_on(annotators, capsys):
    write(annotators / "a" / "p2.nii.gz", squares((5,)))
    write(annotators / "b" / "p2.nii.gz", squares((5,))[:, :10])
    write(annotators / "b" / "p3.nii.gz", squares((5,)))
    where = [str(annotators / "a"), str(annotators / "b"), "--out", str(annotators / "out")]
    assert main(["compare", *where, "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert "3" in out.splitlines()[1].split()  # of the slices
    assert "Mean Dice of 1 structure: 0.833" in out
    assert "only B has p3" in err
    assert "p2 was not compared" in err
    assert "different grids: size" in err


def test_two_files_on_other_grids_are_refused(annotators):
    other = write(annotators / "b" / "p1.nii.gz", squares((5,))[:, :10])
    request = CompareRequest(annotators / "a" / "p1.nii.gz", other, annotators / "out")
    with pytest.raises(GeometryMismatchError, match=r"p1.* and .*p1.* are on different grids"):
        compare_results(request)
    assert not (annotators / "out").exists()


def test_folders_without_a_common_case_are_refused(annotators):
    (annotators / "b" / "p1.nii.gz").rename(annotators / "b" / "other.nii.gz")
    with pytest.raises(InputError, match=r"no case in common \(1 and 1 results\)"):
        compare(annotators)


def test_an_image_is_for_two_files_and_a_table_for_two_folders(annotators):
    with pytest.raises(ConfigError, match="give one"):
        CompareRequest("a", "b", "out", image="i.nii.gz", cases="cases.csv")
    with pytest.raises(ConfigError, match="give --cases"):
        compare(annotators, image="i.nii.gz")


def test_a_table_of_cases_names_the_images_that_pictures_show(tmp_path):
    case = make_case(tmp_path)
    for who, kind in (("a", "truth"), ("b", "seed")):
        (tmp_path / who).mkdir()
        case[kind].rename(tmp_path / who / "image.nii.gz")
    table = tmp_path / "cases.csv"
    table.write_text("image\nimage.nii.gz\n", encoding="utf-8")
    compare(tmp_path, cases=table)
    with_image = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/image.compare.png")))
    compare(tmp_path)
    without = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/image.compare.png")))
    assert with_image.shape == without.shape
    assert np.median(with_image) > np.median(without)


def test_the_picture_shows_the_slices_that_differ_most_in_their_order():
    first = np.zeros((30, 8, 8), bool)
    first[:, 2:6, 2:6] = True
    second = first.copy()
    second[[4, 20], 2:4] = False
    chosen = choose_differing([(first, second)], count=4)
    assert chosen == sorted(chosen)
    assert {4, 20} <= set(chosen)
    assert choose_differing([(first & False, first & False)]) == [0]


def test_the_picture_has_the_outlines_of_both(annotators):
    results = read_two_results(*(annotators / who / "p1.nii.gz" for who in ("a", "b")))
    picture = compare_picture(results, 0)[40:]  # below the legend
    for color in (FIRST, SECOND, WHITE):
        assert (picture == color).all(axis=2).any()


def test_a_file_of_somebody_else_is_not_replaced(annotators, capsys):
    (annotators / "out").mkdir()
    (annotators / "out" / "compare.csv").write_text("mine\n", encoding="utf-8")
    where = [str(annotators / "a"), str(annotators / "b"), "--out", str(annotators / "out")]
    assert main(["compare", *where, "--quiet"]) == 2
    assert "was not written by this program" in capsys.readouterr().err
    assert (annotators / "out" / "compare.csv").read_text(encoding="utf-8") == "mine\n"
