"""Copy what we use of an inventory of Slicer's API into `facts/`, so that a plain clone tests against it.

Usage: python Testing/Host/extract_facts.py --api FOLDER [--out FOLDER]

FOLDER holds slicer-api.json, qt-api.json, slicer-python-api.json and mrml-vary.json. A class is
taken over when a source of ours names it, when the host acts it out (the lists below), or when a
class taken over derives from it.
"""

import argparse
import json
import keyword
import re
from itertools import chain
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = ("SlicePropagation", "Resources/UI", "Testing/GUI", "Testing/Slicer", "Testing/Host")
VERSIONS = {
    "5.10.0": "5.10",
    "5.12.3": "5.12",
    "main": "main",
}
QT_VERSIONS = Path(__file__).with_name("facts") / "qt-versions.json"
PYTHON_MODULES = ("slicer.util", "slicer.ScriptedLoadableModule", "slicer.i18n", "slicer.packaging")

# Slicer's SampleData is not in the inventory; its signature was read in 5.8, 5.10, 5.12 and main.
WRITTEN_DOWN = {
    "SampleData": {
        "SampleDataLogic": [
            None,
            {
                "registerCustomSampleDataSource": (
                    "(category='Custom', sampleName=None, uris=None, fileNames=None,"
                    " nodeNames=None, customDownloader=None, thumbnailFileName=None,"
                    " loadFileTypes=None, loadFiles=None, loadFileProperties={},"
                    " checksums=None, loadFileType=None)"
                )
            },
            {},
        ]
    }
}

# What a panel is usually made of; the host carries these whether or not a source names them today.
SLICER_CLASSES = [
    "ctkCheckBox",
    "ctkCheckableComboBox",
    "ctkCheckablePushButton",
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
    "ctkColorPickerButton",
    "ctkComboBox",
    "ctkDoubleRangeSlider",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "ctkExpandButton",
    "ctkFittedTextBrowser",
    "ctkMenuButton",
    "ctkMessageBox",
    "ctkPathLineEdit",
    "ctkPushButton",
    "ctkRangeSlider",
    "ctkRangeWidget",
    "ctkSearchBox",
    "ctkSliderWidget",
    "qMRMLCheckableNodeComboBox",
    "qMRMLLayoutManager",
    "qMRMLNodeComboBox",
    "qMRMLSegmentEditorWidget",
    "qMRMLSegmentSelectorWidget",
    "qMRMLSegmentsTableView",
    "qMRMLSliceControllerWidget",
    "qMRMLSliceView",
    "qMRMLSliceWidget",
    "qMRMLSliderWidget",
    "qMRMLSubjectHierarchyComboBox",
    "qMRMLThreeDWidget",
    "qMRMLWidget",
    "qSlicerAbstractCoreModule",
    "qSlicerAbstractModule",
    "qSlicerAbstractModuleWidget",
    "qSlicerApplication",
    "qSlicerCoreApplication",
    "qSlicerCoreIOManager",
    "qSlicerIOManager",
    "qSlicerLayoutManager",
    "qSlicerLoadableModule",
    "qSlicerModuleManager",
    "qSlicerScriptedLoadableModule",
    "qSlicerScriptedLoadableModuleWidget",
    "qSlicerSegmentEditorAbstractEffect",
    "qSlicerSegmentEditorEffectFactory",
    "qSlicerSegmentEditorScriptedEffect",
    "qSlicerSegmentEditorScriptedLabelEffect",
    "qSlicerWidget",
]
QT_CLASSES = [
    "QAbstractButton",
    "QAbstractItemModel",
    "QAbstractItemView",
    "QAbstractScrollArea",
    "QAbstractSlider",
    "QAbstractSpinBox",
    "QAbstractTableModel",
    "QAction",
    "QActionGroup",
    "QApplication",
    "QBoxLayout",
    "QBrush",
    "QButtonGroup",
    "QByteArray",
    "QCheckBox",
    "QColor",
    "QComboBox",
    "QCoreApplication",
    "QCursor",
    "QDesktopServices",
    "QDialog",
    "QDialogButtonBox",
    "QDir",
    "QDoubleSpinBox",
    "QEvent",
    "QEventLoop",
    "QFileDialog",
    "QFileInfo",
    "QFont",
    "QFontMetrics",
    "QFormLayout",
    "QFrame",
    "QGridLayout",
    "QGroupBox",
    "QGuiApplication",
    "QHBoxLayout",
    "QHeaderView",
    "QHelpEvent",
    "QIcon",
    "QImage",
    "QInputDialog",
    "QItemSelectionModel",
    "QKeyEvent",
    "QKeySequence",
    "QLabel",
    "QLayout",
    "QLineEdit",
    "QLinearGradient",
    "QListView",
    "QListWidget",
    "QListWidgetItem",
    "QMainWindow",
    "QMenu",
    "QMessageBox",
    "QModelIndex",
    "QMouseEvent",
    "QObject",
    "QPaintEvent",
    "QPainter",
    "QPainterPath",
    "QPalette",
    "QPen",
    "QPixmap",
    "QPoint",
    "QPointF",
    "QPolygon",
    "QPolygonF",
    "QProgressBar",
    "QProgressDialog",
    "QPushButton",
    "QRadioButton",
    "QRect",
    "QRectF",
    "QRegion",
    "QResizeEvent",
    "QScrollArea",
    "QScrollBar",
    "QSettings",
    "QShortcut",
    "QSignalBlocker",
    "QSize",
    "QSizePolicy",
    "QSlider",
    "QSpacerItem",
    "QSpinBox",
    "QSplitter",
    "QStackedWidget",
    "QStandardItem",
    "QStandardItemModel",
    "QStyle",
    "QStyleOption",
    "QStyleOptionButton",
    "QStylePainter",
    "QTabBar",
    "QTabWidget",
    "QTableView",
    "QTableWidget",
    "QTableWidgetItem",
    "QTextBrowser",
    "QTextEdit",
    "QThread",
    "QTimer",
    "QToolBar",
    "QToolButton",
    "QToolTip",
    "QTreeView",
    "QTreeWidget",
    "QTreeWidgetItem",
    "QUrl",
    "QVBoxLayout",
    "QVector3D",
    "QWheelEvent",
    "QWidget",
    "QWidgetAction",
    "Qt",
]


