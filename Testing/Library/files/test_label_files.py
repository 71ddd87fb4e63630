"""Labels count where their voxels lie in space, and come back as they were."""

import itertools
import logging
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import OBLIQUE

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.segmentation_file import (
    read_labels,
    read_segmentation,
    write_labels,
    write_layers,
)
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import read_volume

SHAPE = (6, 7, 8)
SPACING = np.array([1.0, 1.5, 3.0])
ORDERS = list(itertools.permutations((0, 1, 2)))


def itk_image(array, spacing=SPACING, origin=(5.0, -7.0, 11.0), direction=OBLIQUE, **options):
    image = sitk.GetImageFromArray(np.ascontiguousarray(array), **options)
    image.SetSpacing(tuple(float(step) for step in spacing))
    image.SetOrigin(tuple(float(place) for place in origin))
    image.SetDirection(direction)
    return image


@pytest.fixture
def volume(tmp_path):
    voxels = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    sitk.WriteImage(itk_image(voxels), str(tmp_path / "image.nrrd"))
    return read_volume(tmp_path / "image.nrrd")


@pytest.fixture
def labels():
    found = np.zeros(SHAPE, np.uint8)
    found[2, 1:4, 2:7] = 1
    found[4, 5:, 1:3] = 2
    return found


def stored(path, image, *segments):
    """Write a file; of its segments the fields that are given, and no others."""
    for number, fields in enumerate(segments):
        for name, value in fields.items():
            image.SetMetaData(f"Segment{number}_{name}", str(value))
    sitk.WriteImage(image, str(path), True)
    return path


