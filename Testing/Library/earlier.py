"""What tests of earlier versions share: their files, copied to where a test works."""

import json
import os
import shutil
from pathlib import Path

import pytest

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.pipelines.result_files import versions

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures" / "6ded416"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(name="earlier")
def earlier_files(tmp_path, monkeypatch):
    """A copy of the files, in which the test works; records name files relative to it."""
    folder = tmp_path / "earlier"
    shutil.copytree(FIXTURES, folder)
    monkeypatch.chdir(folder)
    return folder


def run(*arguments):
    """A command of the command line, which must work."""
    assert main([*arguments, "--quiet"]) == 0


def read_json(path):
    """What a JSON file holds."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


# Voxels of `gone_on`: since 2026-11-29 a structure closes sooner where an empty slice is near.
CLOSES_SOONER = 5


def most_different(record, stored):
    """How many voxels may differ: none with the packages of then, few with others."""
    then = {
        **record["versions"],
        "slice-propagation": "",
        "python": "",
    }
    now = {
        **versions(),
        "slice-propagation": "",
        "python": "",
    }
    return 0 if then == now else int(0.02 * (stored > 0).sum())


def touch_as_then():
    """Give the evaluated files the time of their last change, which copies do not keep."""
    ((_, image_time), (_, label_time)) = read_json("evaluate/out/files.json")["discs/one"]
    os.utime("image.nii.gz", ns=(image_time, image_time))
    os.utime("truth.nii.gz", ns=(label_time, label_time))


def evaluate_anew(engines):
    """The evaluation of the fixtures in a folder of its own, of some engines."""
    where = ("--cases", "evaluate/cases.csv", "--out", "evaluate/new", "--device", "cpu")
    run("evaluate", *where, "--engines", engines, "--shots", "1,2")
