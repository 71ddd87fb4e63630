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
# 5.10 has Qt 5.15; 5.12 and main are built with either.
QT_VERSIONS = {"qt5": ("Qt 5",), "qt6": ("Qt 6",)}

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
        versions: those of VERSIONS that have it; one of QT_VERSIONS for what only that Qt has.
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


def limited(versions):
    """What to say about versions that lack something, or empty."""
    if tuple(versions) == VERSIONS:
        return ""
    if versions in QT_VERSIONS.values():
        return f"only with {versions[0]}; guard it"
    return f"only in Slicer {', '.join(versions) or 'before 5.10'}"


def _qt_versions(entry, name):
    """Versions of a member of Qt: all, unless only one of Qt 5 and Qt 6 has it."""
    return next(
        (versions for qt, versions in QT_VERSIONS.items() if name in entry.get(qt, ())), VERSIONS
    )


def _of_qt(entry, name):
    """A member that a class of Qt brings, other than a property."""
    versions = _qt_versions(entry, name)
    if name in entry.get("methods", ()):
        return Member("method", versions)
    if name in entry.get("from512", ()):
        return Member("method", ("5.12", "main"))
    signals = [signal for signal in entry.get("signals", ()) if signal.split("(")[0] == name]
    if signals:
        return Member("signal", _widest(_qt_versions(entry, signal) for signal in signals))
    if any(name == enum or name in values for enum, values in entry.get("enums", {}).items()):
        return Member("enum", versions)
    return None


def _widest(versions):
    """All versions where one overload of a signal is in all of them."""
    found = list(versions)
    return VERSIONS if VERSIONS in found else found[0]


def _property(class_name, name):
    """The property of that name, of the class or of a base; PythonQt looks for it before all else.

    Where only one Qt calls it a property, the other has a method of that name.
    """
    if name == "singleShot" and "QTimer" in chain(class_name):  # the static function
        return None
    for part in chain(class_name):
        entry = slicer_classes().get(part)
        if entry and name in entry["properties"]:
            return _of_slicer(entry, name)
        entry = qt_classes().get(part, {})
        if not slicer_classes().get(part) and name in entry.get("properties", {}):
            return Member(
                "property",
                _qt_versions(entry, name),
                is_writable=entry["properties"][name],
            )
    return None


@functools.cache
def member(class_name, name):
    """What `name` is on an object of that class, or None where Python sees no such name.

    PythonQt's QTimer.singleShot is the static function; the property of that name cannot be reached.
    """
    return _property(class_name, name) or _other_member(class_name, name)


def _other_member(class_name, name):
    """A method, signal or enum; "hidden" for what exists in C++ only."""
    hidden = None
    for part in chain(class_name):
        entry = slicer_classes().get(part)
        found = _of_slicer(entry, name) if entry else _of_qt(qt_classes()[part], name)
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
            entry = qt_classes()[part]
            found.update(
                {
                    normalized(signal): _qt_versions(entry, signal)
                    for signal in entry.get("signals", ())
                }
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
    return tuple(names[name][0] or VERSIONS) if name in names else ()


def python_signatures(module, name):
    """{version: signature as a text, or {method: signature} of a class} of a public name."""
    versions, signature, differs = read("python.json")[module][name]
    return {version: differs.get(version, signature) for version in versions or VERSIONS}


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
