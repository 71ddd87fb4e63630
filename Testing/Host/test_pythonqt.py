"""The host's Qt behaves as PythonQt does, measured against the real one."""

import pytest

pytest.importorskip(
    "PySide6.QtWidgets",
    reason="the test host needs PySide6-Essentials and the libraries of Qt's offscreen platform",
    exc_type=ImportError,
)
pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

from host import person, pqt, slicerenv

slicerenv.bootstrap()

import ctk
import qt
import slicer


@pytest.fixture
def button(application):
    return qt.QPushButton("Apply")


@pytest.fixture
def refused():
    """The violations that a test provokes on purpose; forgotten afterwards."""
    yield pqt.violations
    pqt.violations.clear()


# Properties and names


def test_a_property_is_an_attribute(button):
    button.text = "Stop"
    button.enabled = False
    assert (button.text, button.enabled, button.isEnabled()) == ("Stop", False, False)


def test_a_property_cannot_be_called(button):
    with pytest.raises(TypeError):
        button.text()


def test_setters_of_qt_are_there(button):
    button.setText("Run")
    assert button.text == "Run"


def test_a_property_takes_what_pythonqt_takes(button):
    button.text = 5
    button.checkable = "yes"
    assert button.text == "5"
    assert button.checkable is True


def test_a_text_is_refused_where_a_number_is_wanted(application):
    for thing, name in ((qt.QSpinBox(), "value"), (ctk.ctkSliderWidget(), "value")):
        with pytest.raises(AttributeError, match="the text '7'"):
            setattr(thing, name, "7")


def test_none_in_a_text_property_is_the_text_none(button):
    button.text = None
    box = slicer.qMRMLNodeComboBox()
    box.noneDisplay = None
    assert (button.text, box.noneDisplay) == ("None", "None")


def test_a_read_only_property_cannot_be_set(button):
    with pytest.raises(AttributeError, match="not writable"):
        button.width = 30


def test_the_object_name_is_called_name(button):
    button.name = "apply"
    assert button.name == button.objectName == "apply"


def test_a_child_is_an_attribute_of_its_parent(application):
    parent = qt.QWidget()
    child = qt.QLabel("x", parent)
    child.name = "status"
    assert parent.status is child


def test_a_name_that_slicer_does_not_have_is_refused(button, refused):
    with pytest.raises(AttributeError, match="QPushButton.glow: does not exist in Slicer"):
        button.glow
    assert refused[0][:2] == ("QPushButton", "glow")
    assert refused[0][3].startswith("test_pythonqt.py:")


def test_a_member_that_only_newer_versions_have_is_refused(application, refused):
    with pytest.raises(AttributeError, match="only in Slicer 5.12, main"):
        slicer.qMRMLNodeComboBox().nodeAddedByUserAction


def test_asking_whether_there_is_a_member_is_no_violation(application):
    box = slicer.qMRMLNodeComboBox()
    assert not hasattr(box, "nodeAddedByUserAction")
    assert hasattr(box, "currentNode")
    assert getattr(box, "setNodeTypes", None) is None


def test_a_plain_cpp_setter_is_refused(application, refused):
    with pytest.raises(AttributeError, match="not visible from Python"):
        slicer.qMRMLNodeComboBox().setNodeTypes(["vtkMRMLNode"])


def test_a_class_that_pythonqt_does_not_show_is_refused(application):
    with pytest.raises(AttributeError, match="QNonsense"):
        qt.QNonsense


def test_a_cpp_object_takes_no_new_attribute_and_a_python_subclass_does(button, refused):
    with pytest.raises(AttributeError, match="not allowed"):
        button.state = 1

    class Own(qt.QWidget):
        pass

    own = Own()
    own.state = 1
    assert own.state == 1


def test_a_dynamic_property_is_an_attribute(button):
    assert button.setProperty("SlicerParameterName", "engine") is False
    assert button.SlicerParameterName == "engine"
    button.SlicerParameterName = "device"
    assert button.property("SlicerParameterName") == "device"


def test_keyword_arguments_are_refused(button):
    for call in (
        lambda: button.setText(text="x"),
        lambda: qt.QPushButton(text="x"),
        lambda: ctk.ctkComboBox(parent=None),
    ):
        with pytest.raises(ValueError, match="no keyword arguments"):
            call()


def test_lists_come_back_as_tuples(application):
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    assert box.nodeTypes == ("vtkMRMLScalarVolumeNode",)
    assert isinstance(box.children(), tuple)


def test_a_text_in_a_list_property_falls_into_letters(application):
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = "abc"
    assert box.nodeTypes == ("a", "b", "c")


def test_enums_are_unscoped(application):
    label = qt.QLabel("x")
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignVCenter
    assert label.alignment == int(qt.Qt.AlignRight | qt.Qt.AlignVCenter)


def test_exec_may_be_written_both_ways(application):
    loop = qt.QEventLoop()
    qt.QTimer.singleShot(1, loop.quit)
    assert loop.exec_() == 0


def test_single_shot_of_a_timer_is_the_static_function(application, refused):
    timer = qt.QTimer()
    with pytest.raises(AttributeError, match="is a method"):
        timer.singleShot = True
    timer.setSingleShot(True)
    assert timer.isSingleShot()


