"""What happens to the work when the program ends: by Ctrl-C, or by a crash during a run."""

import numpy as np
from at_the_page import paint, save, stroke
from kept_states import keep
from program import run_command
from SlicePropagationWeb.kept_windows import KeptWindows
from SlicePropagationWeb.recovery import Recovery
from web_bench import open_page, wait_for
from web_files import ct, read_mask, write_image

from SlicePropagationLib.files.companions import companion

# Whether the 3D view shows something of a colour.
SURFACE = """() => {
  const view = document.querySelector("[data-view=ThreeD]").parentElement;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d");
  pen.drawImage(view.querySelector("img.image-display-area"), 0, 0, 64, 64);
  const pixels = pen.getImageData(0, 0, 64, 64).data;
  const isColoured = (place) => Math.abs(pixels[place] - pixels[place + 2]) > 80;
  return [...pixels.keys()].some((place) => place % 4 === 0 && isColoured(place));
}"""


def unsaved(out):
    """What the autosave of a folder of results holds, or None."""
    return Recovery(out / "autosave").found()


def unsaved_mask(out):
    """(K, J, I) bool of what the autosave holds."""
    found = unsaved(out)
    assert found is not None
    return read_mask(found["labels"])


def unsaved_rows(out):
    """[(slice, provenance)] of the per-slice table of the autosave."""
    found = unsaved(out)
    table = companion(found["labels"], ".slices.csv") if found else None
    if table is None or not table.exists():
        return []
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines[1:]]
    return [(int(row[0]), row[2]) for row in rows]


def strip_classes(page):
    """What the strip looks like."""
    slices = page.locator("[data-slice]")
    return slices.evaluate_all("cells => cells.map((cell) => cell.className)")


def test_a_crash_during_a_run_loses_nothing_that_was_drawn(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    page.keyboard.press("p")
    page.wait_for_selector(".sp-propagated", state="attached")
    program.kill()
    page.wait_for_selector("text=The program has ended, or cannot be reached")
    page.close()
    drawn = unsaved_mask(tmp_path)
    assert drawn.any(axis=(1, 2)).sum() == 1
    again = start(tmp_path)
    page = open_page(browser, again.address)
    page.wait_for_selector("text=There is unsaved work on the sample")
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-seed", state="attached")
    assert page.locator(".sp-seed").count() == 1
    assert page.locator(".sp-propagated").count() == 0
    save(page)
    assert np.array_equal(read_mask(tmp_path / "segmentation.seg.nrrd"), drawn)
    page.close()
    assert again.interrupt() == 0


def test_a_crash_after_a_run_and_a_correction_keeps_both_and_the_window(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    page.locator("[data-choice='Engine']").click()
    page.get_by_role("option", name="Copy (baseline)", exact=True).click()
    page.locator("[data-choice='Auto-update']").click()
    page.get_by_role("option", name="After each correction", exact=True).click()
    page.click("[data-command=propagate]")
    page.wait_for_selector("text=Done in")
    page.click("[data-slice='45']")
    page.wait_for_timeout(1000)
    stroke(page, 860, 320)  # the same stroke as on the seed would change nothing of its copy
    page.wait_for_selector(".sp-correction", state="attached")
    page.wait_for_selector("text=taken over by its neighbours")
    strip = strip_classes(page)
    page.get_by_label("Window", exact=True).fill("222")
    page.keyboard.press("Enter")
    wait_for(
        page,
        lambda: 222 in [width for width, _ in KeptWindows(tmp_path / "autosave").read().values()],
    )
    # what is drawn is kept a moment later
    wait_for(page, lambda: (45, "correction") in unsaved_rows(tmp_path))
    program.kill()
    page.close()
    page = open_page(browser, start(tmp_path).address)
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-correction", state="attached")
    assert strip_classes(page) == strip
    assert page.get_by_label("Window", exact=True).input_value() == "222"
    wait_for(page, lambda: page.evaluate(SURFACE))
    page.close()


def test_unsaved_work_on_an_image_that_is_gone_is_not_lost(browser, tmp_path, start):
    image = write_image(tmp_path / "chest.nii.gz", ct())
    program = start(tmp_path / "out", str(image))
    page = open_page(browser, program.address)
    page.wait_for_selector("[data-slice]", state="attached")
    page.wait_for_timeout(1500)
    stroke(page, 640, 340)
    page.wait_for_selector(".sp-seed", state="attached")
    assert program.interrupt() == 0
    page.close()
    image.rename(tmp_path / "moved.nii.gz")
    page = open_page(browser, start(tmp_path / "out").address)
    page.click("[data-command=restore]")
    page.wait_for_selector(f"text=There is no file {image}")
    page.wait_for_selector(f"text=put {image} back")
    (tmp_path / "moved.nii.gz").rename(image)
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-seed", state="attached")
    assert page.locator(".sp-seed").count() == 1
    page.close()


def test_unsaved_work_can_be_kept_as_a_file(browser, tmp_path, start):
    keep(Recovery(tmp_path / "autosave"), 9)
    page = open_page(browser, start(tmp_path).address)
    page.wait_for_selector("text=There is unsaved work on 9")
    page.click("[data-command=aside]")
    page.wait_for_selector("text=The unsaved work is kept as unsaved-")
    [result] = tmp_path.glob("unsaved-*.seg.nrrd")
    assert read_mask(result)[0].any()
    assert unsaved(tmp_path) is None
    page.close()


def test_ctrl_c_ends_it_cleanly_and_says_that_work_is_kept(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    assert program.interrupt() == 0
    assert "Unsaved work is kept" in program.lines[-1]
    assert not [line for line in program.lines if "Traceback" in line], "\n".join(program.lines)
    page.close()


def test_what_was_drawn_during_a_run_is_kept_when_ctrl_c_ends_both(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    page.get_by_label("Slice views follow the run").uncheck()
    page.click("[data-slice='45']")
    page.wait_for_timeout(1000)
    page.keyboard.press("p")
    page.wait_for_selector(".sp-propagated", state="attached")
    stroke(page)
    # what the page says of it may be gone again, the slice stays
    page.wait_for_selector("[data-slice='45'].sp-seed, [data-slice='45'].sp-correction")
    assert program.interrupt() == 0
    assert not [line for line in program.lines if "Traceback" in line], "\n".join(program.lines)
    page.close()
    rows = unsaved_rows(tmp_path)
    drawn = [index for index, provenance in rows if provenance in ("seed", "correction")]
    assert len(drawn) == 2
    assert drawn[1] == 45
    on_drawn = unsaved_mask(tmp_path)[drawn]
    assert on_drawn.any(axis=(1, 2)).all()


def test_saved_work_is_not_offered_again(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    save(page)
    assert program.interrupt() == 0
    assert program.lines[-1] == "Ended."
    page.close()


def test_an_unusable_image_ends_it_with_a_sentence(tmp_path):
    done = run_command("app", tmp_path / "missing.nii.gz", "--no-browser")
    assert done.returncode == 2
    assert "missing.nii.gz" in done.stderr
    assert "Traceback" not in done.stderr
