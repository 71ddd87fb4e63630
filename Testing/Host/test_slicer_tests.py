"""The tests that are made for desktop Slicer pass on the host too.

So does the module's own self test.
"""

import importlib.util
import unittest
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = CHECKOUT / "SlicePropagation" / "SlicePropagation.py"
FILES = sorted(CHECKOUT.joinpath("Testing", "Slicer").glob("*.py"))


def cases_of(path):
    """The unittest cases of a file, one a method."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    python = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(python)
    return unittest.defaultTestLoader.loadTestsFromModule(python)


def failures_of(suite):
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun > 0
    return [f"{case}\n{trace}" for case, trace in [*result.failures, *result.errors]]


@pytest.fixture
def module(application):
    """The extension's module, entered; cleaned up afterwards, as Slicer does it."""
    from host import slicerenv

    yield slicerenv.load_module(MODULE)
    slicerenv.unload_module(MODULE.stem)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_tests_for_slicer_pass_on_the_host(module, path):
    assert failures_of(cases_of(path)) == []


def test_the_self_test_of_the_module_passes_on_the_host(module):
    module[1].runTest(msec=0)


def test_each_of_them_is_registered_with_ctest():
    registered = CHECKOUT.joinpath("Testing", "Slicer", "CMakeLists.txt").read_text(
        encoding="utf-8"
    )
    assert FILES
    assert "*.py" in registered
    assert "slicer_add_python_unittest(SCRIPT ${SLICER_TEST})" in registered
