"""What the classes of Slicer, CTK and Qt show to Python, by class and member.

Read from `facts/`.
"""

import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "facts"
VERSIONS = ("5.10", "5.12", "main")

# PythonQt gives these to every object, whatever its class.
EVERY_OBJECT = frozenset(
    [
        "blockSignals",
        "children",
        "className",
        "connect",
        "delete",
        "deleteLater",
        "destroyed",
        "disconnect",
        "dumpObjectInfo",
        "dumpObjectTree",
        "dynamicPropertyNames",
        "emit",
        "event",
        "eventFilter",
        "findChild",
        "findChildren",
        "help",
        "inherits",
        "installEventFilter",
        "isWidgetType",
        "isWindowType",
        "killTimer",
        "metaObject",
        "moveToThread",
        "name",
        "objectName",
        "objectNameChanged",
        "parent",
        "property",
        "removeEventFilter",
        "sender",
        "setObjectName",
        "setParent",
        "setProperty",
        "signalsBlocked",
        "startTimer",
        "thread",
        "tr",
    ]
)


@dataclass(frozen=True)
class Member:
    """One name that Python may use on an object.

    Attributes:
        kind: "property", "method", "signal", "enum", or "hidden" for what exists in C++ only.
        versions: those of VERSIONS that have it.
        type: of a property, as C++ writes it.
        results: C++ types that a method may return; None among them for "nothing".
    """

    kind: str
    versions: tuple = VERSIONS
    type: str = ""
    is_writable: bool = True
    results: frozenset = field(default_factory=frozenset)


@functools.cache
def read(name):
    """One file of facts."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def slicer_classes():
    return read("slicer.json")


def qt_classes():
    return read("qt.json")


def is_known(class_name):
    return class_name in slicer_classes() or class_name in qt_classes()


@functools.cache
def chain(class_name):
    """The class and all it derives from, nearest first."""
    found = []
    waiting = [class_name]
    while waiting:
        name = waiting.pop(0)
        entry = slicer_classes().get(name) or qt_classes().get(name)
        if entry and name not in found:
            found.append(name)
            waiting += [*entry.get("also", ()), *([entry["base"]] if entry.get("base") else [])]
    return tuple(found)


def _of_slicer(entry, name):
    if name in entry["properties"]:
        kind, is_writable, present = entry["properties"][name]
        return Member("property", tuple(present or VERSIONS), kind, is_writable)
    calls = entry["methods"].get(name, ())
    signals = [
        present for signal, present in entry["signals"].items() if signal.split("(")[0] == name
    ]
    if calls or signals:
        anywhere = {
            version
            for present in [*(call[2] for call in calls), *signals]
            for version in present or VERSIONS
        }
        versions = tuple(version for version in VERSIONS if version in anywhere)
        return Member(
            "method" if calls else "signal",
            versions,
            results=frozenset(call[1] for call in calls),
        )
    if any(name == enum or name in values for enum, values in entry.get("enums", {}).items()):
        return Member("enum")
    return None


def _of_qt(class_name, entry, name):
    # PythonQt's QTimer.singleShot is the static function; the property of that name cannot be
    # reached.
    if name in entry.get("properties", {}) and (class_name, name) != ("QTimer", "singleShot"):
        return Member("property", is_writable=entry["properties"][name])
    if name in entry.get("methods", ()):
        return Member("method")
    if name in entry.get("from512", ()):
        return Member("method", ("5.12", "main"))
    if any(signal.split("(")[0] == name for signal in entry.get("signals", ())):
        return Member("signal")
    if any(name == enum or name in values for enum, values in entry.get("enums", {}).items()):
        return Member("enum")
    return None


@functools.cache
def member(class_name, name):
    """What `name` is on an object of that class, or None where Python sees no such name."""
    hidden = None
    for part in chain(class_name):
        entry = slicer_classes().get(part)
        found = _of_slicer(entry, name) if entry else _of_qt(part, qt_classes()[part], name)
        if found:
            return found
        if entry and name in (*entry.get("hidden", ()), *entry.get("nonpublic_slots", ())):
            hidden = hidden or Member("hidden", ())
    if name in EVERY_OBJECT and "QObject" in chain(class_name):
        return Member("property" if name in ("name", "objectName") else "method")
    if name == "exec_":
        return member(class_name, "exec")
    return hidden


@functools.cache
def signals(class_name):
    """{normalised signature: versions} of the signals of a class and its bases."""
    found = {
        "destroyed()": VERSIONS,
        "destroyed(QObject*)": VERSIONS,
        "objectNameChanged(QString)": VERSIONS,
    }
    for part in reversed(chain(class_name)):
        if part in slicer_classes():
            found.update(
                {
                    signal: tuple(present or VERSIONS)
                    for signal, present in slicer_classes()[part]["signals"].items()
                }
            )
        else:
            found.update(
                {normalized(signal): VERSIONS for signal in qt_classes()[part].get("signals", ())}
            )
    return found


def normalized(signature):
    """A signature as Qt compares it: `f( const QString & s )` without spaces, `const` and `&`."""
    name, _, arguments = signature.strip().removesuffix(")").partition("(")
    plain = [re.sub(r"^const\s+(.*?)\s*&$", r"\1", part.strip()) for part in _split(arguments)]
    tight = [re.sub(r"\s+(?=[*&])", "", part) for part in plain]
    return f"{name.strip()}({','.join(tight)})"


def _split(arguments):
    """Split at commas outside of angle brackets."""
    return [part for part in re.split(r",(?![^<]*>)", arguments) if part.strip()]


def enums(class_name):
    """{enum: its values} of a class and its bases."""
    return {
        enum: values
        for part in chain(class_name)
        for enum, values in (
            (slicer_classes().get(part) or qt_classes()[part]).get("enums", {}).items()
        )
    }


def python_versions(module, name):
    """Versions whose Python module has that name; empty where none has it."""
    names = read("python.json").get(module, {})
    return tuple(names[name] or VERSIONS) if name in names else ()


def mrml_versions(name, class_name=None):
    """Versions that have a member of an MRML class.

    All of them for what the facts do not single out.
    """
    classes = read("mrml.json")
    chosen = (
        [classes[class_name]]
        if class_name in classes
        else classes.values()
        if class_name is None
        else []
    )
    found = [entry["vary"][name] for entry in chosen if name in entry["vary"]]
    return tuple(found[0]) if found else VERSIONS
