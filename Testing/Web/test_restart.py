"""What happens to the work when the program ends: by Ctrl-C, or by a crash in the middle of a run."""

import os
import pty
import subprocess
import sys

from program import CHECKOUT
from web_bench import open_page


def paint(page):
    """A stroke in the middle of the sample's spleen."""
    page.wait_for_selector("[data-slice]", state="attached")
    page.wait_for_timeout(1500)
    page.mouse.move(845, 310)
    page.mouse.down()
    for x, y in ((848, 330), (845, 350), (838, 370), (850, 340)):
        page.mouse.move(x, y, steps=5)
    page.mouse.up()
    page.wait_for_selector(".sp-seed", state="attached")


def test_a_crash_during_a_run_loses_nothing_that_was_drawn(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    page.keyboard.press("p")
    page.wait_for_selector(".sp-propagated", state="attached")
    program.kill()
    page.close()
    again = start(tmp_path)
    page = open_page(browser, again.address)
    page.wait_for_selector("text=There is unsaved work on the sample")
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-seed", state="attached")
    assert page.locator(".sp-seed").count() == 1 and page.locator(".sp-propagated").count() == 0
    page.close()
    assert again.interrupt() == 0


def test_ctrl_c_ends_it_cleanly_and_says_that_work_is_kept(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    assert program.interrupt() == 0
    assert "Unsaved work is kept" in program.lines[-1] and not any("Traceback" in line for line in program.lines)
    page.close()


def test_saved_work_is_not_offered_again(browser, tmp_path, start):
    program = start(tmp_path, "sample")
    page = open_page(browser, program.address)
    paint(page)
    page.keyboard.press("Control+s")
    page.click("[data-command=write]")
    page.wait_for_selector("text=segmentation.slices.csv")
    assert program.interrupt() == 0 and program.lines[-1] == "Ended."
    page.close()


def test_an_unusable_image_ends_it_with_a_sentence(tmp_path):
    done = subprocess.run([sys.executable, "-m", "SlicePropagationLib.cli", "app", str(tmp_path / "missing.nii.gz"), "--no-browser"], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 2 and "missing.nii.gz" in done.stderr and "Traceback" not in done.stderr


def demo_on_a_terminal(out, *arguments):
    """Start the demo on a pseudo-terminal: (process, end of the terminal)."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "SlicePropagationLib.cli", "demo", "--out", str(out), "--engine", "copy", *arguments]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=theirs, stderr=theirs, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    os.close(theirs)
    return process, ours


def test_the_demo_on_a_terminal_writes_its_files_then_serves_the_sample(browser, tmp_path):
    process, terminal = demo_on_a_terminal(tmp_path)
    said = ""
    while "is at" not in said:
        said += os.read(terminal, 4096).decode()
    assert (tmp_path / "picture.png").exists()
    address = said.split("is at ")[1].split()[0]
    page = open_page(browser, address)
    page.wait_for_selector("text=the sample · 256×256×60 voxels")
    page.close()
    process.send_signal(2)
    assert process.wait(30) == 0


def test_without_a_terminal_the_demo_ends(tmp_path):
    command = [sys.executable, "-m", "SlicePropagationLib.cli", "demo", "--out", str(tmp_path), "--engine", "copy"]
    assert subprocess.run(command, cwd=CHECKOUT, capture_output=True, timeout=120).returncode == 0
    assert (tmp_path / "picture.png").exists()
