"""Modules in the application.

Their C++ side, their widgets, entering, leaving and reloading them, as Slicer does it.
"""

import importlib.util
import os
import sys
import types

import slicer
from PySide6 import QtWidgets

from host.classes import HostError, behaviour, build, stored
from host.observing import stop_observing


@behaviour("qSlicerAbstractCoreModule")
class AbstractCoreModule:
    """A module that has a logic."""

    _logic = None

    def logic(self):
        return self._logic

    def mrmlScene(self):
        return slicer.mrmlScene


@behaviour("qSlicerScriptedLoadableModule", hidden=False, index=-1)
class ScriptedLoadableModule:
    """The C++ object that the Python class of a scripted module gets as `parent`."""

    _widget = None

    def widgetRepresentation(self):
        """The module's widget, made when it is first asked for."""
        if self._widget is None:
            self._widget = build("qSlicerScriptedLoadableModuleWidget")()
            self._widget.setLayout(QtWidgets.QVBoxLayout())
            self._widget.setMRMLScene(slicer.mrmlScene)
            self._widget._module = self
            self._widget._make()
        return self._widget


@behaviour("qSlicerScriptedLoadableModuleWidget", isEntered=False)
class ScriptedLoadableModuleWidget:
    """The C++ object that the Python widget class gets as `parent`."""

    _python = None
    _module = None

    def _make(self):
        name = stored(self._module)["name"]
        self._python = getattr(sys.modules[name], f"{name}Widget")(self)
        setattr(slicer.modules, f"{name}Widget", self._python)
        self._python.setup()

    def reload(self):
        self._make()

    def self(self):
        return self._python

    def module(self):
        return self._module

    def enter(self):
        stored(self)["isEntered"] = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self):
        stored(self)["isEntered"] = False
        if hasattr(self._python, "exit"):
            self._python.exit()


def has_panel(module):
    """Whether a module has a panel on the host: scripted modules have."""
    return module is not None and module.inherits("qSlicerScriptedLoadableModule")


class ModuleSelector:
    """Which module is shown; `entered` is None before the first."""

    def __init__(self, window):
        self._window = window
        self.entered = None

    def selectModule(self, name):
        """Leave the module that is shown and enter another one.

        One without Python widget just takes the place.
        """
        module = getattr(slicer.modules, name.lower(), None)
        if module is None:
            raise RuntimeError(f"There is no module {name}.")
        if has_panel(self.entered):
            self.entered.widgetRepresentation().exit()
            self._window.show_panel(None)
        self.entered = module
        if has_panel(module):
            self._window.show_panel(module.widgetRepresentation())
            module.widgetRepresentation().enter()

    @property
    def selectedModule(self):
        return stored(self.entered)["name"] if self.entered is not None else ""


class MainWindow(QtWidgets.QMainWindow):
    """The main window: the module panel, and nothing where the views would be."""

    def __init__(self):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector = ModuleSelector(self)
        self._panel = QtWidgets.QScrollArea()
        self._panel.setWidgetResizable(True)
        self._panel.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.setCentralWidget(self._panel)

    def moduleSelector(self):
        return self._selector

    def show_panel(self, widget):
        if self._panel.widget() is not None:
            self._panel.takeWidget().setParent(None)
        if widget is not None:
            self._panel.setWidget(widget)


def add_module(kind, name, logic=None, path="", title=""):
    """Put a module object into `slicer.modules`."""
    module = build(kind)()
    stored(module).update(
        name=name,
        path=str(path),
        title=title or name,
    )
    module._logic = logic
    setattr(slicer.modules, name.lower(), module)
    setattr(slicer.moduleNames, name, name)
    return module


def make_modules():
    """`slicer.modules` with the logics of Slicer's own modules, and names to switch to."""
    slicer.modules = types.SimpleNamespace()
    slicer.moduleNames = types.SimpleNamespace()
    for name, logic in slicer.app._module_logics.items():
        add_module("qSlicerLoadableModule", name, logic)
    add_module("qSlicerLoadableModule", "SegmentEditor", title="Segment Editor")
    slicer.modules.sampleDataSources = {}
    slicer.selfTests = {}


def load_module(path, enter=True):
    """Load a scripted module as Slicer does.

    Import the file, make the module, tell that start-up is complete, make and enter its widget.

    Returns:
        (Python module, module instance, Python widget, C++ widget); the last two are None for a
        module without widget class.

    Raises:
        HostError: the file has no class named after it.
    """
    path = os.path.abspath(path)
    name = os.path.splitext(os.path.basename(path))[0]
    if os.path.dirname(path) not in sys.path:
        sys.path.append(os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    python = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(python)
    if not hasattr(python, name):
        raise HostError(f"{path} has no class {name}; Slicer rejects the module.")
    module = add_module("qSlicerScriptedLoadableModule", name, path=path)
    instance = getattr(python, name)(module)
    setattr(slicer.modules, f"{name}Instance", instance)
    if hasattr(instance, "setup"):
        instance.setup()
    slicer.app.startupCompleted.emit()
    slicer.app.disconnect(
        "startupCompleted()"
    )  # it comes once to each module, however many are loaded later
    if not hasattr(python, f"{name}Widget"):
        return python, instance, None, None
    window = slicer.util.mainWindow()
    if window is not None and enter:
        window.moduleSelector().selectModule(name)
    widget = module.widgetRepresentation()
    return python, instance, widget.self(), widget


def unload_module(name):
    """What the end of the application does: leave the module, clean its widget up, forget it."""
    window = slicer.util.mainWindow()
    if window is not None and window.moduleSelector().selectedModule == name:
        window.moduleSelector().selectModule("Data")
    slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(name)
    module = vars(slicer.modules).pop(name.lower())
    for left in (f"{name}Widget", f"{name}Instance"):
        vars(slicer.modules).pop(left, None)
    if module._widget is not None:
        stop_observing(module._widget)  # its end comes when Qt gets to it
        module._widget.deleteLater()
    sys.modules.pop(name, None)
