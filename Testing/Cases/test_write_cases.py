"""The inputs of the cases are written the same every time, with a description that is complete."""

import json

import pytest

pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")
pytest.importorskip("pydicom", reason="needs pydicom, the extra 'test'")

from case_list import CASES, KINDS
from own_process import HERE, run_script
from write_cases import main, write_case


def contents(folder):
    """{name: bytes} of all files in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_the_same_bytes_every_time(tmp_path, name):
    first = contents(write_case(name, tmp_path / "first"))
    assert len(first) > 1
    assert contents(write_case(name, tmp_path / "second")) == first


@pytest.mark.parametrize("name", CASES)
def test_a_case_says_what_it_is_and_what_is_right(tmp_path, name):
    folder = write_case(name, tmp_path)
    description = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    assert all(description[key] for key in ("what", "input", "do", "expected"))
    assert description["kind"] in KINDS
    assert all((folder / path).exists() for path in description["input"])


def test_cases_are_written_by_hand_as_the_readme_says(tmp_path):
    done = run_script(tmp_path, "write_cases.py", tmp_path / "inputs", "labels-0.99999")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "inputs").iterdir()] == ["labels-0.99999"]


def test_a_case_that_is_not_there_is_refused_with_those_that_are(tmp_path, capsys):
    assert main([str(tmp_path), "no-such-case"]) == 2
    assert "labels-0.99999" in capsys.readouterr().err


@pytest.mark.parametrize("name", CASES)
def test_the_readme_tells_of_a_case_what_the_case_does(name):
    case = CASES[name]
    row = f"| `{name}` | {case.what} | {case.expected} | {case.kind} |"
    assert row in (HERE / "README.md").read_text(encoding="utf-8").splitlines()
