"""Sequences: read and written in three kinds of files, propagated along time, and refused where they are unusable."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import read, write
from test_pseudo_labels import beat, drawn, write_4d

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines.copy import CopyEngine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.sequence import (
    is_sequence,
    read_label_sequence,
    read_sequence,
    write_sequence,
)
from SlicePropagationLib.pipelines.propagate_frames import TimeSession
from SlicePropagationLib.stack import SliceStack


def numbers(count=4):
    """(T, K, J, I) with a value of its own in every voxel."""
    return np.arange(count * 3 * 5 * 6, dtype=np.int16).reshape(count, 3, 5, 6)


def write_dicom(folder, array, trigger=30, sizes_differ=False):
    """A cine series: one file per frame and slice, in shuffled order; slices 8 mm apart."""
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, (frame, k) in enumerate(
        np.random.default_rng(0).permutation(
            [(t, k) for t in range(len(array)) for k in range(array.shape[1])]
        )
    ):
        piece = (
            array[frame, k][None, :-1] if sizes_differ and number == 0 else array[frame, k][None]
        )
        image = sitk.GetImageFromArray(np.ascontiguousarray(piece))
        image.SetSpacing((1.5, 2.0, 8.0))
        values = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.4",
            "0008|0018": f"1.2.3.{number}",
            "0020|000d": "1.2.3",
            "0020|000e": "1.2.3.9",
            "0008|0060": "MR",
            "0020|0032": f"10\\20\\{30 + 8 * k}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|1060": str(trigger * frame),
            "0020|0013": str(number),
        }
        for tag, value in values.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number:03d}.dcm"))
        writer.Execute(image)
    return folder


@pytest.mark.parametrize("name", ["cine.nii.gz", "cine.seq.nrrd"])
def test_what_is_written_is_read_again_with_its_geometry(tmp_path, name):
    like = read_sequence(
        write_4d(tmp_path / "first.nii.gz", numbers(), spacing=(1.0, 1.5, 8.0, 33.0))
    )
    write_sequence(tmp_path / name, like.array, like)
    again = read_sequence(tmp_path / name)
    assert is_sequence(tmp_path / name)
    assert np.array_equal(again.array, numbers())
    assert again.image.GetSpacing() == pytest.approx(like.image.GetSpacing())
    assert again.image.GetOrigin() == pytest.approx(like.image.GetOrigin())
    if name.endswith(".nii.gz"):
        assert again.frame_step == pytest.approx(33.0)


def test_an_nrrd_sequence_calls_its_frames_a_list_as_slicer_does(tmp_path):
    like = read_sequence(write_4d(tmp_path / "first.nii.gz", numbers()))
    write_sequence(tmp_path / "cine.seq.nrrd", like.array, like)
    header = (tmp_path / "cine.seq.nrrd").read_bytes().split(b"\n\n")[0]
    assert b"kinds: list domain domain domain" in header
    assert b"sizes: 4 6 5 3" in header


def test_a_dicom_series_is_sorted_by_place_and_trigger_time(tmp_path):
    sequence = read_sequence(write_dicom(tmp_path / "series", numbers()))
    assert np.array_equal(sequence.array, numbers())
    assert sequence.frame_step == 30
    assert sequence.image.GetSpacing() == pytest.approx((1.5, 2.0, 8.0))
    assert sequence.image.GetOrigin() == pytest.approx((10, 20, 30))


def write_multiframe(path, array, place=30, **header):
    """One DICOM file with the frames (T, J, I) of one place."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 2.0, 1.0))
    values = {
        "0008|0016": "1.2.840.10008.5.1.4.1.1.4",
        "0008|0018": f"1.2.3.{place}",
        "0020|000d": "1.2.3",
        "0020|000e": "1.2.3.9",
        "0008|0060": "MR",
        "0020|0032": f"10\\20\\{place}",
        "0020|0037": "1\\0\\0\\0\\1\\0",
    }
    for tag, value in (values | header).items():
        image.SetMetaData(tag, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)
    return path


@pytest.mark.parametrize(
    "header",
    [{"0018|1063": "40.0"}, {"0018|0040": "25"}],
    ids=["frame time", "cine rate"],
)
def test_a_multiframe_dicom_file_is_one_slice_over_time(tmp_path, header):
    path = write_multiframe(tmp_path / "cine.dcm", numbers()[:, 1], **header)
    sequence = read_sequence(path)
    assert is_sequence(path)
    assert np.array_equal(sequence.array[:, 0], numbers()[:, 1])
    assert sequence.frame_step == pytest.approx(40)
    assert sequence.image.GetSpacing()[:2] == pytest.approx((1.5, 2.0))
    assert sequence.image.GetOrigin() == pytest.approx((10, 20, 30))


def test_multiframe_files_of_several_places_are_slices_over_time(tmp_path):
    for k in (2, 0, 1):
        write_multiframe(
            tmp_path / f"{5 - k}.dcm",
            numbers()[:, k],
            place=30 + 8 * k,
            **{"0018|1063": "40.0"},
        )
    sequence = read_sequence(tmp_path)
    assert np.array_equal(sequence.array, numbers())
    assert sequence.image.GetSpacing()[2] == pytest.approx(8)
    assert sequence.image.GetOrigin()[2] == pytest.approx(30)


