"""Shipped weights are found in a checkout and in installations; where they are not, it is said."""

import logging
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import ENGINES, FALLBACK_ENGINE, lacking_weights, make_engine
from SlicePropagationLib.files import shipped_weights
from SlicePropagationLib.files.shipped_weights import find_model, has_model, model_folders

CHECKOUT = Path(__file__).resolve().parents[3]
WHEEL_FOLDER = Path("share/slice-propagation/Models")
OLDEST_SETUPTOOLS = 77  # as pyproject.toml asks for


def library_at(folder, monkeypatch):
    """Let the library lie in a folder, and no weights under this Python's prefix."""
    module = folder / "SlicePropagationLib" / "files" / "shipped_weights.py"
    monkeypatch.setattr(shipped_weights, "__file__", str(module))
    monkeypatch.setattr(sys, "prefix", str(folder / "nowhere"))
    monkeypatch.setattr("site.getuserbase", lambda: str(folder / "nowhere"))


def write_weights(folder):
    folder.mkdir(parents=True)
    path = folder / "mine.pt"
    path.write_bytes(b"weights")
    return path


@pytest.mark.parametrize(
    ("library", "weights"),
    [
        ("checkout", "checkout/Resources/Models"),
        ("target", f"target/{WHEEL_FOLDER}"),
        ("prefix/lib/python3.11/site-packages", f"prefix/{WHEEL_FOLDER}"),
        ("prefix/Lib/site-packages", f"prefix/{WHEEL_FOLDER}"),
    ],
    ids=["checkout", "pip --target", "pip --prefix", "pip --prefix on Windows"],
)
def test_weights_are_found_wherever_the_library_was_put(tmp_path, monkeypatch, library, weights):
    path = write_weights(tmp_path / weights)
    library_at(tmp_path / library, monkeypatch)
    assert has_model("mine")
    assert find_model("mine") == path


def test_weights_of_this_python_are_found_by_a_library_that_lies_elsewhere(tmp_path, monkeypatch):
    path = write_weights(tmp_path / "python" / WHEEL_FOLDER)
    library_at(tmp_path / "somewhere", monkeypatch)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    assert find_model("mine") == path


def test_no_folder_is_looked_in_twice():
    folders = model_folders()
    assert len(folders) == len(set(folders))


def can_build():
    try:
        newest = metadata.version("setuptools")
        metadata.version("pip")
    except metadata.PackageNotFoundError:
        return False
    return int(newest.split(".")[0]) >= OLDEST_SETUPTOOLS


@pytest.mark.skipif(
    not can_build(), reason=f"needs pip and setuptools {OLDEST_SETUPTOOLS} to build a wheel"
)
def test_pip_puts_weights_where_a_library_under_target_finds_them(tmp_path):
    sources = tmp_path / "sources"
    skipped = shutil.ignore_patterns("__pycache__", "Testing", "build", "*.egg-info", ".*", "docs")
    shutil.copytree(CHECKOUT, sources, ignore=skipped)
    target = tmp_path / "target"
    install = ["install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    run_python("-m", "pip", *install, "--target", target, sources, cwd=tmp_path)
    found = run_python(
        "-c",
        "from SlicePropagationLib.files.shipped_weights import find_model\n"
        "print(find_model('slice_unet'))",
        cwd=target,
    )
    assert Path(found) == target.resolve() / WHEEL_FOLDER / "slice_unet.pt"


def run_python(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def without_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped_weights, "model_folders", lambda: [tmp_path])


@pytest.fixture
def with_torch(monkeypatch):
    """As if PyTorch were installed; nothing here imports it."""
    monkeypatch.setattr("SlicePropagationLib.engines.util.find_spec", lambda name: object())


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr("SlicePropagationLib.engines.util.find_spec", lambda name: None)


def test_a_default_that_is_not_the_trained_network_is_said(without_weights, with_torch, caplog):
    with caplog.at_level(logging.WARNING):
        assert make_engine().name == FALLBACK_ENGINE
    assert "slice_unet.pt are not" in caplog.text
    assert "give a model file" in caplog.text


def test_an_engine_that_was_asked_for_is_no_reason_to_say_it(without_weights, with_torch, caplog):
    make_engine(FALLBACK_ENGINE)
    assert caplog.text == ""


def test_without_pytorch_nobody_waits_for_the_trained_network(without_weights, without_torch):
    assert lacking_weights() is None
    assert ENGINES["slice_unet"].missing == ("torch",)


def test_the_list_of_engines_says_why_the_default_is_not_trained(
    without_weights, with_torch, capsys
):
    assert main(["engines"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == lacking_weights()


def test_a_command_says_that_its_default_is_not_trained(without_weights, with_torch, caplog):
    missing = ["--image", "none.nii.gz", "--seed", "none.nii.gz", "--out", "out.nii.gz"]
    assert main(["propagate", *missing]) == 2
    assert caplog.text.count("slice_unet.pt are not") == 1