@pytest.mark.parametrize("name", ["seed.nrrd", "seed.seg.nrrd", "seed.nii.gz"])
@pytest.mark.parametrize("flips", [(), (0,), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("order", ORDERS)
def test_axes_that_are_exchanged_or_turned_round_change_nothing(
    tmp_path, volume, labels, order, flips, name
):
    image = sitk.PermuteAxes(itk_image(labels), order)
    image = sitk.Flip(image, [axis in flips for axis in range(3)], flipAboutOrigin=False)
    found, _ = read_labels(stored(tmp_path / name, image), volume)
    assert np.array_equal(found, labels)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift, is_same", [(0.01, True), (0.5, False), (1.0, False)])
def test_how_far_a_grid_may_be_off_follows_from_its_voxels(
    tmp_path, labels, scale, axis, shift, is_same
):
    spacing = SPACING * scale
    voxels = np.arange(labels.size, dtype=np.int16).reshape(SHAPE)
    whole = itk_image(voxels, spacing, (0, 0, 0), np.eye(3).ravel())
    sitk.WriteImage(whole, str(tmp_path / "image.nrrd"))
    volume = read_volume(tmp_path / "image.nrrd")
    origin = shift * spacing * np.eye(3)[axis]
    image = itk_image(labels, spacing, origin, np.eye(3).ravel())
    path = stored(tmp_path / "seed.nrrd", image)
    if is_same:
        assert np.array_equal(read_labels(path, volume)[0], labels)
    else:
        with pytest.raises(GeometryMismatchError, match="origin"):
            read_labels(path, volume)


def test_spacing_of_three_digits_is_the_same_grid_and_said_to_be_off(tmp_path, caplog):
    voxels = np.arange(2 * 2 * 512, dtype=np.int16).reshape(2, 2, 512)
    fine = (0.7421875, 0.7421875, 5.0)
    sitk.WriteImage(itk_image(voxels, fine), str(tmp_path / "image.nrrd"))
    rounded = itk_image((voxels == 600).astype(np.uint8), (0.742, 0.742, 5.0))
    path = stored(tmp_path / "seed.nrrd", rounded)
    found, _ = read_labels(path, read_volume(tmp_path / "image.nrrd"))
    assert np.array_equal(found, voxels == 600)
    assert "0.13 voxels" in caplog.text


def test_a_segmentation_that_slicer_cropped_lies_where_it_was(tmp_path, volume, labels):
    image = itk_image(labels)[2:8, 1:6, 1:4]
    fields = {"ID": "a", "LabelValue": 1, "Layer": 0}
    found = read_segmentation(stored(tmp_path / "cropped.seg.nrrd", image, fields), volume)
    assert np.array_equal(found.mask(found.segments[0]), labels == 1)


@pytest.mark.parametrize("beyond", [0, 3])
def test_a_segmentation_may_reach_beyond_the_image(tmp_path, volume, labels, caplog, beyond):
    larger = sitk.ConstantPad(itk_image(labels), (2, 1, 3), (1, 0, 2), 0)
    for index in range(beyond):
        larger[index, 0, 0] = 1
    fields = {"ID": "a", "LabelValue": 1, "Layer": 0}
    path = stored(tmp_path / "larger.seg.nrrd", larger, fields, {"ID": "b", "LabelValue": 2})
    assert np.array_equal(read_labels(path, volume)[0] == 1, labels == 1)
    assert (f"{beyond} of" in caplog.text) == (beyond > 0)


def test_a_segmentation_that_lies_elsewhere_is_refused(tmp_path, volume, labels):
    image = itk_image(labels, origin=(1000.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError, match="grids"):
        read_labels(stored(tmp_path / "away.seg.nrrd", image), volume)


@pytest.mark.parametrize("factors", [(2, 2, 1), (2, 2, 2), (3, 1, 2), (1, 1, 3)])
def test_voxels_of_which_half_is_drawn_finely_are_drawn(tmp_path, volume, labels, factors):
    fine = labels
    for axis, factor in enumerate(reversed(factors)):
        fine = fine.repeat(factor, axis)
    spacing = SPACING / factors
    inwards = np.reshape(OBLIQUE, (3, 3)) @ ((spacing - SPACING) / 2)
    image = itk_image(fine, spacing, np.array((5.0, -7.0, 11.0)) + inwards)
    fields = [{"ID": name, "LabelValue": n, "Layer": 0} for n, name in ((1, "a"), (2, "b"))]
    path = stored(tmp_path / "fine.seg.nrrd", image, *fields)
    assert np.array_equal(read_labels(path, volume)[0], labels)


def test_a_finer_grid_with_the_same_first_voxel_keeps_the_slice_that_was_drawn(
    tmp_path, volume, labels
):
    fine = np.repeat(np.repeat(labels, 2, 1), 2, 2)
    image = itk_image(fine, SPACING / (2, 2, 1))
    found, _ = read_labels(stored(tmp_path / "fine.seg.nrrd", image), volume)
    assert np.flatnonzero(found.any(axis=(1, 2))).tolist() == [2, 4]
    assert (found > 0).sum() == pytest.approx((labels > 0).sum(), abs=4)


@pytest.mark.parametrize("plane", [6, 7, 8])
def test_a_slice_drawn_on_a_third_of_a_voxel_is_not_lost(tmp_path, volume, plane):
    fine = np.zeros((18, 7, 8), np.uint8)
    fine[plane, 2:5, 2:6] = 1
    inwards = np.reshape(OBLIQUE, (3, 3)) @ (0, 0, -1.0)
    origin = np.array((5.0, -7.0, 11.0)) + inwards
    path = stored(tmp_path / "fine.seg.nrrd", itk_image(fine, SPACING / (1, 1, 3), origin))
    found, _ = read_labels(path, volume)
    assert np.array_equal(found[2], fine[plane])
    assert (found > 0).sum() == 12


def test_coarser_and_oblique_segmentations_are_refused(tmp_path, volume, labels):
    for image in (
        itk_image(labels[::2, ::2, ::2], 2 * SPACING),
        itk_image(labels, direction=np.eye(3).ravel()),
    ):
        with pytest.raises(GeometryMismatchError, match="resample"):
            read_labels(stored(tmp_path / "other.seg.nrrd", image), volume)


@pytest.mark.parametrize("off", [1e-5, -1e-5, 9e-4])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_labels_within_a_thousandth_of_a_whole_number_are_whole(
    tmp_path, volume, labels, off, kind
):
    almost = labels + kind(off)
    path = stored(tmp_path / "almost.nrrd", itk_image(almost.astype(kind)))
    assert np.array_equal(read_labels(path, volume)[0], labels)


@pytest.mark.parametrize("off", [0.5, 0.01, np.nan])
def test_labels_that_are_no_whole_numbers_are_refused(tmp_path, volume, labels, off):
    path = stored(tmp_path / "half.nrrd", itk_image((labels + off).astype(np.float32)))
    with pytest.raises(InputError, match="fractional"):
        read_labels(path, volume)


def test_shares_of_voxels_are_refused_as_what_they_are(tmp_path, volume, labels):
    image = itk_image(labels * np.uint8(100))
    image.SetMetaData("Segmentation_MasterRepresentation", "Fractional labelmap")
    with pytest.raises(InputError, match="fractional label map"):
        read_labels(stored(tmp_path / "shares.seg.nrrd", image, {"ID": "a"}), volume)


@pytest.mark.parametrize("name", ["many.nii.gz", "many.nrrd", "many.mha", "many.seg.nrrd"])
@pytest.mark.parametrize("highest", [256, 300, 65535])
def test_label_values_come_back_as_they_were(tmp_path, volume, labels, name, highest):
    values = np.where(labels == 2, highest, labels.astype(np.int32))
    found, segments = read_labels(stored(tmp_path / "in.nrrd", itk_image(values)), volume)
    assert [segment.label for segment in segments] == [1, highest]
    write_labels(tmp_path / name, found, volume, segments)
    again, known = read_labels(tmp_path / name, volume)
    assert np.array_equal(again, values)
    assert [segment.label for segment in known] == [1, highest]


# Forms of `.seg.nrrd`


def layered(*layers):
    return itk_image(np.stack(layers, axis=-1), isVector=True)


def discs():
    first = np.zeros(SHAPE, np.uint8)
    second = np.zeros(SHAPE, np.uint8)
    first[2, 1:5, 1:5] = 1
    second[2, 3:6, 3:8] = 1
    return first, second


@pytest.mark.parametrize(
    "fields",
    [
        [{}, {}],
        [{"Layer": 0}, {"Layer": 1}],
        [{"LabelValue": 1}, {"LabelValue": 1}],
        [{"Layer": 0, "LabelValue": 1}, {"Layer": 1, "LabelValue": 1}],
        [{"Layer": 1}, {"Layer": 0}],
    ],
)
def test_layers_are_segments_whatever_fields_the_file_lacks(tmp_path, volume, fields):
    described = [{"ID": name} | own for name, own in zip("ab", fields, strict=True)]
    found = read_segmentation(
        stored(tmp_path / "two.seg.nrrd", layered(*discs()), *described), volume
    )
    masks = {segment.id: found.mask(segment) for segment in found.segments}
    first = described[0].get("Layer", 0)
    assert np.array_equal(masks["a"], discs()[first] > 0)
    assert np.array_equal(masks["b"], discs()[1 - first] > 0)
    assert found.num_shared == 4
    assert [segment.label for segment in found.segments] == [1, 2]


def test_layers_without_any_description_are_segments_by_value(tmp_path, volume):
    first, second = discs()
    path = stored(tmp_path / "bare.seg.nrrd", layered(first, 3 * second))
    found = read_segmentation(path, volume)
    assert [(segment.layer, segment.stored) for segment in found.segments] == [(0, 1), (1, 3)]
    assert [np.count_nonzero(found.mask(segment)) for segment in found.segments] == [16, 15]


def test_several_segments_in_one_layer_without_values_are_counted_up(tmp_path, volume, labels):
    path = stored(tmp_path / "one.seg.nrrd", itk_image(labels), {"ID": "a"}, {"ID": "b"})
    assert [segment.label for segment in read_labels(path, volume)[1]] == [1, 2]
    assert np.array_equal(read_labels(path, volume)[0], labels)


def test_numbers_that_two_layers_share_become_two_labels_that_no_other_segment_has(
    tmp_path, volume, labels
):
    first, second = discs()
    fields = [
        {"ID": "a", "Layer": 0, "LabelValue": 1},
        {"ID": "b", "Layer": 1, "LabelValue": 1},
        {"ID": "c", "Layer": 1, "LabelValue": 2},
    ]
    path = stored(tmp_path / "three.seg.nrrd", layered(first, second + labels // 2 * 2), *fields)
    found = read_segmentation(path, volume)
    assert {segment.id: segment.label for segment in found.segments} == {"a": 1, "b": 3, "c": 2}


def test_voxels_that_no_segment_stands_for_are_spoken_of(tmp_path, volume, labels, caplog):
    path = stored(tmp_path / "one.seg.nrrd", itk_image(labels), {"ID": "a", "LabelValue": 1})
    with caplog.at_level(logging.WARNING):
        read_labels(path, volume)
    assert "value 2 in layer 0" in caplog.text


@pytest.mark.parametrize(
    "fields, word",
    [
        ({"Layer": 7}, "layer 7 of 1"),
        ({"LabelValue": 0}, "label value 0"),
        ({"LabelValue": 70000}, "65535"),
        ({"LabelValue": "one"}, "one"),
        ({"Color": "red green blue"}, "red"),
    ],
)
def test_a_description_that_cannot_be_is_refused_with_the_segment(
    tmp_path, volume, labels, fields, word
):
    path = stored(tmp_path / "odd.seg.nrrd", itk_image(labels), {"ID": "a"} | fields)
    with pytest.raises(InputError, match=f"segment 1 .*{word}"):
        read_labels(path, volume)


def test_segments_with_one_id_are_told_apart(tmp_path, volume, labels, caplog):
    fields = [{"ID": "a", "Name": "node", "LabelValue": n} for n in (1, 2)]
    path = stored(tmp_path / "twins.seg.nrrd", itk_image(labels), *fields)
    found = read_segmentation(path, volume)
    assert [segment.id for segment in found.segments] == ["a", "a_2"]
    assert [segment.name for segment in found.segments] == ["node", "node"]
    assert "the ID a" in caplog.text


@pytest.mark.parametrize("field", ["Name", "ID", "Tags"])
def test_text_that_is_not_utf_8_is_decoded_once_with_a_remark(
    tmp_path, volume, labels, caplog, field
):
    fields = {"ID": "MARK", "Name": "MARK", "Tags": "note:MARK|"}
    fields |= {"LabelValue": 1, "Layer": 0}
    path = stored(tmp_path / "odd.seg.nrrd", itk_image(labels % 2), fields)
    content = path.read_bytes()
    start = f"Segment0_{field}:=".encode()
    before, _, after = content.partition(start)
    path.write_bytes(before + start + after.replace(b"MARK", b"L\xfcr", 1))
    found = read_segmentation(path, volume)
    segment = found.segments[0]
    assert "Lür" in getattr(segment, field.lower())
    assert "not UTF-8" in caplog.text
    write_layers(tmp_path / "again.seg.nrrd", found.layers, volume, found.segments)
    caplog.clear()
    again = read_segmentation(tmp_path / "again.seg.nrrd", volume)
    assert replace(again.segments[0], kept=()) == segment
    assert not caplog.text


def test_layers_names_and_values_come_back_as_they_were(tmp_path, volume):
    segments = [
        Segment(1, "organ", "o", (1.0, 0.0, 0.0), "TerminologyEntry:x~y|", 0, 4),
        Segment(2, "Tumör, links", "t", (0.0, 1.0, 0.0), "", 1, 4, (("NameAutoGenerated", "1"),)),
    ]
    first, second = discs()
    write_layers(tmp_path / "out.seg.nrrd", [4 * first, 4 * second], volume, segments)
    found = read_segmentation(tmp_path / "out.seg.nrrd", volume)
    assert [segment.name for segment in found.segments] == ["organ", "Tumör, links"]
    assert [(each.layer, each.stored) for each in found.segments] == [(0, 4), (1, 4)]
    assert found.segments[0].tags == "TerminologyEntry:x~y|"
    assert ("NameAutoGenerated", "1") in found.segments[1].kept
    for segment, mask in zip(found.segments, (first, second), strict=True):
        assert np.array_equal(found.mask(segment), mask > 0)