def test_a_multiframe_file_that_says_no_time_may_be_a_volume_and_is_refused_as_a_sequence(tmp_path):
    path = write_multiframe(tmp_path / "frames.dcm", numbers()[:, 1])
    assert not is_sequence(path)
    with pytest.raises(InputError, match="4 frames .* 4D NIfTI"):
        read_sequence(tmp_path)


def test_a_multiframe_file_is_propagated_along_time(tmp_path):
    image, truth = beat()
    seed = np.zeros_like(truth)
    seed[[0, 4]] = truth[[0, 4]]
    write_multiframe(tmp_path / "cine.dcm", image[:, 0].astype(np.int16), **{"0018|1063": "40.0"})
    like = read_sequence(tmp_path / "cine.dcm")
    write_sequence(tmp_path / "seed.nii.gz", seed, like)
    assert (
        main(
            [
                "propagate",
                "--image",
                str(tmp_path / "cine.dcm"),
                "--seed",
                str(tmp_path / "seed.nii.gz"),
                "--out",
                str(tmp_path / "found.nii.gz"),
                "--axis",
                "t",
                "--engine",
                "registration",
                "--quiet",
            ]
        )
        == 0
    )
    found = read(tmp_path / "found.nii.gz")
    assert np.array_equal(found[[0, 4]], seed[[0, 4]])
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.92


def test_unusable_sequences_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="at least 2"):
        read_sequence(write_4d(tmp_path / "one.nrrd", numbers(1)))
    with pytest.raises(InputError, match="3 dimensions"):
        read_sequence(write(tmp_path / "volume.nii.gz", numbers()[0]))
    with pytest.raises(InputError, match="constant"):
        read_sequence(write_4d(tmp_path / "grey.nii.gz", 0 * numbers()))
    with pytest.raises(InputError, match="unequal size"):
        read_sequence(write_dicom(tmp_path / "series", numbers(), sizes_differ=True))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no DICOM"):
        read_sequence(tmp_path / "empty")
    sequence = read_sequence(write_4d(tmp_path / "cine.nii.gz", numbers()))
    with pytest.raises(InputError, match="5 frames, .* has 4"):
        read_label_sequence(
            write_4d(tmp_path / "labels.nii.gz", numbers(5).astype(np.uint8)),
            sequence,
        )


def test_an_annotation_outside_the_sequence_is_refused():
    with pytest.raises(InputError, match="Frame 8 .* 0 to 7"):
        TimeSession(SliceStack(np.zeros((8, 20, 20), np.float32)), drawn([1]), [1, 8])


def test_a_cycle_is_cut_open_at_an_annotated_frame_and_closed_again():
    timed = TimeSession(
        SliceStack(np.zeros((8, 20, 20), np.float32), is_cyclic=True),
        drawn([2]),
        [2],
    )
    assert timed.order == [2, 3, 4, 5, 6, 7, 0, 1, 2]
    assert timed.session.anchors(1) == [0, 8]
    for _ in timed.steps(CopyEngine()):
        pass
    assert np.array_equal(timed.label_map() > 0, drawn([2])[[2] * 8] > 0)


@pytest.mark.parametrize("suffix", [".nii.gz", ".seq.nrrd"])
def test_propagation_along_time_keeps_what_was_drawn_and_fills_the_rest(tmp_path, suffix):
    image, truth = beat()
    seed = np.zeros_like(truth)
    seed[[1, 5]] = truth[[1, 5]]
    out = tmp_path / f"found{suffix}"
    assert (
        main(
            [
                "propagate",
                "--image",
                write_4d(tmp_path / "cine.nii.gz", image),
                "--seed",
                write_4d(tmp_path / "seed.nii.gz", seed),
                "--out",
                str(out),
                "--axis",
                "t",
                "--engine",
                "registration",
                "--quiet",
            ]
        )
        == 0
    )
    found = read(out) if suffix == ".nii.gz" else np.moveaxis(read(out), -1, 0)
    assert np.array_equal(found[[1, 5]], truth[[1, 5]])
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.92
    with open(tmp_path / "found.slices.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["provenance"] for row in rows] == [
        "propagated",
        "seed",
        "propagated",
        "propagated",
        "propagated",
        "seed",
        "propagated",
        "propagated",
    ]
    assert {row["position"] for row in rows} == {"0"}
    assert float(rows[1]["area_mm2"]) == truth[1].sum()


def test_along_time_an_image_without_time_is_refused(tmp_path, capsys):
    path = write(tmp_path / "volume.nii.gz", numbers()[0])
    assert (
        main(
            [
                "propagate",
                "--image",
                str(path),
                "--seed",
                str(path),
                "--out",
                str(tmp_path / "o.nii.gz"),
                "--axis",
                "t",
                "--engine",
                "copy",
                "--quiet",
            ]
        )
        == 2
    )
    assert "3 dimensions" in capsys.readouterr().err
    assert not (tmp_path / "o.nii.gz").exists()
