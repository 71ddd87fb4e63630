"""Tell which names of Qt's classes exist in Qt 5.15 only, or in Qt 6 only: `facts/qt-versions.json`.

Usage: python Testing/Host/extract_qt.py read OUT.json
       python Testing/Host/extract_qt.py compare QT5.json QT6.json --api FOLDER [--out FILE]

`read` writes what the binding beside this Python shows: once in an environment with PyQt5, once in
one with PySide6. The inventory in FOLDER has names of Qt 6's meta object among those of 5.15;
`compare` tells them apart, and adds what only 5.15 has.
"""

import argparse
import importlib
import json
from pathlib import Path

from extract_facts import is_artefact, write

BINDINGS = ("PyQt5", "PySide6")
MODULES = ("QtCore", "QtGui", "QtWidgets")
SIGNAL, SLOT, PUBLIC = 1, 2, 2
# In Qt 6 as well; PySide6 turns them into operators of Python, or leaves them out.
NOT_IN_PYSIDE6 = {
    "QByteArray": {"fill"},
    "QInputDialog": {"options", "setOptions"},
    "QPolygon": None,
    "QPolygonF": None,
    "QTextEdit": {"print"},
    "QThread": {"currentThreadId"},
}
# In Qt 5.15 as well; its meta object does not say so.
IN_QT5 = {
    "QCoreApplication": {"ApplicationFlags"},
    "QDialogButtonBox": {"FirstButton", "LastButton", "NRoles"},
    "QEventLoop": {"DialogExec", "EventLoopExec"},
    "QMessageBox": {"NRoles"},
}


def text(value):
    """Names of the meta object: bytes in one binding, texts in the other."""
    return value if isinstance(value, str) else bytes(value).decode()


def number(value):
    """An enum's value, which is a number of its own in one binding only."""
    return int(getattr(value, "value", value))


def binding():
    """The modules of the Qt that is installed."""
    for name in BINDINGS:
        try:
            return [importlib.import_module(f"{name}.{module}") for module in MODULES]
        except ImportError:
            continue
    raise SystemExit(f"None of {', '.join(BINDINGS)} is installed.")


def methods_of(meta):
    """(signals, public slots) that a class declares itself: signatures, and names."""
    signals = []
    slots = []
    for index in range(meta.methodOffset(), meta.methodCount()):
        method = meta.method(index)
        signature = text(method.methodSignature())
        if number(method.methodType()) == SIGNAL:
            signals.append(signature)
        elif number(method.methodType()) == SLOT and number(method.access()) == PUBLIC:
            slots.append(signature.split("(")[0])
    return signals, sorted(set(slots))


def properties_of(meta, first=0):
    """{property: whether it can be written}, from the position `first`."""
    found = (meta.property(index) for index in range(first, meta.propertyCount()))
    return {text(one.name()): bool(one.isWritable()) for one in found}


def keys_of(meta):
    """The values of the enums of a class."""
    enums = (meta.enumerator(index) for index in range(meta.enumeratorCount()))
    return sorted({text(enum.key(key)) for enum in enums for key in range(enum.keyCount())})


def shown(kind):
    """What one class shows; the meta object's part only where it has one."""
    found = {"names": sorted(name for name in dir(kind) if not name.startswith("__"))}
    meta = getattr(kind, "staticMetaObject", None)
    if meta is not None:
        found["all"] = sorted(properties_of(meta))
        found["properties"] = properties_of(meta, meta.propertyOffset())
        found["signals"], found["slots"] = methods_of(meta)
        found["keys"] = keys_of(meta)
    return found


def read(out):
    """Write {class: what it shows} of every class of the installed Qt."""
    found = {}
    for module in binding():
        for name in dir(module):
            kind = getattr(module, name)
            if name.startswith("Q") and isinstance(kind, type):
                found.setdefault(name, shown(kind))
    out.write_text(json.dumps(found), encoding="utf-8")
    print(f"{out}: {len(found)} classes")


def limited_properties(here, there):
    """{property: writable} of a class that the other Qt has nowhere in the class."""
    return {
        name: is_writable
        for name, is_writable in here["properties"].items()
        if name not in there["all"]
    }


def only_in(here, there):
    """What the meta object of one Qt has and the other Qt lacks."""
    every = {*there["names"], *there["slots"], *there["keys"], *there["all"]}
    return {
        "properties": limited_properties(here, there),
        "signals": sorted(set(here["signals"]) - set(there["signals"])),
        "names": sorted({*here["slots"], *here["keys"]} - every - {"None"}),
    }


def values_of(entry):
    """The values of a class's enums in the inventory, which were read from a newer Qt 6."""
    return {value for values in entry.get("e", {}).values() for value in values}


def gone_in_qt6(name, entry, there):
    """Methods of PythonQt's wrappers, which are those of Qt 5, that Qt 6 lacks."""
    kept = NOT_IN_PYSIDE6.get(name, set())
    if kept is None:
        return set()
    every = {*there["names"], *there.get("slots", ()), *there.get("all", ()), *kept}
    methods = {*entry.get("m", ()), *entry.get("static", ())}
    return {method for method in methods - every if not is_artefact(method)}


def compare_class(name, entry, qt5, qt6):
    """{"qt5": what only Qt 5 has, "qt6": what only Qt 6 has} of one class; empty where both agree."""
    only = {"qt5": {"names": []}, "qt6": {}}
    if "all" in qt5 and "all" in qt6:
        recent = {**qt6, "keys": {*qt6["keys"], *values_of(entry)} - IN_QT5.get(name, set())}
        only = {"qt5": only_in(qt5, qt6), "qt6": only_in(recent, qt5)}
    only["qt5"]["names"] = sorted({*only["qt5"]["names"], *gone_in_qt6(name, entry, qt6)})
    kept = {qt: {key: value for key, value in part.items() if value} for qt, part in only.items()}
    return {qt: part for qt, part in kept.items() if part}


def compare(classes, qt5, qt6):
    """{class: what differs} of the inventory's classes that both bindings have."""
    both = [name for name in classes if name in qt5 and name in qt6]
    found = {name: compare_class(name, classes[name], qt5[name], qt6[name]) for name in both}
    return {name: only for name, only in sorted(found.items()) if only}


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="write what the installed Qt shows")
    reading.add_argument("out", type=Path)
    comparing = commands.add_parser("compare", help="write what differs")
    comparing.add_argument("qt5", type=Path, help="what `read` wrote beside PyQt5")
    comparing.add_argument("qt6", type=Path, help="what `read` wrote beside PySide6")
    comparing.add_argument("--api", type=Path, required=True, help="folder with qt-api.json")
    comparing.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).with_name("facts") / "qt-versions.json",
    )
    return parser


def main():
    options = make_parser().parse_args()
    if options.command == "read":
        return read(options.out)
    qt5, qt6, inventory = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (options.qt5, options.qt6, options.api / "qt-api.json")
    )
    wanted = json.loads(options.out.with_name("qt.json").read_text(encoding="utf-8"))
    classes = {name: inventory["classes"][name] for name in wanted}
    return write(options.out.parent, options.out.name, compare(classes, qt5, qt6))


if __name__ == "__main__":
    main()
