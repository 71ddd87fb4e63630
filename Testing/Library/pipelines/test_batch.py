import csv
import hashlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from case_files import make_case, read, write, write_dicom
from own_cluster import cluster_of_processes

from SlicePropagationLib import __version__, pipelines
from SlicePropagationLib.commands.main import main
from SlicePropagationLib.pipelines.batch import (
    BatchRequest,
    fingerprint,
    is_complete,
    read_cases,
    run_batch,
)
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file


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
    where = ["--cases", str(table), "--out", str(out)]
    return main(["batch", *where, "--no-pictures", *options])


def test_a_failed_case_is_named_and_the_others_are_done(table, tmp_path, capsys):
    assert batch(table, tmp_path / "out", "--engine", "copy") == 1
    output = capsys.readouterr().out
    assert "3 of 4 cases done, 1 failed" in output
    assert "p2.nii.gz" in output
    assert "seed.nii.gz" in output
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == [
        "p0.nii.gz",
        "p1.nii.gz",
        "p3.nii.gz",
    ]


def test_processes_give_the_same_voxels_as_one(table, tmp_path):
    assert batch(table, tmp_path / "one", "--quiet") == 1
    assert batch(table, tmp_path / "two", "--quiet", "--workers", "2") == 1
    for name in ("p0", "p1", "p3"):
        assert np.array_equal(
            read(tmp_path / "one" / f"{name}.nii.gz"),
            read(tmp_path / "two" / f"{name}.nii.gz"),
        )


def test_a_manifest_says_what_became_of_every_case_in_the_order_of_the_table(table, tmp_path):
    out = tmp_path / "out"
    batch(table, out, "--engine", "copy", "--quiet")
    with open(out / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "done", "failed", "done"]
    assert "p2" in rows[2]["error"]
    assert rows[0]["out"] == str(out / "p0.nii.gz")
    batch(table, out, "--engine", "copy", "--quiet", "--resume")
    assert (out / "manifest.csv").read_text(encoding="utf-8").count("already done") == 3


def test_a_manifest_of_an_interrupted_batch_is_whole(table, tmp_path):
    outcomes = run_batch(BatchRequest(table, tmp_path / "out", engine="copy"))
    next(outcomes)
    outcomes.close()
    text = (tmp_path / "out" / "manifest.csv").read_text(encoding="utf-8")
    assert text.count("waiting") == 3


