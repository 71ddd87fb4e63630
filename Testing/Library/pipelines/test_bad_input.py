"""Every line of the list of bad input: a sentence that names the thing and the remedy, exit code 2, nothing written."""

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case, write, write_dicom

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pipelines.segment_file import SegmentRequest, segment_file


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def refused(capsys, tmp_path, *words, image=None, seed=None, options=()):
    """Run `propagate` and expect the refusal to say all of `words`."""
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    code = main(
        [
            "propagate",
            "--image",
            str(image),
            "--seed",
            str(seed),
            "--out",
            str(tmp_path / "out.nii.gz"),
            "--quiet",
            *options,
        ]
    )
    message = capsys.readouterr().err
    assert code == 2, message
    for word in words:
        assert word in message
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert not list(tmp_path.glob(".partial*"))


def test_no_seed_argument(case, tmp_path, capsys):
    assert (
        main(["propagate", "--image", str(case["image"]), "--out", str(tmp_path / "o.nii.gz")]) == 2
    )
    assert "--seed" in capsys.readouterr().err


def test_an_empty_seed(case, tmp_path, capsys):
    seed = write(tmp_path / "empty.nii.gz", np.zeros((16, 48, 48), np.uint8))
    refused(
        capsys,
        tmp_path,
        "no annotated pixel",
        "draw",
        image=case["image"],
        seed=seed,
    )


def test_a_seed_on_no_slice_of_the_chosen_axis(case, tmp_path, capsys):
    refused(
        capsys,
        tmp_path,
        "no slice of axis i",
        "slice 7 of axis k",
        "--axis k",
        image=case["image"],
        seed=case["seed"],
        options=("--axis", "i"),
    )


@pytest.mark.parametrize(
    "what,options,values",
    [
        ("size", {"shape": (16, 40, 48)}, "48, 40, 16"),
        ("spacing", {"spacing": (1.0, 1.5, 2.0)}, "1, 1.5, 2"),
        ("origin", {"origin": (5.0, -7.0, 12.0)}, "5, -7, 12"),
        ("direction", {"direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)}, "1, 0, 0"),
    ],
)
def test_image_and_seed_on_different_grids(case, tmp_path, capsys, what, options, values):
    array = np.zeros(options.pop("shape", (16, 48, 48)), np.uint8)
    array[7, 10:20, 10:20] = 1
    seed = write(tmp_path / "other.nii.gz", array, **options)
    refused(
        capsys,
        tmp_path,
        "different grids",
        what,
        values,
        "resample",
        image=case["image"],
        seed=seed,
    )


def test_a_2d_image(case, tmp_path, capsys):
    path = tmp_path / "flat.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(9, dtype=np.int16)), str(path))
    refused(
        capsys,
        tmp_path,
        "2 dimensions",
        "9x9",
        image=path,
        seed=case["seed"],
    )


def test_a_4d_image(case, tmp_path, capsys):
    path = tmp_path / "cine.nii.gz"
    frame = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    sitk.WriteImage(sitk.JoinSeries([frame, frame]), str(path))
    refused(
        capsys,
        tmp_path,
        "4 dimensions",
        "5x4x3x2",
        "--frame 0 to 1",
        image=path,
        seed=case["seed"],
    )
    refused(
        capsys,
        tmp_path,
        "frames 0 to 1",
        "frame 2",
        image=path,
        seed=case["seed"],
        options=("--frame", "2"),
    )


def test_a_colour_image(case, tmp_path, capsys):
    path = tmp_path / "photo.nrrd"
    sitk.WriteImage(
        sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), np.uint8), isVector=True),
        str(path),
    )
    refused(
        capsys,
        tmp_path,
        "3 values per voxel",
        "grey",
        image=path,
        seed=case["seed"],
    )


def test_a_constant_image(case, tmp_path, capsys):
    image = write(tmp_path / "constant.nii.gz", np.full((16, 48, 48), 3, np.int16))
    refused(
        capsys,
        tmp_path,
        "constant",
        "3",
        image=image,
        seed=case["seed"],
    )


