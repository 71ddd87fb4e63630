"""The module file with stand-ins for Slicer's Python base classes, and the headless script.

Everything else is real.
"""

import importlib.util
import subprocess
import sys
import types
import unittest
from pathlib import Path

import pytest
import SimpleITK as sitk
import slicer
import slicer.util
from case_files import make_case, read
from mrml_scene import makeScene

MODULE = Path(__file__).resolve().parents[2] / "SlicePropagation" / "SlicePropagation.py"
HEADLESS = MODULE.parent / "SlicePropagationMRML" / "headless.py"


def baseClasses():
    """The four base classes of slicer.ScriptedLoadableModule, with what the module uses of them."""

    def remember(self, parent=None):
        self.parent = parent

    classes = {
        name: type(name, (), {"__init__": remember})
        for name in (
            "ScriptedLoadableModule",
            "ScriptedLoadableModuleWidget",
            "ScriptedLoadableModuleLogic",
        )
    }
    classes["ScriptedLoadableModuleTest"] = type(
        "ScriptedLoadableModuleTest",
        (unittest.TestCase,),
        {"delayDisplay": lambda self, message: None},
    )
    return types.SimpleNamespace(**classes)


@pytest.fixture
def module(monkeypatch):
    """The module, loaded the way Slicer loads it."""
    scene, appLogic = makeScene()
    logic = slicer.vtkSlicerVolumesLogic()
    logic.SetMRMLScene(scene)
    monkeypatch.setattr(
        slicer,
        "app",
        types.SimpleNamespace(
            applicationLogic=lambda: appLogic,
            connect=lambda signal, function: None,
        ),
        raising=False,
    )
    i18n = types.SimpleNamespace(
        tr=lambda text: text,
        translate=lambda context, text: text,
    )
    timer = types.SimpleNamespace(singleShot=lambda milliseconds, function: None)
    for name, stand_in in {
        "slicer.ScriptedLoadableModule": baseClasses(),
        "slicer.i18n": i18n,
        "qt": types.SimpleNamespace(QTimer=timer),
    }.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
        if name.startswith("slicer."):  # where tests of the host came before, it is there, too
            monkeypatch.setattr(slicer, name.removeprefix("slicer."), stand_in, raising=False)
    spec = importlib.util.spec_from_file_location("SlicePropagation", MODULE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_module_says_where_it_belongs(module):
    parent = types.SimpleNamespace()
    module.SlicePropagation(parent)
    assert parent.title == "Slice Propagation"
    assert parent.categories == ["Segmentation"]


def test_the_self_test_of_the_module_passes(module):
    module.SlicePropagationTest().runTest()


def test_paths_are_appended_never_prepended(module, monkeypatch):
    monkeypatch.setattr(sys, "path", ["first"])
    module.addPaths()
    assert sys.path[0] == "first"
    assert str(MODULE.parent) in sys.path
    assert str(MODULE.parents[1]) in sys.path


def test_a_reload_forgets_our_packages_only(module, monkeypatch):
    monkeypatch.setattr(
        sys,
        "modules",
        {
            "SlicePropagationLib.errors": 1,
            "SlicePropagationMRML": 1,
            "numpy": 1,
        },
    )
    module.forgetPackages()
    assert sys.modules == {"numpy": 1}


def test_the_headless_script_is_the_command_line(tmp_path):
    case = make_case(tmp_path)
    arguments = [
        "propagate",
        "--image",
        str(case["image"]),
        "--seed",
        str(case["seed"]),
        "--quiet",
        "--out",
    ]
    done = subprocess.run(
        [sys.executable, "-I", str(HEADLESS), "--", *arguments, str(tmp_path / "headless.nii.gz")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    from SlicePropagationLib.commands.main import main

    assert main([*arguments, str(tmp_path / "cli.nii.gz")]) == 0
    assert (read(tmp_path / "headless.nii.gz") == read(tmp_path / "cli.nii.gz")).all()


def test_the_headless_script_passes_the_exit_code_on(tmp_path):
    failed = subprocess.run(
        [
            sys.executable,
            "-I",
            str(HEADLESS),
            "--",
            "batch",
            "--cases",
            "nowhere.csv",
            "--out",
            "o",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert failed.returncode == 2
    assert "nowhere.csv" in failed.stderr


def test_the_headless_script_goes_through_a_folder_of_ten_cases_and_says_how_far_it_is(tmp_path):
    lines = ["image,seed"]
    for number in range(10):
        folder = tmp_path / f"case{number}"
        folder.mkdir()
        case = make_case(folder)
        lines.append(f"{case['image']},{case['seed']}")
    (tmp_path / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["batch", "--cases", "cases.csv", "--engine", "copy", "--out", "results"]
    done = subprocess.run(
        [sys.executable, "-I", str(HEADLESS), "--", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert all(f"case{number}" in said for number in range(10))
    assert len(list((tmp_path / "results").glob("*.slices.csv"))) == 10


@pytest.mark.parametrize("engine", ["registration", None], ids=["registration", "the default"])
def test_the_command_line_and_the_nodes_give_the_same_voxels(bench, tmp_path, engine):
    import numpy as np

    from SlicePropagationLib.commands.main import main

    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.run(engine)
    image = sitk.GetImageFromArray(bench.stack.images)
    image.SetSpacing(bench.volume.GetSpacing())
    seed = sitk.GetImageFromArray(
        np.where((np.arange(16) == 7)[:, None, None], bench.truth, False).astype(np.uint8)
    )
    seed.CopyInformation(image)
    for name, content in {"image.nrrd": image, "seed.nrrd": seed}.items():
        sitk.WriteImage(content, str(tmp_path / name))
    assert (
        main(
            [
                "propagate",
                "--image",
                str(tmp_path / "image.nrrd"),
                "--seed",
                str(tmp_path / "seed.nrrd"),
                "--out",
                str(tmp_path / "o.nrrd"),
                "--quiet",
                *(["--engine", engine] if engine else []),
            ]
        )
        == 0
    )
    assert np.array_equal(read(tmp_path / "o.nrrd") > 0, bench.mask("disc"))
