"""`pseudo-label`: from the nearest annotated slice or frame, around the cycle, soft or hard, with the distance kept."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case, read
from phantoms import RepeatingEngine, disc, square

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.copy import CopyEngine
from SlicePropagationLib.pipelines.pseudo_labels import hard_labels, nearest_runs, pseudo_label
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


def beat(count=8):
    """(T, 1, 32, 32) image and truth of a disc that shrinks and grows again."""
    radii = 8 + 2 * np.cos(2 * np.pi * np.arange(count) / count)
    truth = np.stack([disc((32, 32), (16, 15), radius) for radius in radii])[:, None].astype(
        np.uint8
    )
    return (100 * truth + np.random.default_rng(0).normal(0, 5, truth.shape)).astype(
        np.int16
    ), truth


def write_4d(path, array, spacing=(1.0, 1.0, 8.0, 1.0)):
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return str(path)


def test_a_slice_belongs_to_its_nearest_anchor():
    assert nearest_runs([1, 6], 9) == [Run(1, (2, 3)), Run(1, (0,)), Run(6, (7, 8)), Run(6, (5, 4))]


def drawn(frames, count=8):
    labels = np.zeros((count, 20, 20), np.uint8)
    for frame in frames:
        labels[frame] = square(frame, frame, 6)
    return labels


def test_a_cycle_is_labelled_across_its_end():
    images = np.zeros((8, 20, 20), np.float32)
    soft = pseudo_label(SliceStack(images, is_cyclic=True), drawn([1, 4]), [1, 4], CopyEngine())[1]
    source = [
        1,
        1,
        1,
        4,
        4,
        4,
        4,
        1,
    ]  # frame 7 is two steps from frame 1, three from frame 4; 6 two from 4
    assert np.array_equal(soft > 0.5, drawn([1, 4])[source] > 0)
    soft = pseudo_label(SliceStack(images), drawn([1, 4]), [1, 4], CopyEngine())[1]
    assert np.array_equal(soft[7] > 0.5, drawn([4])[4] > 0)


def test_what_was_drawn_is_kept_and_soft_labels_are_the_engines_probabilities():
    soft = pseudo_label(
        SliceStack(np.zeros((8, 20, 20), np.float32)),
        drawn([3]),
        [3],
        RepeatingEngine(0.75),
    )[1]
    assert np.array_equal(soft[3], drawn([3])[3].astype(np.float32))
    assert set(np.unique(soft[5])) == {0.0, 0.75}


def test_a_label_that_is_absent_from_an_annotated_frame_is_not_there():
    labels = drawn([1, 6])
    labels[6][labels[6] > 0] = 2
    soft = pseudo_label(SliceStack(np.zeros((8, 20, 20), np.float32)), labels, [1, 6], CopyEngine())
    assert soft[1][3].any()
    assert not soft[1][6].any()
    assert not soft[1][7].any()
    assert soft[2][7].any()


def test_a_pixel_goes_to_its_most_probable_label():
    soft = {
        1: np.array([0.6, 0.6, 0.4, 0.2], np.float32),
        2: np.array([0.3, 0.8, 0.45, 0.9], np.float32),
    }
    assert hard_labels(soft, (4,)).tolist() == [1, 2, 0, 2]


def test_a_sequence_is_labelled_along_time_with_its_distances(tmp_path):
    image, truth = beat()
    seed = np.zeros_like(truth)
    seed[[1, 5]] = truth[[1, 5]]
    out = tmp_path / "found.nii.gz"
    assert (
        main(
            [
                "pseudo-label",
                "--image",
                write_4d(tmp_path / "cine.nii.gz", image),
                "--seed",
                write_4d(tmp_path / "seed.nii.gz", seed),
                "--out",
                str(out),
                "--engine",
                "registration",
                "--soft",
                "--quiet",
            ]
        )
        == 0
    )
    found = read(out)
    soft = read(tmp_path / "found.soft-1.nii.gz")
    assert found.shape == truth.shape
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9
    assert np.array_equal(found[[1, 5]], truth[[1, 5]])
    assert np.array_equal(soft > 127, found > 0)
    with open(tmp_path / "found.distances.csv", encoding="utf-8") as file:
        assert [float(row["distance"]) for row in csv.DictReader(file)] == [1, 0, 1, 2, 1, 0, 1, 2]
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert record["engine"] == "registration"
    assert record["annotated"] == [1, 5]
    assert record["is_cyclic"]


def test_a_volume_is_labelled_along_its_slices(tmp_path):
    paths = make_case(tmp_path, slices=(7,))
    assert (
        main(
            [
                "pseudo-label",
                "--image",
                str(paths["image"]),
                "--seed",
                str(paths["seed"]),
                "--out",
                str(tmp_path / "found.nii.gz"),
                "--engine",
                "copy",
                "--quiet",
            ]
        )
        == 0
    )
    found = read(tmp_path / "found.nii.gz")
    seed = read(paths["seed"])
    assert np.array_equal(found[7], seed[7])
    assert np.array_equal(found[9], seed[7])
    assert (tmp_path / "found.distances.csv").read_text(encoding="utf-8").splitlines()[1] == "0,7"


def test_it_says_which_labels_it_wrote(tmp_path, capsys):
    paths = make_case(tmp_path, label=5)
    assert (
        main(
            [
                "pseudo-label",
                "--image",
                str(paths["image"]),
                "--seed",
                str(paths["seed"]),
                "--out",
                str(tmp_path / "found.nii.gz"),
                "--engine",
                "copy",
            ]
        )
        == 0
    )
    assert capsys.readouterr().out.strip().endswith("found.nii.gz: label 5")


@pytest.mark.parametrize("frames, sought", [((), "no annotated frame"), (None, "9 frames")])
def test_seeds_that_fit_no_sequence_are_refused(tmp_path, capsys, frames, sought):
    image, truth = beat()
    seed = np.zeros_like(truth) if frames == () else np.concatenate([truth, truth[:1]])
    assert (
        main(
            [
                "pseudo-label",
                "--image",
                write_4d(tmp_path / "cine.nii.gz", image),
                "--seed",
                write_4d(tmp_path / "seed.nii.gz", seed),
                "--out",
                str(tmp_path / "found.nii.gz"),
                "--engine",
                "copy",
                "--quiet",
            ]
        )
        == 2
    )
    assert sought in capsys.readouterr().err
    assert not (tmp_path / "found.nii.gz").exists()


def test_any_engine_that_is_ready_can_do_it():
    image, truth = beat()
    stack = SliceStack(image[:, 0].astype(np.float32), is_cyclic=True)
    for name in ("registration", "interpolation", "copy"):
        soft = pseudo_label(stack, truth[:, 0], [0, 4], make_engine(name))[1]
        assert soft.shape == stack.images.shape
        assert (soft > 0.5).any(axis=(1, 2)).all()
