"""Trained ACNN models in use: `segment` and `superresolve` of thick stacks.

Their geometry, and stacks that the model was not made for.
"""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter1d

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import read, write
from shape_phantoms import CORE, shape_arrays, shape_cases, small

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.networks.checkpoint import save_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("use")


@pytest.fixture(scope="module")
def weights(folder):
    """A 3D-Seg that learnt the two phantoms; longer, it knows them as they were averaged, and no others."""
    cases = shape_cases(folder)
    return small("acnn_segmentation", "plain", epochs=8).train(
        cases,
        cases,
        folder / "plain",
        device="cpu",
    )


def untrained(path, task, preset):
    """Model file of a network at its beginning."""
    made = small(task, preset).new_task()
    save_checkpoint(path, made.family, made.config, made.network.state_dict())
    return path


@pytest.fixture
def thick(tmp_path):
    """A phantom as three thick slices of 4 mm, where training saw them: (image, labels, fine truth)."""
    image, labels = shape_arrays(0)
    blurred = gaussian_filter1d(
        image.astype(np.float32),
        1.6,
        axis=0,
        mode="nearest",
    )[4::4].astype(np.int16)
    spacing = (1.0, 1.0, 4.0)
    return (
        write(tmp_path / "thick.nii.gz", blurred, spacing=spacing),
        write(tmp_path / "drawn.nii.gz", labels[4::4], spacing=spacing),
        labels[2:14],
    )


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_segment_finds_fine_labels_where_they_are(thick, weights, tmp_path):
    assert (
        main(
            [
                "segment",
                "--image",
                str(thick[0]),
                "--model",
                str(weights),
                "--out",
                str(tmp_path / "fine.nii.gz"),
                "--quiet",
            ]
        )
        == 0
    )
    fine = read(tmp_path / "fine.nii.gz")
    assert fine.shape == thick[2].shape
    assert dice(fine > 0, thick[2] > 0) > 0.8
    assert dice(fine == CORE, thick[2] == CORE) > 0.6
    stack = sitk.ReadImage(str(thick[0]))
    result = sitk.ReadImage(str(tmp_path / "fine.nii.gz"))
    assert result.GetSpacing() == pytest.approx((1.0, 1.0, 1.0))
    assert result.GetDirection() == pytest.approx(stack.GetDirection())
    assert np.allclose(
        stack.TransformIndexToPhysicalPoint((3, 5, 1)),
        result.TransformIndexToPhysicalPoint((3, 5, 6)),
        atol=1e-4,
    )


def test_a_stack_along_another_axis_and_with_wider_pixels_comes_out_on_its_own_pixels(
    thick,
    weights,
    tmp_path,
):
    image = np.ascontiguousarray(read(thick[0])[:, ::2, ::2].transpose(1, 0, 2))
    path = write(tmp_path / "turned.nii.gz", image, spacing=(2.0, 4.0, 2.0))
    assert (
        main(
            [
                "segment",
                "--image",
                str(path),
                "--model",
                str(weights),
                "--out",
                str(tmp_path / "fine.nii.gz"),
                "--axis",
                "j",
                "--quiet",
            ]
        )
        == 0
    )
    fine = read(tmp_path / "fine.nii.gz").transpose(1, 0, 2)
    assert fine.shape == (12, 14, 14)
    assert dice(fine > 0, thick[2][:, ::2, ::2] > 0) > 0.7


def test_thinner_slices_are_averaged_and_said_to_be_and_results_lie_on_them(
    weights,
    tmp_path,
    caplog,
):
    image, truth = shape_arrays(0)
    path = write(tmp_path / "thin.nii.gz", image, spacing=(1.0, 1.0, 1.0))
    out = tmp_path / "found.nii.gz"
    words = ["segment", "--image", path, "--model", weights, "--out", out]
    assert main([str(word) for word in words]) == 0
    assert "slices 1 mm apart, the model was made for 4 mm: they were averaged" in caplog.text
    found = read(out)
    assert found.shape == truth.shape
    assert dice(found > 0, truth > 0) > 0.7


def test_a_model_refines_an_annotation_and_keeps_its_slices(thick, tmp_path, capsys):
    model = untrained(tmp_path / "annotation.pt", "acnn_segmentation", "annotation-plain")
    arguments = [
        "--image",
        str(thick[0]),
        "--model",
        str(model),
        "--out",
        str(tmp_path / "fine.nii.gz"),
        "--quiet",
    ]
    assert main(["superresolve", "--labels", str(thick[1]), *arguments]) == 0
    record = json.loads((tmp_path / "fine.json").read_text(encoding="utf-8"))
    assert np.array_equal(
        read(tmp_path / "fine.nii.gz")[record["annotated_slices"]],
        read(thick[1]),
    )
    assert record["method"] == "acnn.segmentation"
    assert record["model_sha256"]
    assert record["factor"] == 4
    assert main(["segment", *arguments]) == 2
    assert "superresolve" in capsys.readouterr().err
    assert main(["superresolve", "--labels", str(thick[1]), "--factor", "3", *arguments]) == 2
    assert "makes 4 fine slices of one, 3 were asked for" in capsys.readouterr().err


