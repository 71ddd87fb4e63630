"""A person at the page, with a real mouse in a real browser.

What they did is looked up in the MRML nodes.
"""

from urllib.parse import urlsplit

import numpy as np
import SimpleITK as sitk
from at_the_page import (
    LISTEN,
    SEED,
    begin_run,
    click,
    kinds,
    message,
    num_propagated,
    propagate,
    seed,
    wait_for_kind,
    wait_for_message,
    wait_for_none_propagated,
    wait_until_stopped,
)
from SlicePropagationMRML.run.events import Stepped
from SlicePropagationMRML.run.run import Phase
from SlicePropagationWeb import workflow
from SlicePropagationWeb.render_throttle import RenderThrottle
from web_bench import PATIENCE, SETTLED_MS, wait_for, walk_slowly
from web_files import read_mask

VIEWS = {"Red", "Green", "Yellow", "ThreeD"}


def test_a_stroke_of_the_mouse_makes_a_seed_on_that_slice_only(page, bench):
    bench.paint_spleen(page, SEED)
    wait_for_kind(page, SEED, "seed")
    assert bench.drawn_slices() == [SEED]
    strip = kinds(page)
    assert strip.pop(SEED) == "seed"
    assert set(strip) == {"empty"}


def test_the_list_of_engines_is_that_of_the_registry(page, bench):
    from SlicePropagationLib.engines import ENGINES

    listed = bench.call(getattr, bench.data, "engines")
    names = [engine["value"] for engine in listed]
    assert names == list(ENGINES)
    for engine in listed:
        title, _, _ = engine["title"].partition(", needs")
        assert title == ENGINES[engine["value"]].title
    page.get_by_text(ENGINES["registration"].title).first.click()
    for info in ENGINES.values():
        page.get_by_role("option", name=info.title, exact=True).wait_for()


def test_propagate_fills_the_strip_and_the_node(page, bench):
    seed(page, bench)
    drawn = bench.mask(SEED)
    propagate(page)
    slices = bench.drawn_slices()
    assert {SEED - 1, SEED, SEED + 1} <= set(slices)
    assert np.array_equal(bench.mask(SEED), drawn)
    assert num_propagated(page) == len(kinds(page)) - 1


def test_slices_appear_while_the_run_goes_on_and_the_node_waits(page, bench, long_run):
    seed(page, bench)
    begin_run(page)
    assert page.locator("[data-command=stop]").is_visible()
    assert bench.drawn_slices() == [SEED]
    wait_for_message(page, "Done")


def test_stop_leaves_a_partial_result_to_discard(page, bench, long_run):
    seed(page, bench)
    begin_run(page)
    click(page, "stop")
    wait_until_stopped(page)
    assert bench.drawn_slices() == [SEED]
    click(page, "discard")
    wait_for_none_propagated(page)
    assert bench.drawn_slices() == [SEED]


def test_after_stop_at_most_one_more_slice_is_computed(page, bench, long_run):
    seed(page, bench)
    logic = bench.application.workflow.logic
    after = []

    def listen(event):
        if isinstance(event, Stepped) and logic.run.phase is Phase.STOPPING:
            after.append(event.prediction.index)

    logic.events.connect(listen)
    begin_run(page)
    click(page, "stop")
    wait_until_stopped(page)
    logic.events.disconnect(listen)
    assert len(after) <= 1
    assert not logic.isRunning
    click(page, "discard")


def test_another_volume_is_opened_only_after_the_run(page, bench, long_run):
    seed(page, bench)
    begin_run(page)
    page.keyboard.press("Control+o")
    wait_for_message(page, "A run is under way; stop it first.")
    assert page.locator("[data-command=open]").is_disabled()
    click(page, "stop")
    wait_until_stopped(page)
    click(page, "discard")


def test_the_second_click_of_a_double_click_does_not_stop_the_run(page, bench):
    seed(page, bench)
    page.dblclick("[data-command=propagate]")
    wait_for(page, lambda: "Done in" in message(page) or "Keep" in message(page))
    assert "Done in" in message(page)


