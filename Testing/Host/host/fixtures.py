"""What tests on the host ask for; a conftest imports these names."""

import importlib.util

import pytest

WHY_QT = (
    "the test host needs PySide6-Essentials and the system libraries of Qt's offscreen platform;"
    " Testing/set_up installs both"
)
WHY_SLICER = "needs slicer-core, Slicer's MRML libraries"


def why_not():
    """Why the host cannot start here; empty when it can."""
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        return f"{WHY_QT} ({error})"
    return "" if importlib.util.find_spec("slicer") else WHY_SLICER


class SkippedModule(pytest.Module):
    """A file of tests that is not imported, since its imports would fail."""

    def collect(self):
        pytest.skip(why_not(), allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """In a conftest.

    The files of that folder are skipped, with the reason, where the host cannot start.
    """
    return SkippedModule.from_parent(parent, path=module_path) if why_not() else None


@pytest.fixture
def application():
    """slicer.app with an empty scene.

    The test fails when a slot raised or a name was used that Slicer does not have.
    """
    pytest.importorskip("PySide6.QtWidgets", reason=WHY_QT, exc_type=ImportError)
    slicer = pytest.importorskip("slicer", reason=WHY_SLICER)
    from host import classes, person, pqt, slicerenv

    app = slicerenv.bootstrap()
    slicer.mrmlScene = app.mrmlScene()
    slicer.mrmlScene.Clear()
    for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
        app.layoutManager().sliceWidget(name).mrmlSliceNode().SetOrientation(orientation)
    for noted in (pqt.violations, slicerenv.slot_errors, classes.stub_calls):
        noted.clear()
    yield app
    for name in slicer.app.moduleManager().modulesNames():
        if hasattr(slicer.modules, f"{name}Instance"):
            slicerenv.unload_module(name)
    slicer.mrmlScene.Clear()
    person.turns()
    assert slicerenv.slot_errors == []
    assert pqt.violations == []
