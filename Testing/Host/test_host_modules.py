"""The host's modules, pictures and .ui files do what Slicer's do."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets",
    reason="the test host needs PySide6-Essentials and the libraries of Qt's offscreen platform",
    exc_type=ImportError,
)
pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

from host import classes, picture, slicerenv

slicerenv.bootstrap()

import qt
import slicer

# Sample data


def register(**keywords):
    import SampleData

    slicer.modules.sampleDataSources = {}
    SampleData.SampleDataLogic.registerCustomSampleDataSource(category="Own", **keywords)
    return slicer.modules.sampleDataSources["Own"][-1]


def test_a_sample_without_uris_is_refused_as_slicer_does(application):
    with pytest.raises(TypeError):
        register(sampleName="Own", customDownloader=lambda source: [])


@pytest.mark.parametrize("keywords", [{"uris": ""}, {"uris": [], "fileNames": []}])
def test_a_sample_with_a_downloader_of_its_own_names_empty_uris(application, keywords):
    source = register(sampleName="Own", customDownloader=lambda source: ["node"], **keywords)
    assert source.customDownloader(source) == ["node"]


def test_fields_of_a_sample_of_unequal_length_are_refused(application):
    with pytest.raises(ValueError, match="nodeNames"):
        register(sampleName="Own", uris=["a", "b"], fileNames=["a", "b"], nodeNames=["a"])


# Modules

MODULE = """
import qt
import slicer
from slicer.ScriptedLoadableModule import *

class Little(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "A little module"
        slicer.app.connect("startupCompleted()", lambda: calls.append("started"))

class LittleWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.label = qt.QLabel("little")
        self.layout.addWidget(self.label)
        calls.append("setup")
    def enter(self): calls.append("enter")
    def exit(self): calls.append("exit")
    def cleanup(self): calls.append("cleanup")

class LittleLogic(ScriptedLoadableModuleLogic): pass

calls = []
"""


@pytest.fixture
def little(application, tmp_path):
    path = tmp_path / "Little.py"
    path.write_text(MODULE, encoding="utf-8")
    return slicerenv.load_module(path)


def test_a_module_is_set_up_and_entered_and_left(little):
    module, instance, widget, panel = little
    assert module.calls == ["started", "setup", "enter"]
    assert panel.isEntered
    slicer.util.selectModule("Data")
    assert module.calls[3:] == ["exit"]
    assert not panel.isEntered
    slicer.util.selectModule("Little")
    assert module.calls[4:] == ["enter"]
    assert slicer.util.selectedModule() == "Little"
    assert slicer.modules.little.title == "A little module"
    assert slicer.modules.LittleInstance is instance


def test_a_reload_reads_the_file_anew_and_keeps_the_panel(little):
    module, _, widget, panel = little
    # Of another length: Python tells files of one length and second apart by nothing.
    Path(slicer.modules.little.path).write_text(
        MODULE.replace('qt.QLabel("little")', 'qt.QLabel("much bigger")'),
        encoding="utf-8",
    )
    widget.onReload()
    assert module.calls[-1] == "cleanup"
    assert slicer.modules.LittleWidget.label.text == "much bigger"
    assert slicer.modules.LittleWidget.parent is panel


def test_the_end_of_the_application_cleans_a_module_up(little):
    slicerenv.unload_module("Little")
    assert little[0].calls[-2:] == ["exit", "cleanup"]
    assert not hasattr(slicer.modules, "little")


def test_start_up_is_completed_once_for_a_module(little, tmp_path):
    (tmp_path / "Second.py").write_text(MODULE.replace("Little", "Second"), encoding="utf-8")
    second = slicerenv.load_module(tmp_path / "Second.py")[0]
    assert little[0].calls.count("started") == second.calls.count("started") == 1


def test_the_parameter_node_is_one_for_a_module(little):
    logic = little[0].LittleLogic()
    assert logic.getParameterNode() is little[0].LittleLogic().getParameterNode()
    assert logic.getAllParameterNodes() == [logic.getParameterNode()]
    slicer.mrmlScene.Clear()
    assert logic.getParameterNode().GetAttribute("ModuleName") == "Little"


def test_a_file_without_its_class_is_rejected(application, tmp_path):
    (tmp_path / "Empty.py").write_text("", encoding="utf-8")
    with pytest.raises(classes.HostError, match="no class Empty"):
        slicerenv.load_module(tmp_path / "Empty.py")


# Pictures


@pytest.mark.parametrize("palette, is_dark", [("light", False), ("dark", True)])
def test_a_picture_has_the_width_and_the_palette_asked_for(application, tmp_path, palette, is_dark):
    widget = qt.QWidget()
    layout = qt.QVBoxLayout(widget)
    label = qt.QLabel(
        "A sentence that has to be wrapped, since it is much longer than the picture is wide, and"
        " shown to its end."
    )
    label.wordWrap = True
    layout.addWidget(label)
    sizes = [
        picture.take(widget, tmp_path / "panel.png", width, palette=palette) for width in (400, 200)
    ]
    assert [width for width, _ in sizes] == [400, 200]
    assert sizes[1][1] > sizes[0][1]
    assert (qt.QImage(str(tmp_path / "panel.png")).pixelColor(2, 2).lightness() < 128) is is_dark
    picture.use_palette("light")


def test_a_picture_says_that_its_contents_do_not_fit(application, tmp_path):
    label = qt.QLabel("Unbreakable")
    label.setMinimumWidth(300)
    assert picture.take(label, tmp_path / "panel.png", 100)[0] == 300


# .ui files


def ui_file(folder, body, connections=""):
    path = folder / "Panel.ui"
    path.write_text(
        '<ui version="4.0"><class>Panel</class><widget class="qMRMLWidget" name="Panel">'
        f'<layout class="QVBoxLayout" name="layout">{body}</layout></widget>'
        f"<connections>{connections}</connections></ui>",
        encoding="utf-8",
    )
    return str(path)


def test_widgets_of_a_ui_file_are_found_by_name_and_connected(application, tmp_path):
    path = ui_file(
        tmp_path,
        '<item><widget class="qMRMLNodeComboBox" name="selector"><property'
        ' name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string>'
        "</stringlist></property></widget></item>",
        "<connection><sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>"
        "<receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>",
    )
    widget = slicer.util.loadUI(path)
    ui = slicer.util.childWidgetVariables(widget)
    widget.setMRMLScene(slicer.mrmlScene)
    volume = slicer.util.addVolumeFromArray(np.zeros((8, 24, 20), np.float32), name="CT")
    assert ui.selector.className() == "qMRMLNodeComboBox"
    assert ui.selector.currentNode() is volume


@pytest.mark.parametrize(
    "body, complaint",
    [
        ('<item><widget class="qMRMLNodeBox" name="x"/></item>', "no widget qMRMLNodeBox"),
        (
            (
                '<item><widget class="ctkComboBox" name="x"><property'
                ' name="colour"><string>red</string></property></widget></item>'
            ),
            "ctkComboBox has no property colour",
        ),
    ],
)
def test_a_ui_file_with_what_slicer_does_not_have_is_refused(
    application,
    tmp_path,
    body,
    complaint,
):
    with pytest.raises(RuntimeError, match=complaint):
        slicer.util.loadUI(ui_file(tmp_path, body))