def test_escape_stops_and_keep_writes_what_is_there(page, bench, long_run):
    seed(page, bench)
    begin_run(page)
    page.keyboard.press("Escape")
    wait_until_stopped(page)
    shown = num_propagated(page)
    click(page, "keep")
    wait_for_message(page, "Kept")
    assert 2 <= shown < len(kinds(page)) - 1
    assert len(bench.drawn_slices()) >= 3


def test_a_correction_changes_nothing_outside_its_gaps(page, bench):
    seed(page, bench, 28)
    seed(page, bench, 40)
    propagate(page)
    before = bench.masks()
    bench.paint_spleen(page, 48)
    wait_for_kind(page, 48, "correction")
    corrected = bench.mask(48)
    propagate(page)
    after = bench.masks()
    outside = slice(0, 41)
    assert np.array_equal(after[outside], before[outside])
    assert np.array_equal(after[48], corrected)


def test_undo_and_redo_take_a_run_back_and_bring_it_again(page, bench):
    seed(page, bench)
    propagate(page)
    after = bench.masks()
    strip = kinds(page)
    click(page, "undo")
    wait_for_none_propagated(page)
    assert bench.drawn_slices() == [SEED]
    assert kinds(page)[SEED] == "seed"
    click(page, "redo")
    wait_for(page, lambda: kinds(page) == strip)
    assert np.array_equal(bench.masks(), after)


def test_undo_takes_a_stroke_back(page, bench):
    bench.paint_spleen(page, SEED)
    wait_for_kind(page, SEED, "seed")
    page.keyboard.press("Control+z")
    wait_for(page, lambda: set(kinds(page)) == {"empty"})
    assert bench.drawn_slices() == []


def test_a_click_on_the_strip_jumps_there(page, bench):
    page.click("[data-slice='11']")
    bench.wait_for_value(page, "index", 11)


def test_the_next_suspicious_slice_is_shown(page, bench):
    seed(page, bench)
    propagate(page)
    page.keyboard.press("n")
    wait_for_message(page, "Correct it, or confirm it")
    assert f"Slice {bench.data.index + 1}:" in message(page)
    assert bench.data.index != SEED


def test_confirm_and_nothing_here_make_anchors(page, bench):
    seed(page, bench)
    propagate(page)
    bench.show_slice(SEED + 3)
    click(page, "confirm")
    wait_for_kind(page, SEED + 3, "confirmed")
    bench.show_slice(SEED + 8)
    click(page, "empty")
    wait_for_kind(page, SEED + 8, "confirmed")
    assert not bench.mask(SEED + 8).any()
    assert bench.mask(SEED + 3).any()


def num_outlined(bench):
    """How many old outlines the scene holds."""
    scene = bench.controller.segmentation.GetScene()
    names = bench.call(
        lambda: [
            scene.GetNthNodeByClass(number, "vtkMRMLSegmentationNode").GetName()
            for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"))
        ]
    )
    return sum(name.endswith(" before") for name in names)


def test_a_correction_redoes_its_gap_at_once_with_the_old_outline_for_a_moment(page, bench):
    seed(page, bench)
    propagate(page)
    run = bench.masks()
    redo = bench.application.workflow._redo
    bench.call(redo.pace._seconds.update, {redo.engine: 1e-4})  # also where this machine is busy
    page.locator("[data-choice='Auto-update']").click()
    page.get_by_role("option", name="If it takes under 1 s").click()
    page.evaluate(LISTEN)
    bench.paint_spleen(page, SEED + 9)
    wait_for_kind(page, SEED + 9, "correction")
    wait_for(page, lambda: num_outlined(bench) == 1)
    beyond = slice(SEED + 10, None)
    assert not np.array_equal(bench.masks()[beyond], run[beyond])
    assert bench.data.index == SEED + 9  # it goes nowhere
    wait_for_message(page, "taken over by its neighbours")
    wait_for(page, lambda: num_outlined(bench) == 0)

    page.keyboard.press("Control+z")  # the run; no other one begins by itself
    wait_for_message(page, "Undone")
    corrected = bench.masks()
    assert np.array_equal(corrected[beyond], run[beyond])
    page.keyboard.press("Control+z")
    wait_for(page, lambda: np.array_equal(bench.masks(), run))
    assert not bench.data.is_running