def read_sources():
    """The text of every source of ours that may name a class."""
    files = [
        path
        for folder in SOURCES
        for path in (CHECKOUT / folder).rglob("*")
        if path.suffix in (".py", ".ui")
    ]
    return "\n".join(
        path.read_text(encoding="utf-8") for path in files if path != Path(__file__).resolve()
    )


def with_bases(names, classes, also=()):
    """The names that `classes` knows, and all they derive from."""
    taken = set()
    waiting = [name for name in names if name in classes]
    while waiting:
        name = waiting.pop()
        if name in classes and name not in taken:
            taken.add(name)
            waiting += [classes[name].get("base"), *(classes[name].get("also") or ())]
    return sorted(taken)


def ours(versions):
    """Those of our versions that a member is in; None when it is in all of them."""
    kept = [short for name, short in VERSIONS.items() if versions is None or name in versions]
    return None if len(kept) == len(VERSIONS) else kept


def normalized_type(text):
    """`const QString& name` -> `QString`, `vtkMRMLNode* node` -> `vtkMRMLNode*`."""
    text = text.strip().strip("[]").strip()
    named = re.match(r"(.*[\w>*&])\s+\w+$|(.*[*&])\w+$", text)
    if named and not re.fullmatch(r"const\s+\w+|unsigned\s+\w+", text):
        text = named.group(1) or named.group(2)
    text = re.sub(r"^const\s+(.*?)\s*&$", r"\1", text)
    return re.sub(r"\s+(?=[*&])", "", text)


def normalized_signal(text):
    """`valueChanged(double value)` -> `valueChanged(double)`."""
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", text).groups()
    return f"{name}({','.join(normalized_type(part) for part in arguments.split(',')) if arguments.strip() else ''})"


def slicer_class(entry):
    """One ctk, qMRML or qSlicer class.

    Members by name, each with the versions that have it where not all do.
    """
    vary = entry.get("vary", {})
    known = entry.get("in")

    def versions(kind, key):
        return ours(vary.get(f"{kind}|{key}", known))

    facts = {
        "base": entry.get("base"),
        "properties": {},
        "methods": {},
        "signals": {},
    }
    for prop in entry.get("properties", ()):
        if versions("prop", prop["name"]) != []:
            facts["properties"][prop["name"]] = [
                prop["type"],
                prop["writable"],
                versions("prop", prop["name"]),
            ]
    for kind in ("slots", "invokables", "decorated"):
        for signature in entry.get(kind, ()):
            present = versions(kind[:4], signature)
            name, rest = signature.removeprefix("static ").split("(", 1)
            if present == [] or name == "new":
                continue
            arguments, _, result = rest.partition(" -> ")
            calls = facts["methods"].setdefault(name, [])
            calls.append([f"({arguments}", result or None, present])
    for signature in entry.get("signals", ()):
        if versions("sign", signature) != []:
            facts["signals"][normalized_signal(signature)] = versions("sign", signature)
    for key in ("also", "enums", "ui", "hidden", "nonpublic_slots", "hdr"):
        if entry.get(key):
            facts[key] = entry[key]
    if facts.pop("hdr", None) is None:
        facts["isAbstract"] = True
    for key in ("in", "ui_in"):
        if entry.get(key) and ours(entry[key]) is not None:
            facts[key] = ours(entry[key])
    return facts


def is_artefact(name):
    """Whether a name of PythonQt's generated wrappers is none that Python can write or means to."""
    return (
        name.startswith(("py_", "operator_", "enum_"))
        or name in ("readFrom", "writeTo")
        or keyword.iskeyword(name)
    )


