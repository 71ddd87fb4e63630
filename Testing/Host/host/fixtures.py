"""What tests on the host ask for; a conftest imports these names."""

import pytest

WHY_QT = "the test host needs PySide6-Essentials and the system libraries of Qt's offscreen platform; Testing/set_up installs both"
WHY_SLICER = "needs slicer-core, Slicer's MRML libraries"


@pytest.fixture
def application():
    """slicer.app with an empty scene; the test fails when a slot raised or a name was used that Slicer does not have."""
    pytest.importorskip("PySide6.QtWidgets", reason=WHY_QT, exc_type=ImportError)
    slicer = pytest.importorskip("slicer", reason=WHY_SLICER)
    from host import classes, person, pqt, slicerenv
    app = slicerenv.bootstrap()
    slicer.mrmlScene = app.mrmlScene()
    slicer.mrmlScene.Clear()
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
