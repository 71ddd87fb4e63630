"""The panel on the test host: real Qt, real MRML nodes, a scripted person."""

import ctypes
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="needs PySide6, the Qt that the test host stands on")
pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

HERE = Path(__file__).resolve().parent
MODULE_FOLDER = HERE.parents[1] / "SlicePropagation"
for folder in (HERE, HERE.parent / "Host"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def keep_none_alive():
    """PySide6 gives one reference to None too many back, now and then; before Python 3.12, that ends a long process."""
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40


@pytest.fixture(scope="session")
def application(tmp_path_factory):
    """The host, checking our module's code against what Slicer offers; it can read scenes in one file, which needs a cache folder."""
    from host import slicerenv
    keep_none_alive()
    application = slicerenv.bootstrap(check_prefix=[MODULE_FOLDER])
    import slicer
    if application.mrmlScene().GetDataIOManager() is None:
        manager, cache = slicer.vtkDataIOManager(), slicer.vtkCacheManager()
        cache.SetRemoteCacheDirectory(str(tmp_path_factory.mktemp("cache")))
        manager.SetCacheManager(cache)
        application.mrmlScene().SetDataIOManager(manager)
    return application


@pytest.fixture
def annotator(application):
    """A person in front of the module in an empty scene; afterwards nothing was asked of Slicer that it does not have, and no slot failed."""
    import slicer
    from annotator import Annotator, MODULE
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
    widget.root.setMRMLScene(None)
    slicerenv.unload_module(MODULE)
    assert pqt.violations == []
    assert slicerenv.slot_errors == []
