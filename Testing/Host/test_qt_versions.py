"""The facts about Qt are those of Qt 5.15 and of Qt 6, and the check refuses what only one has.

The names were found in a real Slicer 5.10, which has Qt 5.15.8 and PythonQt 3.6.1.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from contract import check
from host import facts

HERE = Path(__file__).resolve().parent

ONLY_QT6 = {
    "QAbstractItemView": ["updateThreshold", "keyboardSearchFlags"],
    "QAction": ["resetEnabled"],
    "QComboBox": ["labelDrawingMode", "UseStyle", "UseDelegate"],
    "QGuiApplication": ["setBadgeNumber"],
    "QHeaderView": ["sortIndicatorClearable"],
    "QLayout": ["horizontalSizeConstraint", "verticalSizeConstraint"],
    "QListWidget": ["supportedDragActions"],
    "QMessageBox": ["options", "DontUseNativeDialog"],
    "QStyle": [
        "PM_LineEditIconSize",
        "PM_LineEditIconMargin",
        "SH_ComboBox_ListMouseTracking_Active",
        "SH_ComboBox_ListMouseTracking_Current",
        "SH_TabBar_AllowWheelScrolling",
        "SH_Table_AlwaysDrawLeftTopGridLines",
        "SH_SpinBox_SelectOnStep",
        "SP_TabCloseButton",
        "SP_TabScrollLeftButton",
        "SP_TabScrollRightButton",
        "SP_TabScrollUpButton",
        "SP_TabScrollDownButton",
        "NStandardPixmap",
    ],
    "QTableWidget": ["supportedDragActions"],
    "QThread": ["Auto", "High", "Eco"],
    "QTreeWidget": ["supportedDragActions"],
    "QWidget": ["accessibleIdentifier"],
}
SIGNALS_ONLY_QT6 = {
    "QAction": ["enabledChanged(bool)", "checkableChanged(bool)", "visibleChanged()"],
    "QCheckBox": ["checkStateChanged(Qt::CheckState)"],
    "QStackedWidget": ["widgetAdded(int)"],
}
ONLY_QT5 = {
    "QApplication": ["desktop", "globalStrut"],
    "QFileDialog": ["confirmOverwrite", "resolveSymlinks"],
    "QFontMetrics": ["width"],
    "QLayout": ["margin"],
    "QWheelEvent": ["delta", "x"],
}
SIGNALS_ONLY_QT5 = {
    "QButtonGroup": ["buttonClicked(int)"],
    "QComboBox": ["activated(QString)"],
}
SIZED = ("QCheckBox", "QComboBox", "QDialog", "QFrame", "QGroupBox", "QLabel", "QLineEdit")
PROPERTIES = {
    **dict.fromkeys([*SIZED, "QPushButton"], ["sizeHint", "minimumSizeHint"]),
    "QFileDialog": ["confirmOverwrite", "resolveSymlinks"],
    "QFormLayout": ["spacing"],
    "QGridLayout": ["spacing"],
    "QShortcut": ["whatsThis"],
    "QSlider": ["sizeHint", "minimumSizeHint"],
    "QToolButton": ["sizeHint", "minimumSizeHint"],
}


def pairs(table):
    """(class, name) of a table, each a case of its own."""
    cases = [(kind, name) for kind, names in table.items() for name in names]
    return pytest.mark.parametrize(("kind", "name"), cases, ids=map(".".join, cases))


def findings(folder, body):
    """What the check says of a source with these lines."""
    (folder / "Source.py").write_text(f"import qt\n{body}\n", encoding="utf-8")
    return [finding.message for finding in check([folder])[0]]


@pairs(ONLY_QT6)
def test_a_name_that_qt_5_lacks_fails_the_check(tmp_path, kind, name):
    limit = f"{kind}.{name}: only with Qt 6; guard it"
    assert limit in findings(tmp_path, f"thing = qt.{kind}()\nthing.{name}")
    assert limit in findings(tmp_path, f"qt.{kind}.{name}")


@pairs(ONLY_QT5)
def test_a_name_that_qt_6_lacks_fails_the_check(tmp_path, kind, name):
    limit = f"{kind}.{name}: only with Qt 5; guard it"
    assert limit in findings(tmp_path, f"thing = qt.{kind}()\nthing.{name}")


@pairs(SIGNALS_ONLY_QT6)
def test_a_signal_that_qt_5_lacks_fails_the_check(tmp_path, kind, name):
    found = findings(tmp_path, f"thing = qt.{kind}()\nthing.connect({name!r}, print)")
    assert found == [f"'{name}': only with Qt 6; guard it"]


@pairs(SIGNALS_ONLY_QT5)
def test_a_signal_that_qt_6_lacks_fails_the_check(tmp_path, kind, name):
    found = findings(tmp_path, f"thing = qt.{kind}()\nthing.connect({name!r}, print)")
    assert found == [f"'{name}': only with Qt 5; guard it"]


@pairs(PROPERTIES)
def test_a_property_that_is_called_fails_the_check(tmp_path, kind, name):
    found = findings(tmp_path, f"thing = qt.{kind}()\nthing.{name}()")
    assert f"{kind}.{name}: is a property; read it without calling" in found


@pytest.mark.parametrize("name", ["py_toString", "py_get_rect", "operator_subscript"])
@pytest.mark.parametrize("kind", ["QAction", "QStyleOption", "QKeySequence"])
def test_an_artefact_of_the_wrappers_is_no_name(tmp_path, kind, name):
    assert findings(tmp_path, f"thing = qt.{kind}()\nthing.{name}") == [
        f"{kind}.{name}: no such name"
    ]


@pytest.mark.parametrize("guard", ["try", "hasattr"])
def test_what_one_qt_lacks_may_be_used_where_that_is_asked_first(tmp_path, guard):
    lines = {
        "try": "try:\n    thing.accessibleIdentifier\nexcept AttributeError:\n    pass",
        "hasattr": "if hasattr(thing, 'accessibleIdentifier'):\n    thing.accessibleIdentifier",
    }
    assert findings(tmp_path, f"thing = qt.QWidget()\n{lines[guard]}") == []


def test_a_field_of_a_structure_is_a_property():
    assert facts.member("QStyleOption", "rect").kind == "property"


def test_an_overload_in_one_qt_does_not_hide_the_one_in_both(tmp_path):
    lines = 'thing = qt.QComboBox()\nthing.connect("activated(int)", print)\nthing.activated'
    assert findings(tmp_path, lines) == []


def test_what_the_facts_have_for_both_is_in_the_qt_that_is_installed():
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=HERE,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def missing_here():
    """`class.name` of properties and signals of both Qts that the installed one does not show."""
    from extract_qt import binding, shown

    modules = binding()
    for name, entry in facts.qt_classes().items():
        kind = next((getattr(module, name) for module in modules if hasattr(module, name)), None)
        here = shown(kind) if kind is not None else {}
        if "all" in here:
            names = {*entry.get("properties", ()), *entry.get("signals", ())}
            both = names - {*entry.get("qt5", ()), *entry.get("qt6", ())}
            yield from (f"{name}.{one}" for one in both - {*here["all"], *here["signals"]})


if __name__ == "__main__":  # beside the host, PySide6's classes answer as PythonQt's do
    print("\n".join(missing_here()), end="")
