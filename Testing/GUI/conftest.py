"""The panel on the test host: real Qt, real MRML nodes, a scripted person."""

from pathlib import Path

import pytest
from host.fixtures import pytest_pycollect_makemodule  # noqa: F401

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "SlicePropagation"


@pytest.fixture(scope="session")
def application():
    """The host, checking our module's code against what Slicer offers."""
    from host import slicerenv

    return slicerenv.bootstrap(check_prefix=[MODULE_FOLDER])


@pytest.fixture(scope="session")
def main_window(application):
    """The main window, found once."""
    import slicer

    return slicer.util.mainWindow()


@pytest.fixture(autouse=True)
def known_main_window(main_window, monkeypatch):
    """Nobody searches for the main window.

    The search through all top-level widgets meets some that PySide6 is about to delete.
    """
    import slicer

    monkeypatch.setattr(slicer.util, "mainWindow", lambda: main_window)


@pytest.fixture
def annotator(application):
    """A person in front of the module in an empty scene.

    Afterwards nothing was asked of Slicer that it does not have, and no slot failed.
    """
    import slicer
    from annotator import MODULE, Annotator
    from host import pqt, slicerenv

    slicer.mrmlScene = application.mrmlScene()
    slicer.mrmlScene.Clear(False)
    pqt.violations.clear()
    slicerenv.slot_errors.clear()
    slicer.util.mainWindow().resize(420, 1500)
    slicer.util.mainWindow().show()
    widget = slicerenv.load_module(MODULE_FOLDER / "SlicePropagation.py")[2]
    person = Annotator(widget)
    yield person
    slicer.mrmlScene.Clear(False)
    if widget.root is not None:  # not reloaded
        widget.root.setMRMLScene(None)
    slicerenv.unload_module(MODULE)
    assert pqt.violations == []
    assert slicerenv.slot_errors == []


@pytest.fixture
def drawn(annotator):
    """A person who drew slice 7 of a drifting disc."""
    from phantoms import drifting_disc

    annotator.stack, annotator.truth = drifting_disc()
    annotator.load(annotator.stack)
    annotator.segment = annotator.add_segment()
    annotator.draw(7, annotator.truth[7])
    return annotator


@pytest.fixture
def seeded(drawn):
    """The same person, who walks with the copying engine."""
    drawn.choose(drawn.ui.engineComboBox, "Copy (baseline)")
    return drawn