def test_classes_are_named_and_found_as_in_slicer(application):
    parent = qt.QWidget()
    box = slicer.qMRMLNodeComboBox(parent)
    box.name = "volume"
    assert box.className() == "qMRMLNodeComboBox"
    assert box.inherits("QWidget")
    assert parent.findChild("qMRMLNodeComboBox", "volume") is box
    assert type(qt.QPushButton()) == qt.QPushButton  # noqa: E721


# Signals


def test_a_signal_is_connected_by_signature_and_surplus_arguments_are_dropped(button):
    seen = []
    assert button.connect("clicked( bool )", lambda: seen.append("none"))
    assert button.connect("clicked(bool)", lambda checked: seen.append(checked))
    assert button.clicked.connect(lambda: seen.append("attribute"))
    button.click()
    assert seen == ["none", False, "attribute"]


def test_a_wrong_signature_returns_false_and_says_so(button, refused, capsys):
    assert button.connect("clicked(int)", print) is False
    assert "clicked(int)" in capsys.readouterr().err
    assert refused[0][1] == "clicked(int)"


def test_disconnect_takes_the_same_method_and_never_raises(button):
    seen = []
    button.connect("clicked()", seen.append)
    assert button.disconnect("clicked()", print) is False
    assert button.disconnect("clicked()", seen.append) is True
    button.click()
    assert seen == []


def test_an_overloaded_signal_has_one_connection_for_each_signature(application):
    box = slicer.qMRMLNodeComboBox()
    seen = []
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.connect("currentNodeChanged(bool)", seen.append)
    box.connect(
        "currentNodeChanged(vtkMRMLNode*)",
        lambda node: seen.append(node and node.GetName()),
    )
    box.setMRMLScene(slicer.mrmlScene)
    box.show()  # before, Slicer's may not have chosen anything
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    assert sorted(seen, key=str) == ["CT", True]


def test_an_exception_in_a_slot_is_printed_and_remembered(button, capsys):
    def fail():
        raise RuntimeError("broken slot")

    button.connect("clicked()", fail)
    button.click()
    assert [str(error) for error in slicerenv.slot_errors] == ["broken slot"]
    assert "broken slot" in capsys.readouterr().err
    slicerenv.slot_errors.clear()


def test_a_signal_of_a_python_class_is_connected_by_its_attribute_only(application, refused):
    class Strip(qt.QWidget):
        jumped = qt.Signal(int)

    strip = Strip()
    seen = []
    strip.jumped.connect(seen.append)
    assert strip.connect("jumped(int)", lambda index: seen.append(-index)) is False
    strip.jumped.emit(3)
    assert seen == [3]
    assert refused[0][1] == "jumped(int)"


def test_children_are_found_by_name_below_parents_of_that_name_only(application):
    top = qt.QWidget()
    frame = qt.QFrame(top)
    frame.name = "frame"
    label = qt.QLabel("x", frame)
    label.name = "status"
    assert top.findChildren("QLabel", "status") == ()
    assert top.findChildren("QLabel") == (label,)
    assert top.findChild("QLabel", "status") is label


# Subclasses and events


def test_virtual_functions_of_a_python_class_are_called(application):
    class Canvas(qt.QWidget):
        def __init__(self):
            qt.QWidget.__init__(self)
            self.pressed = []
            self.num_painted = 0

        def sizeHint(self):
            return qt.QSize(70, 30)

        def paintEvent(self, event):
            painter = qt.QPainter(self)
            painter.drawRect(0, 0, self.width - 1, self.height - 1)
            painter.end()
            self.num_painted += 1

        def mousePressEvent(self, event):
            self.pressed.append((event.button() == qt.Qt.LeftButton, self.height))

    canvas = Canvas()
    canvas.resize(70, 30)
    canvas.show()
    person.turns()
    person.click(canvas)
    assert canvas.num_painted > 0
    assert canvas.pressed == [(True, 30)]


def test_an_event_filter_of_a_python_class_is_asked(application):
    class Filter(qt.QObject):
        def __init__(self):
            qt.QObject.__init__(self)
            self.keys = []

        def eventFilter(self, watched, event):
            if event.type() == qt.QEvent.KeyPress:
                self.keys.append(event.key() == qt.Qt.Key_Escape)
            return False

    line = qt.QLineEdit()
    listener = Filter()
    line.installEventFilter(listener)
    line.show()
    person.press_key(line, "Esc")
    assert listener.keys == [True]


def test_a_shortcut_acts_when_its_keys_are_pressed(application):
    window = qt.QWidget()
    seen = []
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Shift+P"), window)
    shortcut.connect("activated()", lambda: seen.append(True))
    window.show()
    window.activateWindow()
    person.turns()
    person.press_key(window, "Ctrl+Shift+P")
    assert seen == [True]


def test_a_person_cannot_click_what_is_disabled_or_hidden(button):
    with pytest.raises(RuntimeError, match="hidden"):
        person.click(button)
    button.enabled = False
    button.show()
    with pytest.raises(RuntimeError, match="disabled"):
        person.click(button)
