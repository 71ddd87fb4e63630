"""Synthetic cine sequences: real at both ends, in motion between them, the same every time."""

import csv

import numpy as np
import pytest
from case_files import read, write
from phantoms import disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError, GeometryMismatchError, InputError
from SlicePropagationLib.studies.cine.synthetic import (
    Frame,
    SyntheticCineConfig,
    contraction,
    make_cine,
)

STILL = SyntheticCineConfig(
    frames=10,
    noise=0.0,
    gain=0.0,
    breathing_pixels=0.0,
    stiffness=0.0,
)


def ring(
    inner,
    outer,
    shape=(1, 48, 48),
):
    """(image, labels) of a bright cavity (2) in a grey wall (1)."""
    labels = np.zeros(shape, np.uint8)
    labels[:, disc(shape[1:], (24, 23), outer)] = 1
    labels[:, disc(shape[1:], (24, 23), inner)] = 2
    return Frame(np.array([20, 60, 200], np.float32)[labels], labels)


def areas(truth, label):
    return (truth == label).sum(axis=(1, 2, 3))


def test_the_ends_of_the_motion_are_the_two_real_frames():
    diastole = ring(12, 16)
    systole = ring(8, 15)
    images, truth, kept = make_cine(diastole, systole, STILL)
    assert kept == [0]
    assert images.shape == truth.shape == (10, 1, 48, 48)
    for frame, (image, labels) in ((0, diastole), (STILL.end_systole, systole)):
        assert np.array_equal(truth[frame], labels)
        assert np.abs(images[frame] - image).max() < 1e-3


def test_the_cavity_shrinks_grows_again_and_never_leaves_the_range():
    cavity = areas(make_cine(ring(12, 16), ring(8, 15), STILL)[1], 2)
    least = STILL.end_systole
    assert (np.diff(cavity[: least + 1]) <= 0).all()
    assert (np.diff(cavity[least:]) >= 0).all()
    assert cavity[least] == cavity.min()
    assert cavity[0] == cavity.max()


def test_image_and_truth_move_together():
    images, truth, _ = make_cine(ring(12, 16), ring(8, 15), STILL)
    for image, labels in zip(images, truth, strict=True):
        assert image[labels == 2].mean() > 170
        assert 45 < image[labels == 1].mean() < 90


def test_systole_is_a_third_of_the_cycle_and_the_heart_rests_before_the_atria_contract():
    shares = contraction(SyntheticCineConfig(frames=100))
    assert shares[0] == 0
    assert shares.argmax() == 38
    assert shares.max() == 1
    assert 0.1 < shares[66] < 0.3
    assert abs(shares[80] - shares[66]) < 0.1
    assert shares[99] < 0.05


def test_a_sequence_is_the_same_every_time_and_another_with_another_seed():
    ends = ring(12, 16), ring(8, 15)
    config = SyntheticCineConfig(frames=5)
    first, again, other = (make_cine(*ends, config, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_noise_gain_and_breathing_are_small():
    ends = ring(12, 16), ring(8, 15)
    config = SyntheticCineConfig(frames=5)
    plain = make_cine(*ends, STILL)[0]
    varied = make_cine(*ends, config)[0]
    assert 0 < np.abs(varied[0] - plain[0]).mean() < 0.06 * 200


def test_a_structure_of_one_frame_only_shrinks_away():
    diastole = ring(12, 16)
    systole = ring(8, 15)
    diastole[1][0, 2:6, 2:6] = 3
    truth = make_cine(diastole, systole, STILL)[1]
    assert areas(truth, 3)[0] == 16
    assert areas(truth, 3)[STILL.end_systole] == 0


def test_unusable_frames_are_refused():
    with pytest.raises(GeometryMismatchError, match="one grid"):
        make_cine(ring(12, 16), ring(8, 15, (1, 40, 48)), STILL)
    with pytest.raises(InputError, match="both frames"):
        make_cine(ring(12, 16), Frame(ring(8, 15)[0], np.zeros((1, 48, 48), np.uint8)), STILL)
    with pytest.raises(ConfigError, match="frames"):
        SyntheticCineConfig(frames=2)


def write_frames(folder, frames):
    """A table of rings as frames of patients: {case: (number of slices, inner, outer radius)}."""
    with open(folder / "cases.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "split", "dataset", "case"])
        for name, (count, inner, outer) in frames.items():
            image, labels = ring(inner, outer, (count, 48, 48))
            write(folder / f"{name}.nii.gz", image.astype(np.int16))
            write(folder / f"{name}_label.nii.gz", labels)
            table.writerow([f"{name}.nii.gz", f"{name}_label.nii.gz", "train", "rings", name])


def test_a_patient_whose_frames_have_other_slices_is_left_out_and_named(tmp_path, capsys):
    frames = {"one_ED": (2, 12, 16), "one_ES": (3, 8, 15)}
    frames |= {"two_ED": (2, 12, 16), "two_ES": (2, 8, 15)}
    write_frames(tmp_path, frames)
    words = ["make-cine", "--cases", tmp_path / "cases.csv", "--out", tmp_path / "cine"]
    assert main([str(word) for word in [*words, "--frames", "5"]]) == 0
    assert "1 of 2: one is left out" in capsys.readouterr().err
    with open(tmp_path / "cine" / "cases.csv", encoding="utf-8") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["two"]
    del frames["two_ES"]
    write_frames(tmp_path, frames)
    assert main([str(word) for word in [*words, "--frames", "5"]]) == 2
    assert "No patient of" in capsys.readouterr().err


def test_the_command_makes_a_table_whose_labels_are_ed_and_es_only(tmp_path):
    write_frames(tmp_path, {"one_ED": (2, 12, 16), "one_ES": (2, 8, 15), "two_ED": (2, 12, 16)})
    assert (
        main(
            [
                "make-cine",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--out",
                str(tmp_path / "cine"),
                "--frames",
                "5",
                "--pictures",
                "--quiet",
            ]
        )
        == 0
    )
    with open(tmp_path / "cine" / "cases.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["dataset"] == "synthetic_cine_rings"
    assert row["split"] == "train"
    assert row["case"] == "one"
    image, label, truth = (
        read(tmp_path / "cine" / row[name]) for name in ("image", "label", "truth")
    )
    assert image.shape == label.shape == truth.shape == (5, 2, 48, 48)
    annotated = label.any(axis=(1, 2, 3))
    assert annotated.tolist() == [True, False, True, False, False]
    assert np.array_equal(label[annotated], truth[annotated])
    assert truth.any(axis=(1, 2, 3)).all()
    assert (tmp_path / "cine" / "one" / "truth.gif").read_bytes()[:3] == b"GIF"
