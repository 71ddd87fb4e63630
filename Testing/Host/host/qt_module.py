"""The module `qt`: PySide6's classes under one name, those that PythonQt shows."""

import sys
import types

from PySide6 import QtCore, QtGui, QtWidgets

from host import facts, pqt


def make_qt():
    """The module, also in `sys.modules`."""
    module = types.ModuleType("qt")
    available = {
        name: getattr(part, name)
        for part in (QtCore, QtGui, QtWidgets)
        for name in dir(part)
        if name.startswith("Q")
    }
    for name in facts.qt_classes():
        if name in available:
            setattr(module, name, available[name])
    module.Signal = QtCore.Signal
    module.Slot = QtCore.Slot
    module.Property = QtCore.Property

    def __getattr__(name):
        caller = sys._getframe(1).f_code.co_filename
        if name not in available or pqt.is_checked(caller):
            raise AttributeError(
                f"qt.{name} is not among the facts of this host; if Slicer has it, run"
                " Testing/Host/extract_facts.py."
            )
        return available[name]

    module.__getattr__ = __getattr__
    sys.modules["qt"] = module
    return module
