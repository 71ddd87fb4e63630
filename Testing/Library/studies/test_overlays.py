"""Pictures of examples show the truth and what was found, in their colours."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs Matplotlib, the extra 'train'")

from matplotlib.colors import to_rgb
from matplotlib.image import imread
from phantoms import disc

from SlicePropagationLib.studies.overlays import (
    FOUND_COLOR,
    TRUTH_COLOR,
    Example,
    Stack,
    draw_overlays,
    draw_stacks,
)
from SlicePropagationLib.studies.pnet.examples import chosen_cases
from SlicePropagationLib.studies.thesis.examples import middle_rows

SHAPE = (40, 40)
TRUTH = disc(SHAPE, (20, 20), 9)
FOUND = disc(SHAPE, (20, 23), 7)


def example(**found):
    return Example("organ 1", 100.0 * TRUTH, TRUTH, found)


def pixels_of(path, color):
    """How many pixels of a picture are nearly of a colour."""
    picture = imread(path)[..., :3]
    return int((np.abs(picture - to_rgb(color)).max(axis=-1) < 0.08).sum())


def test_the_truth_and_a_mask_are_outlines_over_the_image(tmp_path):
    path = tmp_path / "examples.png"
    draw_overlays(path, [example(unet=FOUND)], "Depth")
    assert pixels_of(path, TRUTH_COLOR) > 50
    assert pixels_of(path, FOUND_COLOR) > 50


def test_a_probability_map_is_shown_with_the_outline_of_the_truth_alone(tmp_path):
    path = tmp_path / "examples.png"
    draw_overlays(path, [example(pnet=0.9 * FOUND)], "Probabilities")
    assert pixels_of(path, TRUTH_COLOR) > 50
    assert pixels_of(path, FOUND_COLOR) == 0


def test_of_what_was_not_found_only_the_truth_is_shown(tmp_path):
    path = tmp_path / "examples.png"
    nothing = np.zeros(SHAPE, bool)
    draw_overlays(path, [example(unet=nothing), example(unet=FOUND)], "Two rows")
    assert pixels_of(path, FOUND_COLOR) > 50
    draw_overlays(path, [example(unet=nothing)], "One row")
    assert pixels_of(path, FOUND_COLOR) == 0


def test_the_outlines_of_all_slices_stand_in_space(tmp_path):
    path = tmp_path / "shapes.png"
    truth, found = np.array([TRUTH] * 6), np.array([FOUND] * 6)
    draw_stacks(path, [Stack("best", truth, found, (2.5, 1.0, 1.0))], "Shapes")
    assert pixels_of(path, TRUTH_COLOR) > 50
    assert pixels_of(path, FOUND_COLOR) > 50


def test_without_examples_there_is_no_picture(tmp_path):
    draw_overlays(tmp_path / "examples.png", [], "Nothing")
    draw_stacks(tmp_path / "shapes.png", [], "Nothing")
    assert not list(tmp_path.iterdir())


def test_the_best_the_middle_and_the_worst_case_are_shown_each_once():
    rows = [
        {"case": name, "dice": dice} for name, dice in zip("abcde", (5, 9, 1, 7, 3), strict=True)
    ]
    chosen = {what: row["case"] for what, row in chosen_cases(rows).items()}
    assert chosen == {"best": "b", "middle": "a", "worst": "c"}
    assert list(chosen_cases(rows[:1])) == ["best"]
    assert chosen_cases([]) == {}


def test_of_every_organ_the_case_of_middle_dice_is_shown():
    rows = []
    for label in (1, 2):
        for case, dice in (("low", 0.1), ("middle", 0.5 + label / 10), ("high", 0.9)):
            row = {"dataset": "set", "label": str(label), "case": case, "shots": 1}
            rows.append(row | {"column": "depth 4", "dice_thesis": dice})
            rows.append(row | {"column": "depth 2", "dice_thesis": 1 - dice})
    shown = middle_rows(rows, ["depth 2", "depth 4"])
    assert [(row["label"], row["case"], row["column"]) for row in shown] == [
        ("1", "middle", "depth 4"),
        ("2", "middle", "depth 4"),
    ]
    assert middle_rows(rows, []) == []
