"""Tables of tiny cases that the tests of `evaluate` share."""

import numpy as np
import pytest
from case_files import make_case, write


@pytest.fixture
def quick_plots(monkeypatch):
    """The plots are empty files: to draw them takes longer than to score.

    `test_evaluation_report` looks at those that are drawn.
    """

    def write(folder, tables, protocol):
        for name in ("dice", "drift", "ends"):
            (folder / f"{name}.png").touch()

    monkeypatch.setattr("SlicePropagationLib.evaluation.evaluate.draw_plots", write)


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
