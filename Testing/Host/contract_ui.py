"""Checks .ui files against the facts.

Widget classes, properties, enum values, and the connections between widgets.
"""

import xml.parsers.expat
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from host import facts
from host.facts import limited


@dataclass(frozen=True, order=True)
class Finding:
    """One name that Slicer does not have, or a rule of PythonQt that is broken."""

    file: str
    line: int
    message: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message}"


def parse_with_lines(path):
    """(root element, {element: line})."""
    builder = ElementTree.TreeBuilder()
    lines = {}
    parser = xml.parsers.expat.ParserCreate()

    def start(name, attributes):
        lines[builder.start(name, attributes)] = parser.CurrentLineNumber

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.Parse(Path(path).read_bytes(), True)
    return builder.close(), lines


def widget_classes(path):
    """{object name: class} of the widgets and actions of a .ui file."""
    root, _ = parse_with_lines(path)
    return {
        **{action.get("name"): "QAction" for action in root.iter("action")},
        **{widget.get("name"): widget.get("class") for widget in root.iter("widget")},
    }


def check_ui(path):
    """Findings of one .ui file."""
    root, lines = parse_with_lines(path)
    names = widget_classes(path)
    findings = []

    def report(element, message):
        findings.append(Finding(Path(path).name, lines[element], message))

    for element in root.iter("widget"):
        _check_widget(element, report)
    for element in root.iter("connection"):
        _check_connection(element, names, report)
    return findings


def _check_widget(element, report):
    class_name = element.get("class")
    if not facts.is_known(class_name):
        report(element, f"{class_name}: unknown widget class")
        return
    entry = facts.slicer_classes().get(class_name, {"ui": True})
    if not entry.get("ui"):
        report(element, f"{class_name}: has no Designer plug-in, so no .ui file can hold it")
    elif limited(entry.get("ui_in") or facts.VERSIONS):
        report(element, f"{class_name}: Designer plug-in {limited(entry['ui_in'])}")
    for prop in element.findall("property"):
        if prop.get("stdset") != "0":
            _check_property(class_name, prop, report)


def _check_property(class_name, prop, report):
    name = prop.get("name")
    member = facts.member(class_name, name)
    if member is None or member.kind != "property":
        report(prop, f"{class_name}.{name}: no such property")
    elif not member.is_writable:
        report(prop, f"{class_name}.{name}: cannot be written")
    elif limited(member.versions):
        report(prop, f"{class_name}.{name}: {limited(member.versions)}")
    for kind in ("enum", "set"):
        for value in filter(None, (prop.findtext(kind) or "").split("|")):
            owner, _, key = value.rpartition("::")
            owner = owner.split("::")[0] or class_name
            found = facts.member(owner, key) if facts.is_known(owner) else None
            if found is None or found.kind != "enum":
                report(prop, f"{value}: no such enum value")


def _check_connection(element, names, report):
    sender, signal, receiver, slot = (
        element.findtext(key) for key in ("sender", "signal", "receiver", "slot")
    )
    for name in (sender, receiver):
        if name not in names:
            report(element, f"{name}: no such widget in this file")
            return
    versions = facts.signals(names[sender]).get(facts.normalized(signal))
    if versions is None:
        report(element, f"{names[sender]}.{signal}: no such signal")
    elif limited(versions):
        report(element, f"{names[sender]}.{signal}: {limited(versions)}")
    member = facts.member(names[receiver], slot.split("(")[0])
    if member is None or member.kind not in ("method", "signal"):
        report(element, f"{names[receiver]}.{slot}: no such slot")
    elif limited(member.versions):
        report(element, f"{names[receiver]}.{slot}: {limited(member.versions)}")
