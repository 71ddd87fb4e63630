"""What the tests of `evaluate` share: tables of tiny cases, and the command on them."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from case_files import make_case, write

from SlicePropagationLib.commands.main import main


@pytest.fixture
def cases(tmp_path):
    """Four patients with one disc each: two of the split val, one of test, and one of val in a set of its own."""
    lines = ["image,label,split,dataset,case"]
    for number, (split, dataset) in enumerate(
        [("val", "discs"), ("val", "discs"), ("test", "discs"), ("val", "plates")]
    ):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        make_case(folder)
        lines.append(
            f"p{number}/image.nii.gz,p{number}/truth.nii.gz,{split},{dataset},p{number}_ED"
        )
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def column(tmp_path):
    """A case with the same square of 100 pixels on slices 2 to 9 of 13, 2 mm apart.

    The first of equals, 2, is drawn.
    """
    truth = np.zeros((13, 24, 24), np.uint8)
    truth[2:10, 5:15, 5:15] = 1
    for name, values in (("image", 100 * truth.astype(np.int16)), ("truth", truth)):
        write(tmp_path / f"{name}.nii.gz", values, spacing=(1.0, 1.0, 2.0))
    path = tmp_path / "cases.csv"
    path.write_text("image,label\nimage.nii.gz,truth.nii.gz\n", encoding="utf-8")
    return path


def evaluate(cases, out, *options):
    return main(
        [
            "evaluate",
            "--cases",
            str(cases),
            "--out",
            str(out),
            "--engines",
            "copy,interpolation",
            "--shots",
            "1,2",
            "--quiet",
            *options,
        ]
    )


def read(path, without=()):
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key not in without}
            for row in csv.DictReader(file)
        ]


def mark(path):
    """Make every Dice of a table one that no engine reaches by itself, so that it shows whether it was scored again."""
    rows = read(path)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(row | {"dice": "0.125"} for row in rows)


def arguments(**changed):
    known = {
        "cases": "cases.csv",
        "engines": "copy",
        "shots": "1,3",
        "pick": "largest",
        "correct": "suggested",
        "axis": "k",
        "min_slices": 5,
        "split": "val",
        "max_cases": None,
        "datasets": None,
        "labels": None,
        "device": "auto",
    }
    return SimpleNamespace(**known | changed)
