"""Where something that the page needs is not installed, the program says what, and what to do.

The rest of it works.
"""

import os
import pty
import shutil
import subprocess
import sys

import pytest
from program import CHECKOUT, command, environment

RUN = """
import sys
sys.modules.update(dict.fromkeys({blocked!r}))
from SlicePropagationLib.commands.main import main
sys.exit(main({arguments!r}))
"""


def without(blocked, *arguments):
    """What starts a command of the program with some packages as if they were not there."""
    texts = [str(argument) for argument in arguments]
    return [sys.executable, "-c", RUN.format(blocked=blocked, arguments=texts)]


def run(blocked, *arguments, path=None):
    """A command in a process of its own, without some packages, or with others in front of them."""
    return subprocess.run(
        without(blocked, *arguments),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        env=environment(path),
        timeout=120,
    )


@pytest.mark.parametrize(
    "blocked, named",
    [
        (["trame_slicer"], "The page needs trame-slicer, which is not installed"),
        (["slicer"], "The page needs slicer-core, which is not installed"),
        (
            ["slicer", "trame_slicer"],
            "The page needs slicer-core and trame-slicer, which are not installed",
        ),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_the_remedy(tmp_path, blocked, named):
    done = run(blocked, "app", "--no-browser", "--out", tmp_path)
    assert done.returncode == 2
    assert named in done.stderr
    assert "slice-propagation[app]" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_a_package_cannot_load_is_named(tmp_path):
    broken = tmp_path / "trame_slicer"
    broken.mkdir()
    code = "raise ImportError('libX11.so.6: cannot open shared object file')"
    (broken / "__init__.py").write_text(code, encoding="utf-8")
    done = run([], "app", "--no-browser", "--out", tmp_path / "out", path=tmp_path)
    assert done.returncode == 2
    assert "libX11.so.6" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_writes_its_files_and_then_says_what_is_missing(tmp_path):
    ours, theirs = pty.openpty()
    done = subprocess.run(
        without(["trame_slicer"], "demo", "--engine", "copy", "--out", tmp_path),
        cwd=CHECKOUT,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        timeout=120,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    assert (tmp_path / "picture.png").exists()
    assert "The results are written. The page needs trame-slicer" in done.stderr


HIDE = """
for file in $(ldconfig -p | grep -oE '/[^ ]*lib(EGL|OSMesa|GLX|GL)[._][^ ]*')
do mount --bind /dev/null "$file" || exit 99
done
unset DISPLAY
exec "$@"
"""
CANNOT_HIDE = 99


def can_hide():
    """Whether libraries can be hidden from a process here."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(
    not can_hide(),
    reason="needs the right to hide libraries from a process (unshare -m)",
)
def test_without_a_library_that_draws_it_says_which_one_to_install(tmp_path):
    page = command("app", "sample", "--no-browser", "--out", tmp_path)
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", HIDE, "hide", *page],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
    )
    if done.returncode == CANNOT_HIDE:
        pytest.skip("The libraries cannot be hidden here.")
    assert done.returncode == 2
    assert "apt-get install libegl1" in done.stderr
    assert "Traceback" not in done.stderr
