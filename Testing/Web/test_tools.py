"""Every drawing tool and every choice of a run, by mouse.

The voxels are read from the MRML node.
"""

import time

import numpy as np
import pytest
import slicer.util
from at_the_page import SEED, click, kinds, message, propagate, seed
from SlicePropagationMRML.nodes.geometry import axisOfPlane
from SlicePropagationWeb.pointer_path import TrailAdapter
from web_bench import wait_for


def take(page, bench, tool):
    page.click(f"[data-tool={tool}]")
    wait_for(page, lambda: bench.application.data.tool == tool)


def image(bench):
    return bench.call(lambda: slicer.util.arrayFromVolume(bench.application.desk.volume).copy())


def threshold_range(page, bench):
    """Lowest and highest intensity that the threshold tool takes, once it has found them by itself."""

    def values():
        return bench.call(
            lambda: bench.application.desk.editor.active_effect.get_threshold_min_max_values()
        )

    wait_for(page, lambda: values()[0] > image(bench).min())
    return values()


def choose(page, label, item):
    """Choose an item of a list of the panel."""
    page.locator(f"[data-choice='{label}']").click()
    page.get_by_role("option", name=item, exact=True).click()


def test_erase_takes_away_what_the_mouse_goes_over(page, bench):
    seed(page, bench)
    before = bench.masks()
    rows, columns = np.nonzero(before[SEED])
    middle = int(np.median(rows)), int(np.median(columns[rows == int(np.median(rows))]))
    take(page, bench, "erase")
    bench.stroke(page, SEED, [middle, (middle[0] + 2, middle[1])])
    wait_for(page, lambda: not bench.masks()[SEED][middle])
    after = bench.masks()
    assert not (after & ~before).any()
    assert 0 < after[SEED].sum() < before[SEED].sum()
    assert bench.drawn_slices() == [SEED]


def test_draw_fills_the_outline_that_the_mouse_follows(page, bench):
    bench.show_slice(SEED)
    take(page, bench, "draw")
    bench.stroke(page, SEED, [(100, 60), (100, 100), (140, 100), (140, 60), (100, 60)])
    wait_for(page, lambda: bench.drawn_slices() == [SEED])
    drawn = bench.masks()[SEED]
    assert drawn[102:138, 62:98].all()
    assert drawn.sum() < 43 * 43
    wait_for(page, lambda: kinds(page)[SEED] == "seed")


def test_an_outline_keeps_its_corners_when_every_answer_takes_long(page, bench, monkeypatch):
    answer = TrailAdapter.on_interaction
    trails = []

    def answer_late(adapter, origin, event):
        trails.append(len(event.get("trail", ())))
        time.sleep(0.3)
        return answer(adapter, origin, event)

    bench.show_slice(SEED)
    take(page, bench, "draw")
    monkeypatch.setattr(TrailAdapter, "on_interaction", answer_late)
    bench.stroke(page, SEED, [(100, 60), (100, 100), (140, 100), (140, 60), (100, 60)])
    wait_for(page, lambda: bench.drawn_slices() == [SEED])
    drawn = bench.masks()[SEED]
    assert drawn[102:138, 62:98].all()
    assert drawn.sum() < 43 * 43
    assert max(trails) >= 2


def test_threshold_takes_the_voxels_of_its_range(page, bench):
    take(page, bench, "threshold")
    low, high = threshold_range(page, bench)
    page.get_by_text("Apply", exact=True).click()
    expected = (image(bench) >= low) & (image(bench) <= high)
    wait_for(page, lambda: np.array_equal(bench.masks(), expected))
    assert 0 < expected.mean() < 0.9
    page.keyboard.press("Control+z")
    wait_for(page, lambda: bench.drawn_slices() == [])


def test_a_threshold_used_as_mask_limits_the_brush_until_it_is_switched_off(page, bench):
    bench.show_slice(SEED)
    take(page, bench, "threshold")
    low, high = threshold_range(page, bench)
    page.get_by_text("Use as mask").click()
    wait_for(page, lambda: bench.application.data.tool == "paint")
    inside = (image(bench) >= low) & (image(bench) <= high)
    across = [
        (row, 128) for row in range(20, 240, 20)
    ]  # from the air in front of the body to the table
    bench.stroke(page, SEED, across)
    wait_for(page, lambda: bench.drawn_slices() == [SEED])
    assert not (bench.masks() & ~inside).any()
    page.get_by_text("Paint everywhere").click()
    bench.stroke(page, SEED, across)
    wait_for(page, lambda: (bench.masks() & ~inside).any())


def test_scissors_cut_what_lies_inside_the_outline_from_all_slices(page, bench):
    seed(page, bench)
    bench.paint_spleen(page, SEED + 4)
    wait_for(page, lambda: bench.drawn_slices() == [SEED, SEED + 4])
    before = bench.masks()
    rows, columns = np.nonzero(before.any(axis=0))
    cut = int(np.median(rows))
    take(page, bench, "scissors")
    bench.stroke(page, SEED + 4, [(cut, 20), (cut, 236), (236, 236), (236, 20), (cut, 20)])
    wait_for(page, lambda: not bench.masks()[:, cut + 3 :].any())
    after = bench.masks()
    assert np.array_equal(after[:, : cut - 2], before[:, : cut - 2])
    assert bench.drawn_slices() == [
        SEED,
        SEED + 4,
    ]