def properties_of(entry, only5):
    """{property: whether it can be written}, with what only Qt 5 has, and a structure's fields."""
    found = {name.removesuffix(" (ro)"): not name.endswith(" (ro)") for name in entry.get("p", ())}
    methods = set(entry.get("m", ()))
    fields = {name.removeprefix("py_get_") for name in methods if name.startswith("py_get_")}
    return {
        **found,
        **only5.get("properties", {}),
        **{name: f"py_set_{name}" in methods for name in sorted(fields)},
    }


def enums_of(entry):
    """{enum: its values} without what Python cannot write."""
    return {
        enum: [value for value in values if not is_artefact(value)]
        for enum, values in entry.get("e", {}).items()
        if not is_artefact(enum)
    }


def qt_class(entry, only):
    """One Qt class: names of methods, properties, signals and enums.

    What 5.8 alone has is left out; `qt5` and `qt6` name what only one of the two has.

    Args:
        only: what of the class is in Qt 5 or in Qt 6 only, as extract_qt.py tells it.
    """
    old = set(entry.get("only58", ()))
    recent = set(entry.get("only512", ()))
    only5 = only.get("qt5", {})
    known = {name for key in ("m", "static", "slots") for name in entry.get(key, ())}
    methods = sorted(name for name in known - old if not is_artefact(name))
    facts = {
        "base": entry.get("base"),
        "methods": [name for name in methods if name not in recent],
        "from512": [name for name in methods if name in recent],
        "properties": properties_of(entry, only5),
        "signals": [*entry.get("signals", []), *only5.get("signals", [])],
        "enums": enums_of(entry),
        **{qt: sorted(chain.from_iterable(part.values())) for qt, part in only.items()},
    }
    return {key: value for key, value in facts.items() if value or key == "base"}


def mrml_class(entry):
    """One MRML class: the members that some of our versions lack."""
    members = {name: ours(versions) for name, versions in entry.get("vary", {}).items()}
    return {
        "in": ours(entry.get("in")),
        "vary": {name: versions for name, versions in members.items() if versions is not None},
    }


def python_entry(entry):
    """[versions, signature, {version: its own signature}] of one public name.

    A class has {method: signature} in place of a signature.
    """
    differs = {
        VERSIONS[name]: sig for name, sig in entry.get("differs", {}).items() if name in VERSIONS
    }
    return [ours(entry.get("in")), entry["sig"], differs]


def python_names(api):
    """Public names of Slicer's Python modules, with their versions and signatures."""
    modules = {name: dict(members) for name, members in WRITTEN_DOWN.items()}
    for module in PYTHON_MODULES:
        entries = api["modules"][module].items()
        found = {name: python_entry(entry) for name, entry in entries}
        modules[module] = {name: entry for name, entry in found.items() if entry[0] != []}
    return modules


def write(folder, name, content):
    """One class a line: small enough to keep, and a change shows as a change of that line."""
    lines = [
        f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}"
        for key, value in sorted(content.items())
    ]
    path = folder / name
    folder.mkdir(exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(content)} entries, {path.stat().st_size // 1024} KiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--api",
        type=Path,
        required=True,
        help="folder with the inventory of Slicer's API",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).with_name("facts"),
        help="where the facts go; default: facts/ beside this file",
    )
    options = parser.parse_args()
    folder = options.api
    api = {
        name: json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("slicer-api.json", "qt-api.json", "slicer-python-api.json", "mrml-vary.json")
    }
    slicer = api["slicer-api.json"]["classes"]
    qt = api["qt-api.json"]["classes"]
    mrml = api["mrml-vary.json"]["classes"]
    only = json.loads(QT_VERSIONS.read_text(encoding="utf-8"))
    text = read_sources()
    names = with_bases(
        {*SLICER_CLASSES, *re.findall(r"\b(?:ctk|qMRML|qSlicer)[A-Z]\w+", text)},
        slicer,
    )
    bases = {slicer[name].get("base") for name in names}
    qt_names = with_bases(
        {
            *QT_CLASSES,
            *re.findall(r"\bqt\.(Q\w+)", text),
            *re.findall(r'class="(Q\w+)"', text),
            *bases,
        },
        qt,
    )
    write(
        options.out,
        "slicer.json",
        {name: slicer_class(slicer[name]) for name in names if ours(slicer[name].get("in")) != []},
    )
    write(
        options.out,
        "qt.json",
        {
            name: qt_class(qt[name], only.get(name, {}))
            for name in qt_names
            if not qt[name].get("not_in_pythonqt")
        },
    )
    write(options.out, "python.json", python_names(api["slicer-python-api.json"]))
    used = {name for name in re.findall(r"\bvtk[A-Z]\w+", text) if name in mrml}
    write(options.out, "mrml.json", {name: mrml_class(mrml[name]) for name in sorted(used)})


if __name__ == "__main__":
    main()