@pytest.fixture(scope="module")
def refiner(folder):
    """A network that has learnt to refine what is drawn on slices 4 mm apart."""
    cases = shape_cases(folder)
    return small("acnn_segmentation", "annotation-plain", epochs=8).train(
        cases,
        cases,
        folder / "refiner",
        device="cpu",
    )


@pytest.mark.parametrize(
    ("spacing_mm", "factor", "remark", "least"),
    [(2, 2, "averaged", 0.8), (6, 6, "interpolated", 0.65)],
)
def test_an_annotation_of_slices_of_another_distance_is_refined_where_it_lies_and_kept(
    refiner,
    tmp_path,
    caplog,
    spacing_mm,
    factor,
    remark,
    least,
):
    image, truth = shape_arrays(1)
    drawn = slice(spacing_mm // 2, None, spacing_mm)
    spacing = (1.0, 1.0, float(spacing_mm))
    arguments = {
        "--image": write(tmp_path / "image.nii.gz", image[drawn], spacing=spacing),
        "--labels": write(tmp_path / "drawn.nii.gz", truth[drawn], spacing=spacing),
        "--model": refiner,
        "--out": tmp_path / "fine.nii.gz",
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    assert main(["superresolve", *words]) == 0
    said = f"slices {spacing_mm} mm apart, the model was made for 4 mm: they were {remark}"
    assert said in caplog.text
    fine = read(tmp_path / "fine.nii.gz")
    record = json.loads((tmp_path / "fine.json").read_text(encoding="utf-8"))
    assert record["factor"] == factor
    assert np.array_equal(fine[record["annotated_slices"]], truth[drawn])
    assert len(fine) == factor * len(truth[drawn])
    between = np.setdiff1d(np.arange(len(truth)), record["annotated_slices"])
    assert dice(fine[between] > 0, truth[between] > 0) > least


def test_a_label_that_the_model_does_not_know_is_interpolated(thick, tmp_path):
    model = untrained(tmp_path / "annotation.pt", "acnn_segmentation", "annotation-plain")
    labels = read(thick[1])
    labels[1:3, 1:4, 1:4] = 9
    drawn = write(tmp_path / "drawn9.nii.gz", labels, spacing=(1.0, 1.0, 4.0))
    assert (
        main(
            [
                "superresolve",
                "--image",
                str(thick[0]),
                "--labels",
                str(drawn),
                "--model",
                str(model),
                "--out",
                str(tmp_path / "fine.nii.gz"),
                "--quiet",
            ]
        )
        == 0
    )
    assert (read(tmp_path / "fine.nii.gz")[6:11, 1:4, 1:4] == 9).all()


def test_an_image_alone_is_brought_to_fine_slices_by_a_model_for_images(thick, tmp_path):
    model = untrained(tmp_path / "sr.pt", "acnn_superresolution", "plain")
    assert (
        main(
            [
                "superresolve",
                "--image",
                str(thick[0]),
                "--model",
                str(model),
                "--out",
                str(tmp_path / "fine.nii.gz"),
                "--quiet",
            ]
        )
        == 0
    )
    assert read(tmp_path / "fine.nii.gz").shape == (12, 28, 28)
    assert (
        json.loads((tmp_path / "fine.json").read_text(encoding="utf-8"))["annotated_slices"] == []
    )


def test_an_image_of_slices_of_another_distance_is_brought_to_fine_ones_in_its_own_units(
    thick,
    tmp_path,
    caplog,
):
    model = untrained(tmp_path / "sr.pt", "acnn_superresolution", "plain")
    path = write(tmp_path / "six.nii.gz", read(thick[0]), spacing=(1.0, 1.0, 6.0))
    out = tmp_path / "fine.nii.gz"
    words = ["superresolve", "--image", path, "--model", model, "--out", out]
    assert main([str(word) for word in words]) == 0
    assert "slices 6 mm apart, the model was made for 4 mm: they were interpolated" in caplog.text
    assert read(out).shape == (18, 28, 28)
    assert sitk.ReadImage(str(out)).GetSpacing() == pytest.approx((1.0, 1.0, 1.0))
