"""A result is of one run, and replaces nothing that is not of this program."""

import json
import os
import subprocess
import sys

import pytest
from case_files import make_case

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError, OutputError
from SlicePropagationLib.files import atomic
from SlicePropagationLib.files.record import check_places, check_whole, is_whole, read_record
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file


@pytest.fixture
def result(tmp_path):
    """out.nii.gz with its table and record."""
    make_case(tmp_path)
    propagate_file(request(tmp_path))
    return tmp_path


def request(folder, out="out.nii.gz", **options):
    files = {"image": folder / "image.nii.gz", "seed": folder / "seed.nii.gz"}
    return PropagateRequest(**(files | options), out=folder / out, engine="copy")


def damage(path):
    """Other content of the same length."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_record_names_labels_and_table_by_their_content(result):
    files = read_record(result / "out.json")["files"]
    assert sorted(files) == ["out.nii.gz", "out.slices.csv"]
    assert is_whole(result / "out.json")


@pytest.mark.parametrize("name", ["out.nii.gz", "out.slices.csv"])
def test_a_file_of_another_run_is_refused_with_what_to_do(result, name):
    damage(result / name)
    assert not is_whole(result / "out.json")
    with pytest.raises(InputError, match="Do the run again"):
        check_whole(result / "out.nii.gz", result / "out.slices.csv")


def test_a_changed_result_under_another_name_is_gone_on_with(result):
    (result / "out.nii.gz").rename(result / "edited.nii.gz")
    (result / "out.slices.csv").rename(result / "edited.slices.csv")
    changed = {"seed": result / "edited.nii.gz", "anchors": result / "edited.slices.csv"}
    propagate_file(request(result, "next.nii.gz", **changed))
    assert is_whole(result / "next.json")


def test_a_record_of_an_earlier_version_counts_as_whole(result):
    record = read_record(result / "out.json")
    del record["files"]
    (result / "out.json").write_text(json.dumps(record), encoding="utf-8")
    damage(result / "out.nii.gz")
    check_whole(result / "out.nii.gz")


def test_a_batch_does_a_case_again_whose_labels_are_of_another_run(tmp_path, capsys):
    make_case(tmp_path)
    table = tmp_path / "cases.csv"
    table.write_text("image,seed,out\nimage.nii.gz,seed.nii.gz,one.nii.gz\n", encoding="utf-8")
    words = ["batch", "--cases", str(table), "--out", str(tmp_path), "--engine", "copy", "--resume"]
    assert main(words) == 0
    good = (tmp_path / "one.nii.gz").read_bytes()
    damage(tmp_path / "one.nii.gz")
    assert main(words) == 0
    assert (tmp_path / "one.nii.gz").read_bytes() == good
    assert "already done" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, text",
    [
        ("out.json", '{"EchoTime": 0.03}'),
        ("out.json", "no record at all"),
        ("out.json", ""),
        ("out.slices.csv", "a,b\n1,2\n"),
        ("out.slices.csv", ""),
    ],
)
def test_a_file_of_something_else_is_not_replaced(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match="not written by this program"):
        check_places(tmp_path / "out.nii.gz")


@pytest.mark.parametrize("out, voxels", [("out.mhd", "out.zraw"), ("out.nhdr", "out.raw.gz")])
def test_voxels_of_something_else_are_not_replaced_but_those_of_a_result_are(tmp_path, out, voxels):
    make_case(tmp_path)
    (tmp_path / voxels).write_bytes(b"precious")
    with pytest.raises(OutputError, match="not written by this program"):
        propagate_file(request(tmp_path, out))
    (tmp_path / voxels).unlink()
    propagate_file(request(tmp_path, out))
    assert (tmp_path / voxels).is_file()
    propagate_file(request(tmp_path, out))


@pytest.mark.parametrize("kind, name", [("stl", "out.1.stl"), ("rtstruct", "out.rtstruct.dcm")])
def test_an_export_replaces_nothing_of_something_else(tmp_path, kind, name):
    make_case(tmp_path)
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(OutputError, match="not written by this program"):
        propagate_file(request(tmp_path, exports=(kind,)))
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("source", ["image", "seed"])
def test_an_earlier_scan_is_not_replaced(tmp_path, source):
    files = make_case(tmp_path)
    content = files[source].read_bytes()
    earlier = {"seed": None, "earlier": files["seed"], "earlier_image": files["image"]}
    image = tmp_path / "later.nii.gz"
    image.write_bytes(files["image"].read_bytes())
    with pytest.raises(InputError, match="earlier"):
        propagate_file(request(tmp_path, files[source].name, image=image, **earlier))
    assert files[source].read_bytes() == content


def test_a_name_that_is_too_long_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(OutputError, match="too long"):
        propagate_file(request(tmp_path, f"{'x' * 247}.nii.gz"))


@pytest.mark.parametrize("name", ["out.nii.gz", "out.json"])
def test_a_link_is_refused_with_where_it_leads(tmp_path, name):
    try:
        os.symlink("elsewhere", tmp_path / name)
    except (OSError, NotImplementedError):
        pytest.skip("This system or user makes no links.")
    with pytest.raises(OutputError, match="elsewhere"):
        check_places(tmp_path / "out.nii.gz")


def left_by(code, folder):
    """A temporary folder that another process made; the process, ended or not."""
    program = (
        "from SlicePropagationLib.files.atomic import own_prefix\n"
        f"import os, sys, tempfile\ntempfile.mkdtemp(prefix=own_prefix(), dir={str(folder)!r})\n"
        f"print(flush=True)\n{code}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    return process


def test_what_a_killed_program_left_is_cleared_and_what_a_living_one_writes_is_not(tmp_path):
    left_by("os.kill(os.getpid(), 9) if os.name != 'nt' else os._exit(9)", tmp_path).wait()
    living = left_by("sys.stdin.read()", tmp_path)
    try:
        with atomic.atomic_folder(tmp_path) as partial:
            there = {path.name for path in tmp_path.iterdir()}
            assert partial.name in there
            assert len(there) == 2
        assert len(list(tmp_path.iterdir())) == 1
    finally:
        living.communicate()


def test_a_record_comes_last_where_the_clock_is_coarse(tmp_path, monkeypatch):
    renamed = []
    replace = os.replace
    monkeypatch.setattr(
        atomic.os, "replace", lambda a, b: (renamed.append(b.name), replace(a, b))[1]
    )
    with atomic.atomic_folder(tmp_path) as partial:
        for name in ("a.json", "b.nii", "c.csv"):
            write_at(partial / name, 1_000_000_000)
    assert renamed[-1] == "a.json"


def write_at(path, moment):
    path.write_text("{}", encoding="utf-8")
    os.utime(path, (moment, moment))


def test_a_folder_below_a_file_is_refused_before_anything_is_computed(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        atomic.check_writable(tmp_path / "file" / "out")


def test_a_look_at_a_folder_leaves_nothing_there(tmp_path):
    atomic.check_writable(tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == []
