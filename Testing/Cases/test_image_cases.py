"""A result follows the structure, and not what lies around it or how much was annotated."""

import numpy as np
import pytest
from outcomes import dice, propagate, read, rows_of, run

from SlicePropagationLib.files.shipped_weights import has_model

DRAWN_PIXELS = 1009


def skip_without(engine):
    """Skip where the network of an engine cannot run."""
    if engine == "slice_unet":
        pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")
        if not has_model(engine):
            pytest.skip(f"The weights of {engine} are not there.")


@pytest.mark.parametrize("engine", ["registration", "slice_unet"])
def test_the_value_of_the_padding_does_not_matter(case, engine):
    skip_without(engine)
    folder = case("padding-minus-1000")
    scores = []
    for image in ("image.nii.gz", "filled.nii.gz"):
        outcome = propagate(folder, image, "seed.nii.gz", engine=engine)
        assert outcome.code == 0, outcome.said
        scores.append(dice(read(folder / "out.nii.gz"), read(folder / "truth.nii.gz")))
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_a_score_of_a_single_slice_does_not_count_as_one_of_a_structure(case):
    folder = case("short-stack-five-slices")
    options = ["--split", "val", "--engines", "copy", "--shots", "1,5", "--quiet"]
    outcome = run("evaluate", "--cases", folder / "cases.csv", "--out", folder / "report", *options)
    assert outcome.code == 0, outcome.said
    means = of_five(folder / "report" / "results.csv")
    rows = [*means, *of_five(folder / "report" / "rows.csv")]
    is_left_out = all(row["dice"] in ("", "nan") for row in means)
    assert is_left_out or any(states_one_slice(row) for row in rows)


def of_five(table):
    """The rows of a report's table for five annotated slices."""
    return [row for row in rows_of(table) if row["shots"] == "5"]


def states_one_slice(row):
    """Whether a column of slices says that there is one."""
    return any("slices" in column and value in ("1", "1.0") for column, value in row.items())


@pytest.mark.parametrize("engine", ["registration", "interpolation", "slice_unet"])
def test_an_empty_anchor_ends_the_structure_before_it(case, engine):
    skip_without(engine)
    folder = case("empty-slice-beside-large-anchor")
    table = str(folder / "anchors.csv")
    outcome = propagate(
        folder,
        "image.nii.gz",
        "seed.nii.gz",
        "out.nii.gz",
        "--anchors",
        table,
        engine=engine,
    )
    assert outcome.code == 0, outcome.said
    labels = read(folder / "out.nii.gz")
    assert np.count_nonzero(labels[8]) == DRAWN_PIXELS
    assert np.count_nonzero(labels[9]) <= DRAWN_PIXELS / 2