def test_a_manifest_of_somebody_else_is_not_replaced(table, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.csv").write_text("name,price\n", encoding="utf-8")
    assert batch(table, tmp_path / "out", "--engine", "copy", "--quiet") == 2
    assert "was not written by this program" in capsys.readouterr().err
    assert not (tmp_path / "out" / "p0.nii.gz").exists()


def test_a_dask_cluster_gives_the_same_voxels(table, tmp_path):
    pytest.importorskip("distributed", reason="needs the extra `cluster`")
    batch(table, tmp_path / "one", "--quiet")
    with cluster_of_processes(tmp_path, 1) as cluster:
        assert (
            batch(table, tmp_path / "dask", "--quiet", "--scheduler", cluster.scheduler_address)
            == 1
        )
    for name in ("p0", "p1", "p3"):
        assert np.array_equal(
            read(tmp_path / "one" / f"{name}.nii.gz"),
            read(tmp_path / "dask" / f"{name}.nii.gz"),
        )


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
    cases = read_cases(BatchRequest(table, tmp_path / "out", engine="copy"))
    assert is_complete(cases[0])
    make_case(tmp_path / "p0", slices=(5,))
    assert not is_complete(cases[0])


def test_a_dicom_folder_is_a_case_like_any_other(tmp_path, capsys):
    write_dicom(tmp_path / "series")
    seed = np.zeros((4, 6, 5), np.uint8)
    seed[1, 2:4, 1:4] = 1
    write(
        tmp_path / "seed.nii.gz",
        seed,
        spacing=(0.5, 0.75, 2.0),
        origin=(0, 0, 0),
        direction=(1, 0, 0, 0, 1, 0, 0, 0, 1),
    )
    table = tmp_path / "cases.csv"
    table.write_text("image,seed,out\nseries,seed.nii.gz,out.nii.gz\n", encoding="utf-8")
    assert batch(table, tmp_path / "out", "--engine", "copy") == 0
    assert batch(table, tmp_path / "out", "--engine", "copy", "--resume") == 0
    assert "already done" in capsys.readouterr().err
    (tmp_path / "series" / "1.dcm").unlink()
    assert not is_complete(read_cases(BatchRequest(table, tmp_path / "out", engine="copy"))[0])


def test_resume_does_a_case_again_whose_voxels_changed_beside_their_header(tmp_path):
    make_case(tmp_path, suffix=".mhd")
    table = tmp_path / "cases.csv"
    table.write_text("image,seed,out\nimage.mhd,seed.mhd,out.nii.gz\n", encoding="utf-8")
    assert batch(table, tmp_path / "out", "--engine", "copy", "--quiet") == 0
    case = read_cases(BatchRequest(table, tmp_path / "out", engine="copy"))[0]
    assert is_complete(case)
    make_case(tmp_path, suffix=".mhd", slices=(5,))
    assert not is_complete(case)


def test_resume_does_a_case_again_whose_seed_was_replaced_while_it_was_done(
    table, tmp_path, monkeypatch
):
    def replace_when_done(case, on_step, **options):
        propagate_file(case, on_step, **options)
        make_case(tmp_path / "p0", slices=(5,))

    monkeypatch.setattr(pipelines.batch, "propagate_file", replace_when_done)
    case = read_cases(BatchRequest(table, tmp_path / "out", engine="copy"))[0]
    assert pipelines.batch.do_case(case).error is None
    assert not is_complete(case)


def test_resume_does_a_case_again_with_other_weights_in_the_same_model_file(tmp_path):
    case = make_case(tmp_path)
    model = tmp_path / "best.pt"
    model.write_bytes(b"first weights")
    one = PropagateRequest(
        str(case["image"]),
        str(case["seed"]),
        str(tmp_path / "out.nii.gz"),
        engine=str(model),
    )
    before = fingerprint(one)
    model.write_bytes(b"other weights")
    assert fingerprint(one) != before


def test_what_the_first_release_had_finished_is_not_done_again(tmp_path):
    """Its fingerprint was the hash of `repr((Case(...), version))` and of the files."""
    for name in ("image", "seed"):
        (tmp_path / name).write_bytes(name.encode())
    case = PropagateRequest(
        tmp_path / "image", tmp_path / "seed", "o.nii.gz", "k", (1, 5), engine="copy"
    )
    text = (
        "(Case(image='', seed='', out='', axis='k', span=(1, 5), engine='copy', device='auto',"
        f" anchors=None, history=None, frame=None), {__version__!r})imageseed"
    )
    assert fingerprint(case) == hashlib.sha256(text.encode()).hexdigest()


def test_a_killed_batch_goes_on_without_loss(table, tmp_path):
    out = tmp_path / "out"
    arguments = [
        sys.executable,
        "-m",
        "SlicePropagationLib.commands.main",
        "batch",
        "--cases",
        str(table),
        "--out",
        str(out),
        "--quiet",
    ]
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
    assert "2 times" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_in_the_place_of_an_input_of_another_row_is_refused(tmp_path, capsys):
    files = make_case(tmp_path)
    content = files["image"].read_bytes()
    (tmp_path / "other.nii.gz").write_bytes(content)
    rows = f"other.nii.gz,seed.nii.gz,{files['image']}\nimage.nii.gz,seed.nii.gz,p1.nii.gz\n"
    (tmp_path / "cases.csv").write_text(f"image,seed,out\n{rows}", encoding="utf-8")
    assert batch(tmp_path / "cases.csv", tmp_path / "out") == 2
    assert "the image or the seed of a row" in capsys.readouterr().err
    assert files["image"].read_bytes() == content


def test_outputs_whose_tables_and_records_would_be_the_same_files_are_refused(
    table,
    tmp_path,
    capsys,
):
    table.write_text(table.read_text(encoding="utf-8").replace("p1.nii.gz,k", "p0.seg.nrrd,k"))
    assert batch(table, tmp_path / "out") == 2
    assert "p0.seg.nrrd" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_outputs_that_differ_in_case_alone_are_one_file_on_windows_and_macos(
    table,
    tmp_path,
    capsys,
    monkeypatch,
):
    monkeypatch.setattr("SlicePropagationLib.pipelines.batch.IGNORES_CASE", True)
    table.write_text(table.read_text(encoding="utf-8").replace("p1.nii.gz,k", "P0.nii.gz,k"))
    assert batch(table, tmp_path / "out") == 2
    assert "P0.nii.gz" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "row, words",
    [
        ("p3/image.nii.gz", "no seed in row 5"),
        (",,late.nii.gz", "no image in row 5"),
        ("p3/image.nii.gz,p3/seed.nii.gz,x.nii.gz,z", "axis 'z' for p3/image"),
        ("p3/image.nii.gz,p3/seed.nii.gz,x.nii.gz,k,3-9", "p3/image.nii.gz: '3-9'"),
        ("p3/image.nii.gz,p3/seed.nii.gz,x.nii.gz,k,,more", "6 cells in row 5"),
    ],
)
def test_a_row_that_cannot_be_meant_is_named_before_anything_is_done(
    table,
    tmp_path,
    capsys,
    row,
    words,
):
    table.write_text(table.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    assert batch(table, tmp_path / "out") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_as_a_spreadsheet_writes_it_is_read(table, tmp_path, separator):
    text = "\ufeff" + table.read_text(encoding="utf-8").replace("\n", ",,\r\n") + ",,,,,,\r\n"
    table.write_text(text.replace(",", separator), encoding="utf-8")
    assert [case.image for case in read_cases(BatchRequest(table, tmp_path))] == [
        str(tmp_path / f"p{number}" / "image.nii.gz") for number in range(4)
    ]


def test_a_scheduler_that_is_not_there_is_refused(table, tmp_path, capsys):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert batch(table, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1") == 2
    assert "no Dask scheduler at tcp://127.0.0.1:1" in capsys.readouterr().err
    assert distributed


@pytest.mark.parametrize(
    "content,word",
    [("", "no"), ("image,mask\na,b\n", "image, mask"), ("image,seed\n", "0 rows")],
)
def test_a_table_without_the_columns_is_refused(tmp_path, capsys, content, word):
    path = tmp_path / "cases.csv"
    path.write_text(content, encoding="utf-8")
    assert batch(path, tmp_path / "out") == 2
    assert word in capsys.readouterr().err


def test_a_row_without_both_files_is_refused_by_its_number(tmp_path, capsys):
    (tmp_path / "cases.csv").write_text(
        "image,seed\na.nii.gz,b.nii.gz\na.nii.gz\n",
        encoding="utf-8",
    )
    assert batch(tmp_path / "cases.csv", tmp_path / "out") == 2
    assert "no seed in row 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_table_that_is_not_there_is_refused(tmp_path, capsys):
    assert batch(tmp_path / "nowhere.csv", tmp_path / "out") == 2
    assert "nowhere.csv" in capsys.readouterr().err
