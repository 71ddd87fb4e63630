"""The demo as a person starts it: on a terminal it goes on with the page, elsewhere it ends."""

import os
import pty
import subprocess

from program import CHECKOUT, command, environment, run_command
from web_bench import open_page


def demo_on_a_terminal(out):
    """Start the demo on a pseudo-terminal: (process, end of the terminal)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("demo", "--out", out, "--engine", "copy"),
        cwd=CHECKOUT,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
    )
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
    done = run_command("demo", "--out", tmp_path, "--engine", "copy")
    assert done.returncode == 0
    assert (tmp_path / "picture.png").exists()
