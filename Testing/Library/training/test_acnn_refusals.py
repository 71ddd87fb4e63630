"""What the anatomically constrained networks cannot do is refused.

Before anything is written, with the two values and a remedy.
"""

import json
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import write
from shape_phantoms import CORE, GRID, SHELL, shape_arrays, shape_cases, small, write_table

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.acnn.autoencoder import ShapeAutoencoder
from SlicePropagationLib.networks.acnn.config import AutoencoderConfig, SubpixelConfig
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.training.acnn.task_configs import (
    AutoencoderTaskConfig,
    PredictorTaskConfig,
    SubpixelTaskConfig,
)


def untrained(path, task, preset):
    """Model file of a network at its beginning."""
    made = small(task, preset).new_task()
    save_checkpoint(path, made.family, made.config, made.network.state_dict())
    return str(path)


@pytest.fixture
def drawn(tmp_path):
    """A function of the distance of slices that gives a phantom's (image, labels)."""

    def make(slice_mm):
        image, labels = shape_arrays(0)
        return [
            str(write(tmp_path / f"{name}.nii.gz", array[4::4], spacing=(1.0, 1.0, slice_mm)))
            for name, array in (("image", image), ("labels", labels))
        ]

    return make


def refused(capsys, out, *arguments):
    """The message of a command that ends with 2 and writes nothing."""
    assert main([*arguments, "--out", str(out)]) == 2
    assert not out.exists()
    return capsys.readouterr().err


def test_superresolve_of_slices_as_fine_as_the_models_says_both_distances_and_what_to_do(
    drawn,
    tmp_path,
    capsys,
):
    image, labels = drawn(1.0)
    model = untrained(tmp_path / "annotation.pt", "acnn_segmentation", "annotation-plain")
    message = refused(
        capsys,
        tmp_path / "fine.nii.gz",
        "superresolve",
        "--image",
        image,
        "--labels",
        labels,
        "--model",
        model,
    )
    assert "slices are 1 mm apart" in message
    assert "the model makes are 1 mm apart" in message
    assert "--axis" in message


def test_a_model_that_looks_at_no_annotation_is_not_used_to_refine_one(drawn, tmp_path, capsys):
    image, labels = drawn(4.0)
    model = untrained(tmp_path / "plain.pt", "acnn_segmentation", "plain")
    assert "--preset annotation" in refused(
        capsys,
        tmp_path / "fine.nii.gz",
        "superresolve",
        "--image",
        image,
        "--labels",
        labels,
        "--model",
        model,
    )


def test_a_shape_model_is_no_segmenter_and_a_segmenter_no_shape_model(drawn, tmp_path, capsys):
    image, _ = drawn(4.0)
    autoencoder = untrained(tmp_path / "ae.pt", "acnn_autoencoder", "default")
    assert "acnn.autoencoder" in refused(
        capsys,
        tmp_path / "fine.nii.gz",
        "segment",
        "--image",
        image,
        "--model",
        autoencoder,
    )
    segmenter = untrained(tmp_path / "plain.pt", "acnn_segmentation", "plain")
    (tmp_path / "cases.csv").write_text(f"image,label\n{image},{image}\n", encoding="utf-8")
    assert "acnn.segmentation" in refused(
        capsys,
        tmp_path / "codes",
        "codes",
        "--cases",
        str(tmp_path / "cases.csv"),
        "--model",
        segmenter,
    )


def test_one_slice_more_is_no_refinement(drawn, tmp_path, capsys):
    image, labels = drawn(4.0)
    assert "--factor must be at least 2" in refused(
        capsys,
        tmp_path / "fine.nii.gz",
        "superresolve",
        "--image",
        image,
        "--labels",
        labels,
        "--factor",
        "1",
    )


def test_a_case_without_the_labels_of_the_model_has_no_code(tmp_path, capsys):
    (case,) = shape_cases(tmp_path, 1)
    (tmp_path / "cases.csv").write_text(
        f"image,label\n{case.image},{case.label_map}\n",
        encoding="utf-8",
    )
    config = AutoencoderConfig(
        GRID,
        num_classes=2,
        base_channels=2,
        bottleneck_channels=8,
    )
    save_checkpoint(
        tmp_path / "model.pt",
        "acnn.autoencoder",
        {"network": asdict(config), "labels": (9,)},
        ShapeAutoencoder(config).state_dict(),
    )
    message = refused(
        capsys,
        tmp_path / "codes",
        "codes",
        "--cases",
        str(tmp_path / "cases.csv"),
        "--model",
        str(tmp_path / "model.pt"),
    )
    assert "has a label of the model (9)" in message
    assert "another model" in message