def test_while_a_correction_is_redone_nothing_is_drawn_but_what_the_person_works_in(
    page, bench, monkeypatch
):
    seed(page, bench)
    propagate(page)
    bench.show_slice(SEED + 9)
    bench.wait_for_value(page, "index", SEED + 9)
    page.wait_for_timeout(SETTLED_MS)
    draw = RenderThrottle._render_frame
    drawn = []

    def draw_and_note(scheduler, quality):
        drawn.append((scheduler.name, bench.application.workflow.logic.isRunning))
        draw(scheduler, quality)

    views = bench.application.views
    hold = views.hold

    def hold_and_forget(seconds):
        drawn.clear()  # what was drawn before it
        hold(seconds)

    monkeypatch.setattr(RenderThrottle, "_render_frame", draw_and_note)
    monkeypatch.setattr(views, "hold", hold_and_forget)
    monkeypatch.setattr(workflow, "HELD_SECONDS", PATIENCE)
    walk_slowly(monkeypatch, 0.1)
    bench.call(setattr, bench.data, "after_correction", "always")
    bench.paint_spleen(page, SEED + 9)
    wait_for_message(page, "taken over by its neighbours")
    wait_for(page, lambda: {name for name, is_running in drawn if not is_running} == VIEWS)
    assert {name for name, is_running in drawn if is_running} <= {"Red"}


def test_a_correction_waits_where_its_gap_takes_longer(page, bench):
    seed(page, bench)
    propagate(page)
    redo = bench.application.workflow._redo
    bench.call(redo.pace._seconds.update, {redo.engine: 10.0})
    bench.call(setattr, bench.data, "after_correction", "quick")
    bench.paint_spleen(page, SEED + 9)
    wait_for_kind(page, SEED + 9, "correction")
    wait_for_message(page, "Propagate computes anew")
    assert not bench.data.is_running


def test_what_is_saved_is_what_the_node_holds(page, bench):
    seed(page, bench)
    propagate(page)
    click(page, "save")
    page.get_by_label("Name", exact=True).fill("spleen of the test")
    click(page, "write")
    page.wait_for_selector("text=spleen of the test.slices.csv")
    path = bench.out / "spleen of the test.seg.nrrd"
    image = sitk.ReadImage(str(path))
    assert np.array_equal(read_mask(path), bench.masks())
    assert image.GetMetaData("Segment0_Name") == "Spleen"
    assert "SlicePropagation.Slices" in image.GetMetaData("Segment0_Tags")
    table = bench.out / "spleen of the test.slices.csv"
    rows = table.read_text(encoding="utf-8")
    assert rows.startswith("slice,segment,provenance")
    assert f"\n{SEED},Spleen,seed" in rows


def test_opening_another_volume_keeps_unsaved_work_as_a_result(page, bench):
    seed(page, bench)
    drawn = bench.masks()
    page.evaluate("window.trame.trigger('command', ['sample'])")
    wait_for_message(page, "unsaved work is kept as unsaved-")
    kept = sorted(bench.out.glob("unsaved-*.seg.nrrd"))[-1]
    assert np.array_equal(read_mask(kept), drawn)
    assert bench.drawn_slices() == []


def test_a_reload_finds_the_work_as_it_was(page, bench):
    seed(page, bench)
    propagate(page)
    strip = kinds(page)
    page.reload()
    page.wait_for_selector("[data-slice]", state="attached")
    assert kinds(page) == strip
    assert page.get_by_text("in use in another tab").count() == 0


def test_the_page_asks_nobody_else_for_anything(page, bench):
    seed(page, bench)
    click(page, "open")
    page.wait_for_timeout(500)
    local = urlsplit(bench.address).netloc
    asked = [url for url in page.asked if not url.startswith("data:")]
    foreign = [url for url in asked if local not in url]
    assert len(page.asked) > 10
    assert foreign == []