def test_an_image_without_a_finite_voxel(case, tmp_path, capsys):
    image = write(tmp_path / "nan.nrrd", np.full((16, 48, 48), np.nan, np.float32))
    refused(
        capsys,
        tmp_path,
        "no finite voxel",
        image=image,
        seed=case["seed"],
    )


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_nan_and_infinite_voxels_are_replaced_with_a_warning(case, tmp_path, caplog, suffix):
    from case_files import read

    array = read(case["image"]).astype(np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    image = write(tmp_path / f"holes{suffix}", array)
    assert (
        main(
            [
                "propagate",
                "--image",
                str(image),
                "--seed",
                str(case["seed"]),
                "--out",
                str(tmp_path / "o.nii.gz"),
                "--quiet",
            ]
        )
        == 0
    )
    assert "2 NaN or infinite" in caplog.text


@pytest.mark.parametrize(
    "value,dtype,word",
    [(65536, np.int32, "65536"), (-1, np.int16, "-1"), (0.5, np.float32, "fractional")],
)
def test_labels_that_are_not_whole_numbers_up_to_65535(case, tmp_path, capsys, value, dtype, word):
    array = np.zeros((16, 48, 48), dtype)
    array[7, 10:20, 10:20] = value
    seed = write(tmp_path / "labels.nii.gz", array)
    refused(
        capsys,
        tmp_path,
        word,
        image=case["image"],
        seed=seed,
    )


def test_a_single_slice(tmp_path, capsys):
    image = write(tmp_path / "image.nii.gz", np.arange(100, dtype=np.int16).reshape(1, 10, 10))
    seed = write(
        tmp_path / "seed.nii.gz",
        np.pad(np.ones((1, 4, 4), np.uint8), ((0, 0), (3, 3), (3, 3))),
    )
    refused(
        capsys,
        tmp_path,
        "1 slice",
        "at least 2",
        image=image,
        seed=seed,
        options=("--axis", "k"),
    )


def test_a_seed_of_one_pixel(case, tmp_path, capsys):
    array = np.zeros((16, 48, 48), np.uint8)
    array[7, 20, 20] = 1
    seed = write(tmp_path / "dot.nii.gz", array)
    refused(
        capsys,
        tmp_path,
        "single pixel",
        "slice 7",
        image=case["image"],
        seed=seed,
        options=("--axis", "k"),
    )


def test_a_seed_that_fills_the_slice(case, tmp_path, capsys):
    array = np.zeros((16, 48, 48), np.uint8)
    array[7] = 1
    seed = write(tmp_path / "full.nii.gz", array)
    refused(
        capsys,
        tmp_path,
        "fills all 2304 pixels",
        image=case["image"],
        seed=seed,
    )


@pytest.mark.parametrize("content", [b"", b"not an image at all"])
def test_a_file_that_is_no_image(case, tmp_path, capsys, content):
    path = tmp_path / "broken.nii.gz"
    path.write_bytes(content)
    refused(
        capsys,
        tmp_path,
        "broken.nii.gz",
        "cannot be read",
        image=path,
        seed=case["seed"],
    )


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_file(case, tmp_path, capsys, suffix, share):
    from case_files import read

    whole = write(tmp_path / f"whole{suffix}", read(case["image"])).read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    refused(
        capsys,
        tmp_path,
        path.name,
        "truncated",
        image=path,
        seed=case["seed"],
    )


def test_a_missing_file_and_a_file_of_another_kind(case, tmp_path, capsys):
    refused(
        capsys,
        tmp_path,
        "no file",
        image=tmp_path / "nowhere.nii.gz",
        seed=case["seed"],
    )
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    refused(
        capsys,
        tmp_path,
        "notes.txt",
        ".nrrd",
        image=tmp_path / "notes.txt",
        seed=case["seed"],
    )


def test_a_frame_of_an_image_that_has_one(case, tmp_path, capsys):
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                "--seed",
                str(case["seed"]),
                "--out",
                str(tmp_path / "out.nii.gz"),
                "--frame",
                "3",
            ]
        )
        == 2
    )
    assert "frame 3 was asked for" in capsys.readouterr().err


def test_an_output_whose_ending_cannot_be_written_in_capitals(case, tmp_path, capsys):
    refused(
        capsys,
        tmp_path,
        "name it out.nii.gz",
        image=case["image"],
        seed=case["seed"],
        options=("--out", str(tmp_path / "out.NII.GZ")),
    )


@pytest.mark.parametrize(
    "command, option, source",
    [
        ("propagate", "--seed", "image"),
        ("propagate", "--seed", "seed"),
        ("pseudo-label", "--seed", "image"),
        ("pseudo-label", "--seed", "seed"),
        ("superresolve", "--labels", "image"),
        ("superresolve", "--labels", "seed"),
    ],
)
def test_an_output_in_the_place_of_what_it_is_made_from(case, capsys, command, option, source):
    before = case[source].read_bytes()
    assert (
        main(
            [
                command,
                "--image",
                str(case["image"]),
                option,
                str(case["seed"]),
                "--out",
                str(case[source]),
            ]
        )
        == 2
    )
    assert "itself, which the result would replace" in capsys.readouterr().err
    assert case[source].read_bytes() == before


def test_a_model_s_output_in_the_place_of_the_image(case, tmp_path):
    with pytest.raises(InputError, match="is the image itself"):
        segment_file(SegmentRequest(case["image"], tmp_path / "model.pt", case["image"]))