def test_a_table_of_groups_must_name_patients_that_are_there(tmp_path, capsys):
    cases = shape_cases(tmp_path, 2)
    (tmp_path / "cases.csv").write_text(
        "image,label\n" + "".join(f"{case.image},{case.label_map}\n" for case in cases),
        encoding="utf-8",
    )
    arguments = [
        "codes",
        "--cases",
        str(tmp_path / "cases.csv"),
        "--model",
        untrained(tmp_path / "ae.pt", "acnn_autoencoder", "default"),
        "--quiet",
        "--out",
        str(tmp_path / "codes"),
        "--groups",
        str(tmp_path / "groups.csv"),
    ]
    for text, remedy in (
        ("patient,group\nnobody,well\n", "without _ED and _ES"),
        ("name,kind\nshape0,well\n", "columns patient and group"),
    ):
        (tmp_path / "groups.csv").write_text(text, encoding="utf-8")
        assert main(arguments) == 2
        assert remedy in capsys.readouterr().err


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: AutoencoderTaskConfig(swap=1.0), "swap must be at least 0 and below 1, got 1.0"),
        (lambda: PredictorTaskConfig(alone=1.5), "alone must be from 0 to 1, got 1.5"),
        (
            lambda: SubpixelTaskConfig(code_weight=-0.1),
            "code_weight must not be negative, got -0.1",
        ),
        (lambda: SubpixelConfig(kind="fcn"), "subpixel, unet, cascade, got 'fcn'"),
        (lambda: AutoencoderConfig(GRID, num_classes=1), "at least 2 classes .* got 1"),
        (lambda: AutoencoderConfig(GRID, code_size=0), "code_size must be positive, got 0"),
        (
            lambda: small("acnn_autoencoder", labels=(SHELL, SHELL)).new_task(),
            "different numbers from 1 to 255, got 1, 1",
        ),
        (
            lambda: small("acnn_autoencoder", labels=(CORE, 300)).new_task(),
            "different numbers from 1 to 255, got 2, 300",
        ),
    ],
)
def test_settings_out_of_range_are_refused_with_what_is_allowed(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_a_measurement_without_a_known_data_set_or_with_too_few_patients_is_refused(
    tmp_path,
    capsys,
):
    cases = shape_cases(tmp_path, 2)
    names = ("patient001_ED", "patient002_ED")
    write_table(tmp_path / "cases.csv", cases, ("train", "val"), names)
    arguments = [
        "experiment",
        "acnn-classification",
        "--cases",
        str(tmp_path / "cases.csv"),
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(arguments) == 2
    assert "none of the data sets" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    network = {
        "grid": {
            "shape": [12, 24, 24],
            "spacing_mm": [1.0, 1.0, 1.0],
            "factor": 4,
        },
        "base_channels": 2,
    }
    settings = {
        "task": {"labels": [1, 2], "network": network},
        "passes": 2,
        "loop": {"epochs": 1, "batch_size": 2},
    }
    (tmp_path / "tiny.json").write_text(json.dumps(settings), encoding="utf-8")
    assert main([*arguments, "--datasets", "shapes", "--config", str(tmp_path / "tiny.json")]) == 2
    assert "too few patients of the groups normal, dilated, hypertrophic" in capsys.readouterr().err


def test_a_sequence_is_no_stack_of_thick_slices(tmp_path, capsys):
    cine = np.random.default_rng(0).normal(0, 9, (2, 3, 24, 24)).astype(np.float32)
    import SimpleITK as sitk

    image = sitk.JoinSeries([sitk.GetImageFromArray(frame) for frame in cine])
    image.SetSpacing((1.0, 1.0, 4.0, 30.0))
    sitk.WriteImage(image, str(tmp_path / "cine.nii.gz"))
    message = refused(
        capsys,
        tmp_path / "fine.nii.gz",
        "segment",
        "--image",
        str(tmp_path / "cine.nii.gz"),
        "--model",
        untrained(tmp_path / "plain.pt", "acnn_segmentation", "plain"),
    )
    assert "takes 3D volumes" in message
    assert "save the frame" in message
