"""The command `app`: what the command line finds by entry point, and how little that costs."""

import argparse
import subprocess
import sys
import tomllib
from importlib import import_module

import numpy as np
import pytest
import SimpleITK as sitk
from program import CHECKOUT, environment
from SlicePropagationWeb import command, serve
from SlicePropagationWeb.limits import DEFAULT_PORT, MAX_UPLOAD_BYTES

from SlicePropagationLib.errors import ConfigError, InputError

ADD = """
import argparse, sys
from SlicePropagationWeb.command import add_app
add_app(argparse.ArgumentParser().add_subparsers())
print(*{name.partition(".")[0] for name in sys.modules})
"""
HEAVY = {"trame", "trame_slicer", "slicer", "vtkmodules", "aiohttp", "torch"}


@pytest.fixture
def served(monkeypatch):
    """[(arguments, options)] of each time that the page would have been served."""
    calls = []

    def note(*arguments, **options):
        calls.append((arguments, options))

    monkeypatch.setattr(serve, "serve", note)
    return calls


def parse(*words):
    """The namespace of `slice-propagation app WORDS`."""
    parser = argparse.ArgumentParser()
    command.add_app(parser.add_subparsers())
    return parser.parse_args(["app", *words])


def test_the_command_is_added_without_importing_what_the_page_is_made_of():
    done = subprocess.run(
        [sys.executable, "-c", ADD],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    imported = set(done.stdout.split())
    assert "SlicePropagationWeb" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize(
    "group, name, function",
    [
        ("slice_propagation.commands", "app", command.add_app),
        ("slice_propagation.page", "serve", command.serve_page),
    ],
)
def test_the_library_finds_the_command_and_the_page_by_entry_point(group, name, function):
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text)["project"]["entry-points"]
    module, _, attribute = groups[group][name].partition(":")
    assert getattr(import_module(module), attribute) is function


def test_without_options_an_empty_page_is_served_on_this_machine(served):
    arguments = parse()
    assert arguments.command(arguments) == 0
    [(values, options)] = served
    assert values == (None, "slice-propagation", "127.0.0.1", None)
    assert options.pop("report")
    assert options.pop("first") is None
    assert options == {
        "segmentation": None,
        "cases": None,
        "results": None,
        "annotator": None,
        "data": [],
        "opens_browser": True,
        "max_upload_bytes": MAX_UPLOAD_BYTES,
        "demands_token": True,
        "certificate": None,
        "key": None,
    }


def test_every_option_reaches_the_page(served):
    arguments = parse(
        "chest.nii.gz",
        "--segmentation=mine.seg.nrrd",
        "--cases=week.csv",
        "--results=made",
        "--annotator=first reader",
        "--host=0.0.0.0",
        "--port=80",
        "--no-browser",
        "--out=here",
        "--data=a",
        "--data=b",
        "--max-upload=30",
        "--no-token",
        "--certificate=page.pem",
        "--key=page.key",
    )
    arguments.command(arguments)
    [(values, options)] = served
    assert values == ("chest.nii.gz", "here", "0.0.0.0", 80)
    del options["report"]
    assert options.pop("first").source == "chest.nii.gz"
    assert options == {
        "segmentation": "mine.seg.nrrd",
        "cases": "week.csv",
        "results": "made",
        "annotator": "first reader",
        "data": ["a", "b"],
        "opens_browser": False,
        "max_upload_bytes": 30 * 1024**2,
        "demands_token": False,
        "certificate": "page.pem",
        "key": "page.key",
    }


def test_the_image_is_being_read_while_what_serves_it_is_imported(served, tmp_path):
    path = tmp_path / "image.nrrd"
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    command.serve_page(path, "out")
    [(_, options)] = served
    assert np.array_equal(options["first"].volume().array, voxels)


def test_an_image_that_cannot_be_read_is_refused_by_who_waits_for_it(served, tmp_path):
    command.serve_page(tmp_path / "missing.nrrd", "out")
    [(_, options)] = served
    with pytest.raises(InputError, match="missing.nrrd"):
        options["first"].volume()


def test_what_the_page_reports_is_printed(served, capsys):
    command.serve_page("sample", "out")
    [(_, options)] = served
    options["report"]("Ended.")
    assert capsys.readouterr().out == "Ended.\n"


def test_the_help_names_the_port_that_the_page_takes(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    printed = capsys.readouterr().out
    text = " ".join(printed.split())
    assert f"port to listen on (default {DEFAULT_PORT}, or a free one)" in text
    assert "largest upload (default 4096)" in text


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(command.PACKAGES, "not_there", "not-there")
    with pytest.raises(ConfigError, match="The page needs not-there, which is not installed"):
        command.check_installed()
