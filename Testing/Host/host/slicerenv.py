"""Start of the host.

After `bootstrap`, a module file finds slicer, qt, ctk and vtk as it does in desktop Slicer.
"""

import ctypes
import os
import sys
import types
from pathlib import Path

from PySide6 import QtCore

CHECKOUT = Path(__file__).resolve().parents[3]
slot_errors = []  # exceptions that a slot raised; Qt prints them and goes on


def bootstrap(check_prefix=(), is_testing=True, has_main_window=True):
    """Start the host; a second call returns the same application.

    Args:
        check_prefix: folders whose code may only use what Slicer has; the checkout when none is
            given.
        is_testing: whether message boxes are skipped, as under `Slicer --testing`.
        has_main_window: without it `slicer.util.mainWindow()` and `layoutManager()` are None, as in
            headless Slicer.

    Returns:
        slicer.app.
    """
    import slicer
    import slicer.util

    from host import pqt

    pqt.check_code_in([os.path.join(folder, "") for folder in check_prefix or (CHECKOUT,)])
    if isinstance(getattr(slicer, "app", None), pqt.QObject):
        return slicer.app
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    QtCore.qInstallMessageHandler(show_message)
    keep_constants_alive()
    pqt.install()
    from host import (  # noqa: F401    what they do counts before the classes are made
        application,
        classes,
        ctk_widgets,
        effects,
        modules,
        mrml_widgets,
        qt_module,
        range_widgets,
        scripted,
        segment_widgets,
        slice_views,
        ui_loader,
    )

    qt_module.make_qt()
    slicer.modules = types.SimpleNamespace()
    from host import segment_editor  # noqa: F401

    classes.build_all()
    app = application.make_application(is_testing)
    modules.make_modules()
    scripted.make_python_modules()
    effects.make_modules()
    slicer.util.loadUI = ui_loader.load_ui
    if has_main_window:
        app._window = modules.MainWindow()
        app._layout = classes.build("qSlicerLayoutManager")()
        app._layout._start()
    sys.excepthook = remember_slot_error
    return app


def keep_constants_alive():
    """PySide6 6.12.0 hands out None, True and False without counting.

    Before Python 3.12, where these cannot die, the process aborts after some thousand calls.
    """
    import PySide6

    if sys.version_info < (3, 12) and PySide6.__version_info__[:3] == (6, 12, 0):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40


def show_message(kind, context, text):
    """Print what Qt says, without the offscreen platform's one complaint about itself."""
    if "propagateSizeHints" not in text:
        print(text, file=sys.stderr)


def remember_slot_error(kind, error, traceback):
    """Print an exception that Qt swallowed, and keep it for the tests."""
    slot_errors.append(error)
    sys.__excepthook__(kind, error, traceback)


def load_module(path, enter=True):
    """Load a scripted module as Slicer does; see `host.modules.load_module`."""
    from host import modules

    return modules.load_module(path, enter)


def unload_module(name):
    """Undo `load_module`; see `host.modules.unload_module`."""
    from host import modules

    modules.unload_module(name)
