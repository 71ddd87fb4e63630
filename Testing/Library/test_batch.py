import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from SlicePropagationLib.batch import is_complete, read_cases
from SlicePropagationLib.cli import main
from files import make_case, read


@pytest.fixture
def table(tmp_path):
    """Four cases; the third's seed is missing."""
    lines = ["image,seed,out,axis,range"]
    for number in range(4):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        make_case(folder, slices=(6 + number,))
        lines.append(f"p{number}/image.nii.gz,p{number}/seed.nii.gz,p{number}.nii.gz,k,")
    (tmp_path / "p2" / "seed.nii.gz").unlink()
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def batch(table, out, *options):
    return main(["batch", "--cases", str(table), "--out", str(out), *options])


def test_a_failed_case_is_named_and_the_others_are_done(table, tmp_path, capsys):
    assert batch(table, tmp_path / "out", "--engine", "copy") == 1
    output = capsys.readouterr().out
    assert "3 of 4 cases done, 1 failed" in output and "p2.nii.gz" in output and "seed.nii.gz" in output
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == ["p0.nii.gz", "p1.nii.gz", "p3.nii.gz"]


def test_processes_give_the_same_voxels_as_one(table, tmp_path):
    assert batch(table, tmp_path / "one", "--quiet") == 1
    assert batch(table, tmp_path / "two", "--quiet", "--workers", "2") == 1
    for name in ("p0", "p1", "p3"):
        assert np.array_equal(read(tmp_path / "one" / f"{name}.nii.gz"), read(tmp_path / "two" / f"{name}.nii.gz"))


def test_a_dask_cluster_gives_the_same_voxels(table, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    batch(table, tmp_path / "one", "--quiet")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        assert batch(table, tmp_path / "dask", "--quiet", "--scheduler", cluster.scheduler_address) == 1
    for name in ("p0", "p1", "p3"):
        assert np.array_equal(read(tmp_path / "one" / f"{name}.nii.gz"), read(tmp_path / "dask" / f"{name}.nii.gz"))


def test_resume_does_only_what_is_missing(table, tmp_path, capsys):
    batch(table, tmp_path / "out", "--engine", "copy")
    before = (tmp_path / "out" / "p0.nii.gz").stat().st_mtime_ns
    (tmp_path / "out" / "p1.nii.gz").unlink()
    make_case(tmp_path / "p2")
    capsys.readouterr()
    assert batch(table, tmp_path / "out", "--engine", "copy", "--resume") == 0
    assert capsys.readouterr().err.count("already done") == 2
    assert (tmp_path / "out" / "p0.nii.gz").stat().st_mtime_ns == before
    assert (tmp_path / "out" / "p1.nii.gz").is_file()


def test_resume_does_a_case_again_whose_seed_changed(table, tmp_path):
    batch(table, tmp_path / "out", "--engine", "copy", "--quiet")
    cases = read_cases(table, tmp_path / "out", engine="copy", device="auto")
    assert is_complete(cases[0])
    make_case(tmp_path / "p0", slices=(5,))
    assert not is_complete(cases[0])


def test_a_killed_batch_goes_on_without_loss(table, tmp_path):
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "SlicePropagationLib.cli", "batch", "--cases", str(table), "--out", str(out), "--quiet"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (out / "p0.done.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done_before = {path.name: path.read_bytes() for path in out.glob("*.done.json")}
    assert batch(table, out, "--quiet", "--resume") == 1
    assert {"p0.nii.gz", "p1.nii.gz", "p3.nii.gz"} <= {path.name for path in out.glob("*.nii.gz")}
    assert all((out / name).read_bytes() == content for name, content in done_before.items())


def test_the_same_output_twice_is_refused_before_anything_is_done(table, tmp_path, capsys):
    table.write_text(table.read_text(encoding="utf-8").replace("p1.nii.gz,k", "p0.nii.gz,k"))
    assert batch(table, tmp_path / "out") == 2
    assert "2 times" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("content,word", [("", "no"), ("image,mask\na,b\n", "image, mask"), ("image,seed\n", "0 rows")])
def test_a_table_without_the_columns_is_refused(tmp_path, capsys, content, word):
    path = tmp_path / "cases.csv"
    path.write_text(content, encoding="utf-8")
    assert batch(path, tmp_path / "out") == 2
    assert word in capsys.readouterr().err


def test_a_row_without_both_files_is_refused_by_its_number(tmp_path, capsys):
    (tmp_path / "cases.csv").write_text("image,seed\na.nii.gz,b.nii.gz\na.nii.gz\n", encoding="utf-8")
    assert batch(tmp_path / "cases.csv", tmp_path / "out") == 2
    assert "no seed in row 2" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_table_of_a_spreadsheet_that_begins_with_a_mark_is_read(table, tmp_path):
    names = [case.out for case in read_cases(table, tmp_path)]
    table.write_text(table.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert [case.out for case in read_cases(table, tmp_path)] == names


def test_a_table_that_is_not_there_is_refused(tmp_path, capsys):
    assert batch(tmp_path / "nowhere.csv", tmp_path / "out") == 2
    assert "nowhere.csv" in capsys.readouterr().err
