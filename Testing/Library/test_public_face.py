"""What `from SlicePropagationLib import ...` offers, and that it costs nothing until asked for."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import SlicePropagationLib

SOURCE = Path(SlicePropagationLib.__file__)
PROMISED = {
    "SliceStack",
    "AnnotationSession",
    "propagate",
    "plan_session",
    "make_engine",
    "propagate_file",
    "PropagateRequest",
    "propagate_frames",
    "run_batch",
    "BatchRequest",
    "compare_results",
    "CompareRequest",
    "evaluate",
    "EvaluateRequest",
    "simulate_file",
    "SimulateRequest",
    "train",
    "TrainRequest",
    "segment_file",
    "SegmentRequest",
    "superresolve_file",
    "SuperresolveRequest",
    "pseudo_label_file",
    "PseudoLabelRequest",
    "run_demo",
    "DemoRequest",
}
NEEDS_TORCH = {"train", "TrainRequest"}


def test_the_promised_names_are_listed_and_complete_themselves():
    assert set(SlicePropagationLib.__all__) == PROMISED
    assert set(dir(SlicePropagationLib)) >= PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_promised_name_is_there(name):
    if name in NEEDS_TORCH:
        pytest.importorskip("torch")
    found = getattr(SlicePropagationLib, name)
    assert found.__name__ == name
    assert inspect.getdoc(found)


def test_checkers_see_the_modules_that_the_names_come_from():
    imported = {
        alias.name: node.module.removeprefix("SlicePropagationLib.")
        for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("SlicePropagationLib.")
        for alias in node.names
    }
    assert imported == SlicePropagationLib._HOMES


def test_a_name_that_is_not_there_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="no attribute 'propagete'"):
        _ = SlicePropagationLib.propagete
    with pytest.raises(ImportError):
        from SlicePropagationLib import propagete  # noqa: F401


@pytest.mark.parametrize("module", ["propagation", "evaluation", "training", "files"])
def test_no_name_of_the_face_hides_a_room(module):
    assert module not in SlicePropagationLib.__all__


def test_importing_the_package_imports_nothing_else():
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import SlicePropagationLib\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=SOURCE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['SlicePropagationLib']"
