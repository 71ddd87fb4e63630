"""Killed, interrupted or fed with too much, the program leaves whole files and no process."""

import contextlib
import gzip
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from outcomes import anchors_of, read, rows_of
from own_process import environment, propagate_words, run_program, script
from small_case import DRAWN, write, write_small_case

MOVED = 7  # the slice of the second run's seed
MIB = 1024**2


def drawn_by_each_file(folder: Path, outlines: dict[int, np.ndarray]) -> set[int]:
    """The slices that labels, table and record of out.nii.gz say were drawn: one when they agree.

    A file that is not there says nothing.
    """
    found = set()
    if (folder / "out.nii.gz").exists():
        labels = read(folder / "out.nii.gz") > 0
        found.add(MOVED if np.array_equal(labels[MOVED], outlines[MOVED]) else DRAWN)
    if (folder / "out.slices.csv").exists():
        rows = rows_of(folder / "out.slices.csv")
        found |= {int(row["slice"]) for row in rows if row["provenance"] == "seed"}
    if (folder / "out.json").exists():
        found |= {int(index) for index in anchors_of(folder / "out.json")["1"]}
    return found


def test_a_kill_between_the_files_of_a_result_leaves_no_mixture_unnoticed(tmp_path):
    _, seed = write_small_case(tmp_path)
    moved = np.zeros_like(seed)
    moved[MOVED] = np.roll(seed[DRAWN], 3, axis=0)
    write(tmp_path / "moved.nii.gz", moved)
    outlines = {DRAWN: seed[DRAWN] > 0, MOVED: moved[MOVED] > 0}
    assert run_program(tmp_path, *propagate_words()).returncode == 0
    first = {path: path.read_bytes() for path in tmp_path.glob("out.*")}
    for number in range(1, 20):
        for path in tmp_path.glob("out.*"):
            path.unlink()
        for path, content in first.items():  # as the first run left them
            path.write_bytes(content)
        words = propagate_words(seed="moved.nii.gz")
        done = run_program(tmp_path, *words, how=("killed-at-rename", number))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        words = propagate_words(seed="out.nii.gz", out="next.nii.gz")
        going_on = run_program(tmp_path, *words, "--anchors", "out.slices.csv")
        is_noticed = going_on.returncode == 2 or going_on.stderr.strip()
        assert is_noticed or len(drawn_by_each_file(tmp_path, outlines)) == 1, f"rename {number}"
    assert number > 1


@pytest.mark.parametrize("name", ["scan.json", "scan.slices.csv"])
def test_a_file_that_no_run_wrote_is_not_replaced(tmp_path, name):
    write_small_case(tmp_path)
    text = '{"Manufacturer": "of a scanner", "EchoTime": 0.03}\n'
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = run_program(tmp_path, *propagate_words(out="scan.seg.nrrd"))
    assert done.returncode in (0, 2), done.stderr
    assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_the_workers_of_a_batch_that_was_killed_end(tmp_path):
    psutil = pytest.importorskip("psutil", reason="needs psutil, which distributed brings")
    write_small_case(tmp_path)
    rows = [f"image.nii.gz,seed.nii.gz,out{number}.nii.gz" for number in range(400)]
    table = "\n".join(["image,seed,out", *rows]) + "\n"
    (tmp_path / "cases.csv").write_text(table, encoding="utf-8")
    files = ["--cases", "cases.csv", "--out", "out"]
    words = ["batch", *files, "--workers", "2", "--engine", "registration", "--quiet"]
    batch = subprocess.Popen(
        script("start_program.py", "plainly", *words),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    workers = []
    try:
        until_there(tmp_path / "out", "*.nii.gz")
        workers = psutil.Process(batch.pid).children(recursive=True)
        batch.kill()
        batch.wait()
        assert len(workers) >= 2
        _, left = psutil.wait_procs(workers, timeout=10)
        assert left == []
    finally:
        for process in (batch, *workers):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def until_there(folder: Path, pattern: str) -> None:
    """Wait for a first file, for a minute at most."""
    end = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("name", ["numpy", "SimpleITK"])
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(tmp_path, name):
    write_small_case(tmp_path)
    done = run_program(tmp_path, *propagate_words(), how=("interrupted-at-import", name))
    assert "Traceback" not in done.stderr
    assert done.returncode in (130, -signal.SIGINT)


def peak_mib(folder: Path, *words: str) -> int:
    """The most memory that a run of the program had."""
    done = run_program(folder, *words, how=("measured", "peak.txt"))
    assert done.returncode in (0, 2), done.stderr
    return int((folder / "peak.txt").read_text(encoding="utf-8"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux tells it")
def test_a_small_file_cannot_be_unpacked_to_more_than_its_header_says(tmp_path):
    write_small_case(tmp_path)
    with gzip.open(tmp_path / "image.nii.gz") as file:
        image = file.read()
    with gzip.open(tmp_path / "bomb.nii.gz", "wb", compresslevel=6) as bomb:
        bomb.write(image)
        for _ in range(300):
            bomb.write(bytes(MIB))
    assert (tmp_path / "bomb.nii.gz").stat().st_size < MIB
    usual = peak_mib(tmp_path, *propagate_words())
    assert peak_mib(tmp_path, *propagate_words("bomb.nii.gz")) < usual + 200


@pytest.mark.parametrize("name", ["argparse", "SlicePropagationLib.commands.main"])
def test_ctrl_c_before_the_first_command_is_known_ends_like_a_later_one(tmp_path, name):
    done = run_program(tmp_path, "engines", how=("interrupted-at-import", name))
    assert done.returncode == 130
    assert done.stderr == "slice-propagation: interrupted.\n"


def test_ctrl_c_that_python_loses_while_it_tidies_up_ends_the_program(tmp_path):
    write_small_case(tmp_path)
    done = run_program(tmp_path, *propagate_words(), how=("interrupted-in-a-finalizer", "numpy"))
    assert "Traceback" not in done.stderr
    assert done.returncode == 130
