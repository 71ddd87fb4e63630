"""Sequences that cannot be used are refused by every command that takes one.

The sentence says which file and what is wrong, and nothing is written.
"""

import csv

import numpy as np
import pytest
from case_files import write
from test_pseudo_labels import beat, write_4d
from test_sequence import write_dicom

from SlicePropagationLib.commands.main import main

COMMANDS = ("propagate", "pseudo-label", "evaluate-cine", "train")


def bad_sequence(folder, kind):
    """(image, labels) on disk, and what an error has to say."""
    image, truth = beat()
    annotated = np.zeros_like(truth)
    annotated[[0, 4]] = truth[[0, 4]]
    if kind == "one frame":
        return (
            write_4d(folder / "image.nrrd", image[:1]),
            write_4d(folder / "labels.nrrd", truth[:1]),
            ("at least 2", "a single slice"),
        )
    if kind == "frames of unequal size":
        return (
            str(write_dicom(folder / "series", image, sizes_differ=True)),
            write_4d(folder / "labels.nii.gz", annotated),
            ("labels of 8 frames",),  # the frame of another size is left out, with a warning
        )
    if kind == "no annotated frame":
        return (
            write_4d(folder / "image.nii.gz", image),
            write_4d(folder / "labels.nii.gz", 0 * truth),
            ("no annotated frame", "0 annotated", "has no label"),
        )
    longer = np.concatenate([annotated, truth[:1]])
    return (
        write_4d(folder / "image.nii.gz", image),
        write_4d(folder / "labels.nii.gz", longer),
        ("outside the sequence",),
    )


def arguments(command, folder, image, labels):
    out = str(folder / "out" / "found.nii.gz")
    if command in ("propagate", "pseudo-label"):
        along = ["--axis", "t"] if command == "propagate" else []
        return [
            command,
            "--image",
            image,
            "--seed",
            labels,
            "--out",
            out,
            "--engine",
            "copy",
            "--quiet",
            *along,
        ]
    with open(
        folder / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "truth", "split", "case"])
        table.writerows([image, labels, labels, split, split] for split in ("train", "val"))
    if command == "train":
        return [
            "train",
            "cine_unet",
            "--preset",
            "small",
            "--cases",
            str(folder / "cases.csv"),
            "--out",
            str(folder / "out"),
            "--device",
            "cpu",
            "--epochs",
            "1",
        ]
    return [
        command,
        "--cases",
        str(folder / "cases.csv"),
        "--models",
        "copy",
        "--out",
        str(folder / "out"),
        "--quiet",
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "one frame",
        "frames of unequal size",
        "no annotated frame",
        "annotations outside the sequence",
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_sequence_is_refused_in_words(tmp_path, capsys, command, kind):
    if command in ("evaluate-cine", "train"):
        pytest.importorskip("torch")
        pytest.importorskip("lightning" if command == "train" else "matplotlib")
    image, labels, sought = bad_sequence(tmp_path, kind)
    assert main(arguments(command, tmp_path, image, labels)) == 2
    said = capsys.readouterr().err
    assert any(words in said for words in sought), said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("out/**/*.nii.gz"))
    assert not list(tmp_path.glob("out/**/*.pt"))


@pytest.mark.parametrize("shape, sought", [((2, 20, 24), "one grid"), ((2, 20, 20), "both frames")])
def test_ends_that_make_no_motion_are_refused(tmp_path, capsys, shape, sought):
    labels = np.zeros((2, 20, 20), np.uint8)
    labels[:, 5:12, 5:12] = 1
    with open(
        tmp_path / "cases.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "dataset", "case"])
        for frame, own in (("ED", labels), ("ES", np.zeros(shape, np.uint8))):
            write(
                tmp_path / f"{frame}.nii.gz",
                np.random.default_rng(0).integers(0, 99, own.shape).astype(np.int16),
            )
            write(tmp_path / f"{frame}_label.nii.gz", own)
            table.writerow([f"{frame}.nii.gz", f"{frame}_label.nii.gz", "d", f"p_{frame}"])
    assert (
        main(
            [
                "make-cine",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--out",
                str(tmp_path / "cine"),
                "--quiet",
            ]
        )
        == 2
    )
    assert sought in capsys.readouterr().err
    assert not (tmp_path / "cine" / "cases.csv").exists()