def test_every_new_segment_has_a_colour_of_its_own(page, bench):
    from SlicePropagationLib.files.segmentation_file import COLORS

    for count in (2, 3, 4):
        page.get_by_text("Add segment").click()
        wait_for(page, lambda count=count: len(bench.application.data.segments) == count)
    colors = bench.call(
        lambda: [
            bench.application.desk.segmentation.GetSegmentation().GetNthSegment(number).GetColor()
            for number in range(4)
        ]
    )
    assert len(set(colors)) == 4
    assert all(any(np.allclose(color, known) for known in COLORS) for color in colors[1:])


@pytest.mark.parametrize("plane, axis, index", [("coronal", 1, 120), ("sagittal", 2, 200)])
def test_another_axis_is_painted_and_propagated_by_mouse(page, bench, plane, axis, index):
    bench.show_slice(SEED)
    page.click(f"[data-plane={plane}]")
    wait_for(page, lambda: len(kinds(page)) == image(bench).shape[axis])
    assert bench.call(axisOfPlane, bench.application.desk.volume, plane) == axis
    page.wait_for_timeout(1500)  # until the views have their new sizes and show the whole slice
    assert (
        bench.call(bench.application.views.index, "axial", bench.application.desk.volume) == SEED
    )  # the other views stay where they were
    bench.paint_spleen(page, index, plane)
    wait_for(page, lambda: kinds(page)[index] == "seed")
    across = tuple(other for other in range(3) if other != axis)
    assert np.flatnonzero(bench.masks().any(axis=across)).tolist() == [index]
    drawn = bench.masks().take(index, axis)
    propagate(page)
    slices = np.flatnonzero(bench.masks().any(axis=across))
    assert {index - 1, index, index + 1} <= set(slices.tolist())
    assert np.array_equal(
        bench.masks().take(index, axis),
        drawn,
    )


def test_another_axis_says_that_all_of_it_counts_as_drawn_there_and_the_way_back_loses_nothing(
    page,
    bench,
):
    seed(page, bench)
    propagate(page)
    strip = kinds(page)
    page.click("[data-plane=coronal]")
    wait_for(page, lambda: "all that they show counts as drawn by you" in message(page))
    assert "propagated" not in kinds(page)
    page.click("[data-plane=axial]")
    wait_for(page, lambda: kinds(page) == strip and message(page) == "")


def test_the_range_that_is_set_with_the_mouse_limits_the_run(page, bench):
    seed(page, bench)
    page.get_by_label("To the end of the structure").uncheck()
    page.wait_for_selector(".sp-range")
    first, last = (page.locator(".sp-range .v-slider-thumb").nth(number) for number in (0, 1))
    track = page.locator(".sp-range .v-slider-track").bounding_box()
    for thumb, index in ((first, SEED - 3), (last, SEED + 5)):
        box = thumb.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(
            track["x"] + track["width"] * index / (len(kinds(page)) - 1),
            box["y"] + box["height"] / 2,
            steps=8,
        )
        page.mouse.up()
    wait_for(page, lambda: bench.application.data.span == [SEED - 3, SEED + 5])
    propagate(page)
    assert set(bench.drawn_slices()) == set(range(SEED - 3, SEED + 6))
    assert kinds(page).count("propagated") == 8


def test_a_direction_leaves_the_other_side_alone(page, bench):
    seed(page, bench)
    choose(page, "Direction", "Towards superior")
    propagate(page)
    assert min(bench.drawn_slices()) == SEED
    assert max(bench.drawn_slices()) > SEED
    choose(page, "Direction", "Towards inferior")
    click(page, "propagate")  # the message of the first run still stands there
    wait_for(page, lambda: min(bench.drawn_slices()) < SEED)


def test_the_engine_is_chosen_and_walks(page, bench):
    seed(page, bench)
    choose(page, "Engine", "Copy (baseline)")
    drawn = bench.masks()[SEED]
    propagate(page)
    assert all(np.array_equal(mask, drawn) for mask in bench.masks())


def test_a_device_that_is_not_there_ends_the_run_with_a_sentence(page, bench):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("This machine has a GPU; the device is there.")
    seed(page, bench)
    choose(page, "Engine", "Trained network")
    choose(page, "Device", "GPU (CUDA)")
    click(page, "propagate")
    page.locator(".sp-alert").get_by_text("CUDA").first.wait_for()
    assert bench.drawn_slices() == [SEED]
    assert kinds(page).count("propagated") == 0
    choose(page, "Device", "CPU")
    click(page, "propagate")
    wait_for(page, lambda: "Done" in message(page))
    assert len(bench.drawn_slices()) > 1


def test_the_views_follow_a_run_unless_told_otherwise(page, bench):
    seed(page, bench)
    click(page, "propagate")
    wait_for(
        page,
        lambda: bench.application.data.is_running and bench.application.data.index != SEED,
    )
    wait_for(page, lambda: "Done" in message(page))
    assert bench.application.data.index == SEED  # back where the person was
    page.keyboard.press("Control+z")
    wait_for(page, lambda: kinds(page).count("propagated") == 0)
    page.get_by_label("Slice views follow the run").uncheck()
    wait_for(page, lambda: not bench.application.data.follow)
    propagate(page)
    assert bench.application.data.index == SEED
