"""Loads .ui files with the host's classes.

Connections between widgets are made by signature, as PythonQt makes them.
"""

import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtUiTools

from host import facts, pqt, signals
from host.classes import classes


class Loader(QtUiTools.QUiLoader):
    """Makes ctk, qMRML and qSlicer widgets too."""

    def __init__(self):
        super().__init__()
        self.made = []

    def createWidget(self, class_name, parent=None, name=""):
        if class_name not in classes:
            return super().createWidget(class_name, parent, name)
        widget = classes[class_name](parent)
        widget.setObjectName(name)
        self.made.append(widget)
        return widget


def load_ui(path):
    """The top widget of a .ui file, as slicer.util.loadUI gives it.

    Raises:
        RuntimeError: the file cannot be read, or names a widget, property, signal or slot that
            Slicer does not have.
    """
    root = ElementTree.parse(path).getroot()
    connections = [
        tuple(one.findtext(key) for key in ("sender", "signal", "receiver", "slot"))
        for one in root.iter("connection")
    ]
    for section in root.findall("connections"):
        root.remove(section)
    check(root, path)
    loader = Loader()
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(root))
    buffer.open(QtCore.QIODevice.ReadOnly)
    top = loader.load(buffer)
    if top is None:
        raise RuntimeError(f"Could not load the UI file {path}: {loader.errorString()}")
    top._made_by_loader = loader.made  # Python's side of the widgets lives as long as the top one
    make_connections(top, connections, path)
    return top


def check(root, path):
    """Refuse what Designer would show and Slicer's loader would silently drop."""
    for element in root.iter("widget"):
        class_name = element.get("class")
        entry = facts.slicer_classes().get(class_name)
        if not facts.is_known(class_name) or (entry and not entry.get("ui")):
            raise RuntimeError(
                f"{path}: there is no widget {class_name} for .ui files, or the facts do not have"
                " it; run Testing/Host/extract_facts.py."
            )
        for prop in element.findall("property"):
            member = facts.member(class_name, prop.get("name"))
            if prop.get("stdset") != "0" and (member is None or member.kind != "property"):
                raise RuntimeError(f"{path}: {class_name} has no property {prop.get('name')}.")


def make_connections(top, connections, path):
    """Connect by object names."""
    named = {
        pqt._get(part, "objectName")(): part
        for part in (top, *signals.find_children(top, QtCore.QObject))
    }
    for sender, signal, receiver, slot in connections:
        name = slot.split("(")[0]
        member = (
            facts.member(pqt.class_name_of(named[receiver]), name) if receiver in named else None
        )
        if (
            member is None
            or member.kind != "method"
            or not signals.connect(named[sender], signal, getattr(named[receiver], name))
        ):
            raise RuntimeError(f"{path}: cannot connect {sender}.{signal} to {receiver}.{slot}.")