@pytest.mark.parametrize("option", ["--anchors", "--history"])
def test_a_table_or_record_that_is_no_text_is_refused_in_one_line(case, tmp_path, capsys, option):
    seed = ["--seed", str(case["seed"])] if option == "--anchors" else []
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                *seed,
                "--out",
                str(tmp_path / "out.nii.gz"),
                option,
                str(case["image"]),
            ]
        )
        == 2
    )
    assert len(capsys.readouterr().err) < 600


def test_a_record_to_do_again_beside_a_seed_is_refused(case, tmp_path, capsys):
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                "--seed",
                str(case["seed"]),
                "--history",
                str(tmp_path / "earlier.json"),
                "--out",
                str(tmp_path / "out.nii.gz"),
            ]
        )
        == 2
    )
    assert "leave --seed" in capsys.readouterr().err
    assert not (tmp_path / "out.nii.gz").exists()


def test_an_output_of_an_unknown_kind(case, tmp_path, capsys):
    assert (
        main(
            [
                "propagate",
                "--image",
                str(case["image"]),
                "--seed",
                str(case["seed"]),
                "--out",
                str(tmp_path / "out.png"),
            ]
        )
        == 2
    )
    assert "out.png" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(case, tmp_path, capsys):
    (tmp_path / "blocked").write_text("a file where a folder should be", encoding="utf-8")
    code = main(
        [
            "propagate",
            "--image",
            str(case["image"]),
            "--seed",
            str(case["seed"]),
            "--out",
            str(tmp_path / "blocked" / "out.nii.gz"),
            "--quiet",
        ]
    )
    assert code == 2
    assert "cannot be written" in capsys.readouterr().err
    assert (tmp_path / "blocked").read_text(encoding="utf-8") == "a file where a folder should be"


@pytest.mark.parametrize("fails_at", ["write_session_labels", "write_rows"])
def test_a_disk_that_fills_up_leaves_the_earlier_result_as_it_was(
    case,
    tmp_path,
    capsys,
    monkeypatch,
    fails_at,
):
    out = tmp_path / "out.nii.gz"
    arguments = [
        "propagate",
        "--image",
        str(case["image"]),
        "--seed",
        str(case["seed"]),
        "--out",
        str(out),
        "--quiet",
    ]
    assert main(arguments) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.glob("out.*")}

    def full(path, *rest):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"SlicePropagationLib.pipelines.result_files.{fails_at}", full)
    assert main(arguments) == 2
    assert "No space left" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.glob("out.*")} == before
    assert not list(tmp_path.glob(".partial*"))


@pytest.mark.parametrize(
    "content,words",
    [
        (b"", "truncated"),
        (b"\x80\x04cos\nsystem\n", "never loaded"),
        (b"PK\x03\x04 something", "truncated"),
    ],
)
def test_a_model_file_that_is_truncated_foreign_or_holds_code(
    case,
    tmp_path,
    capsys,
    content,
    words,
):
    pytest.importorskip("torch")
    model = tmp_path / "model.pt"
    model.write_bytes(content)
    refused(
        capsys,
        tmp_path,
        "model.pt",
        words,
        image=case["image"],
        seed=case["seed"],
        options=("--engine", str(model)),
    )


def test_an_unknown_engine_and_a_wrong_range(case, tmp_path, capsys):
    refused(
        capsys,
        tmp_path,
        "magic",
        "registration",
        image=case["image"],
        seed=case["seed"],
        options=("--engine", "magic"),
    )
    refused(
        capsys,
        tmp_path,
        "5:99",
        "0:15",
        image=case["image"],
        seed=case["seed"],
        options=("--range", "5:99"),
    )
    refused(
        capsys,
        tmp_path,
        "'five'",
        "first:last",
        image=case["image"],
        seed=case["seed"],
        options=("--range", "five"),
    )


def test_cuda_where_there_is_none(case, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("SlicePropagationLib.engines.device.has_cuda", lambda: False)
    refused(
        capsys,
        tmp_path,
        "no CUDA",
        "--device",
        image=case["image"],
        seed=case["seed"],
        options=("--device", "cuda"),
    )


def test_wrong_arguments_end_with_2():
    assert main(["propagate"]) == 2
    assert main(["dance"]) == 2


def test_a_folder_of_dicom_files_is_one_volume_in_the_order_of_its_slices(tmp_path):
    write_dicom(tmp_path / "series")
    volume = read_volume(tmp_path / "series")
    assert volume.array[:, 0, 0].tolist() == [0, 10, 20, 30]
    assert np.allclose(
        volume.spacing_mm,
        (2.0, 0.75, 0.5),
    )


def test_a_folder_without_dicom_files_is_refused(tmp_path):
    with pytest.raises(InputError, match="no DICOM series"):
        read_volume(tmp_path)
