"""Segment Editor effects: the built-in ones that draw, and those that a Python file brings."""

import importlib.util
import logging
import sys
import types

from PySide6 import QtCore, QtWidgets

from host.classes import behaviour, build, stored

BUILT_IN = {
    "Threshold": "",
    "Paint": "Paint with a round brush.",
    "Draw": "Draw the outline of a region.",
    "Erase": "Erase with a round brush.",
    "Level tracing": "",
    "Grow from seeds": "",
    "Fill between slices": "",
    "Margin": "",
    "Hollow": "",
    "Smoothing": "",
    "Scissors": "",
    "Islands": "",
    "Logical operators": "",
    "Mask volume": "",
}
MODES = (
    "ModificationModeSet",
    "ModificationModeAdd",
    "ModificationModeRemove",
    "ModificationModeRemoveAll",
)


@behaviour(
    "qSlicerSegmentEditorAbstractEffect",
    perSegment=True,
    requireSegments=True,
    name="",
    title="",
)
class AbstractEffect:
    """An effect in an editor.

    Parameters on the editor's node, changes through the editor's logic.
    """

    def __init__(self, parent=None):
        QtCore.QObject.__init__(self, parent)
        self._editor = None
        self._is_active = False
        self._frame = QtWidgets.QFrame()
        self._form = QtWidgets.QFormLayout(self._frame)
        self._form.setContentsMargins(4, 4, 4, 4)

    def _join(self, editor):
        self._editor = editor
        self.setupOptionsFrame()

    def setupOptionsFrame(self):
        pass

    def setMRMLDefaults(self):
        pass

    def helpText(self):
        return BUILT_IN.get(stored(self)["name"], "")

    def activate(self):
        self._is_active = True
        self._frame.setVisible(True)

    def deactivate(self):
        self._is_active = False
        self._frame.setVisible(False)

    def active(self):
        return self._is_active

    def cleanup(self):
        pass

    def optionsFrame(self):
        return self._frame

    def optionsLayout(self):
        return self._form

    def addOptionsWidget(self, widget):
        self._form.addRow(widget)

    def addLabeledOptionsWidget(self, label, widget):
        self._form.addRow(label, widget)
        return self._form.labelForField(widget)

    def scene(self):
        return self._editor.mrmlScene()

    def parameterSetNode(self):
        return self._editor.mrmlSegmentEditorNode()

    def selectEffect(self, name):
        self._editor.setActiveEffectByName(name)

    # Parameters: attributes of the editor's node, "EffectName.ParameterName"

    def _key(self, name):
        return f"{stored(self)['name']}.{name}"

    def parameter(self, name):
        node = self.parameterSetNode()
        value = node.GetAttribute(self._key(name)) if node is not None else None
        value = node.GetAttribute(name) if value is None and node is not None else value
        if value is None and node is not None:
            logging.error("Parameter named %s cannot be found for effect %s", name, self._key(name))
        return value or ""

    def integerParameter(self, name):
        return int(float(self.parameter(name) or 0))

    def doubleParameter(self, name):
        return float(self.parameter(name) or 0)

    def parameterDefined(self, name):
        return (
            self.parameterSetNode() is not None
            and self.parameterSetNode().GetAttribute(self._key(name)) is not None
        )

    def commonParameterDefined(self, name):
        return (
            self.parameterSetNode() is not None
            and self.parameterSetNode().GetAttribute(name) is not None
        )

    def setParameter(self, name, value):
        self.setCommonParameter(self._key(name), value)

    def setCommonParameter(self, name, value):
        """Store a parameter; the active effect shows it at once.

        As in Slicer, an empty text where nothing was stored stores nothing.
        """
        node = self.parameterSetNode()
        text = str(value)
        if node is None or (node.GetAttribute(name) or "") == text:
            return
        node.SetAttribute(name, text)
        if self._is_active:
            self.updateGUIFromMRML()

    def setParameterDefault(self, name, value):
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def setCommonParameterDefault(self, name, value):
        if not self.commonParameterDefined(name):
            self.setCommonParameter(name, value)

    def nodeReference(self, name):
        return self.parameterSetNode().GetNodeReference(self._key(name))

    def setNodeReference(self, name, node):
        self.parameterSetNode().SetNodeReferenceID(
            self._key(name),
            node.GetID() if node is not None else None,
        )

    # Images, as the editor's logic has them

    def saveStateForUndo(self):
        self._editor.saveStateForUndo()

    def defaultModifierLabelmap(self):
        self._editor._prepare()
        self._editor._logic.ResetModifierLabelmapToDefault()
        return self._editor._logic.GetModifierLabelmap()

    def modifierLabelmap(self):
        return self._editor._logic.GetModifierLabelmap()

    def selectedSegmentLabelmap(self):
        self._editor._prepare()
        self._editor._logic.UpdateSelectedSegmentLabelmap()
        return self._editor._logic.GetSelectedSegmentLabelmap()

    def maskLabelmap(self):
        self._editor._prepare()
        self._editor._logic.UpdateMaskLabelmap()
        return self._editor._logic.GetMaskLabelmap()

    def sourceVolumeImageData(self):
        self._editor._logic.UpdateAlignedSourceVolume()
        return self._editor._logic.GetAlignedSourceVolume()

    def referenceGeometryImage(self):
        self._editor._logic.UpdateReferenceGeometryImage()
        return self._editor._logic.GetReferenceGeometryImage()

    def modifySelectedSegmentByLabelmap(self, labelmap, mode, *rest):
        node = self.parameterSetNode()
        self.modifySegmentByLabelmap(
            node.GetSegmentationNode(),
            node.GetSelectedSegmentID(),
            labelmap,
            mode,
            *rest,
        )

    def modifySegmentByLabelmap(self, segmentation_node, segment_id, labelmap, mode, *rest):
        extent = [argument for argument in rest if not isinstance(argument, bool)]
        bypass = any(argument for argument in rest if isinstance(argument, bool))
        self._editor._prepare()
        logic = self._editor._logic
        logic.ModifySegmentByLabelmap(
            segmentation_node,
            segment_id,
            labelmap,
            getattr(logic, MODES[int(mode)]),
            *extent,
            bool(stored(self)["perSegment"]),
            bypass,
        )

    def confirmCurrentSegmentVisible(self):
        return self.ConfirmedWithoutDialog

    def updateGUIFromMRML(self):
        pass

    def updateMRMLFromGUI(self):
        pass


@behaviour("qSlicerSegmentEditorScriptedEffect")
class ScriptedEffect(AbstractEffect):
    """An effect whose behaviour is the class SegmentEditorEffect of a Python file."""

    _python = None
    _source = ""

    def setPythonSource(self, path):
        name = f"_effect_{abs(hash(path))}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._source = str(path)
        self._python = module.SegmentEditorEffect(self)
        return True

    def pythonSource(self):
        return self._source

    def self(self):
        return self._python

    def _clone(self):
        return self._python.clone()

    def _call(self, name, fallback, *arguments):
        function = getattr(self._python, name, None)
        return function(*arguments) if function else fallback(self, *arguments)

    def setupOptionsFrame(self):
        self._call("setupOptionsFrame", AbstractEffect.setupOptionsFrame)

    def setMRMLDefaults(self):
        self._call("setMRMLDefaults", AbstractEffect.setMRMLDefaults)

    def helpText(self):
        return self._call("helpText", AbstractEffect.helpText)

    def activate(self):
        AbstractEffect.activate(self)
        self._call("activate", lambda effect: None)

    def deactivate(self):
        self._call("deactivate", lambda effect: None)
        AbstractEffect.deactivate(self)

    def cleanup(self):
        self._call("cleanup", AbstractEffect.cleanup)

    def updateGUIFromMRML(self):
        self._call("updateGUIFromMRML", AbstractEffect.updateGUIFromMRML)

    def updateMRMLFromGUI(self):
        self._call("updateMRMLFromGUI", AbstractEffect.updateMRMLFromGUI)


@behaviour("qSlicerSegmentEditorEffectFactory")
class EffectFactory:
    """Every effect that was registered; an editor takes a copy of each."""

    def registerEffect(self, effect):
        registered = self._effects()
        if any(stored(known)["name"] == stored(effect)["name"] for known in registered):
            return False
        registered.append(effect)
        self.effectRegistered.emit(stored(effect)["name"])
        return True

    def registeredEffects(self):
        return list(self._effects())

    def _effects(self):
        if "_registered" not in self.__dict__:
            self._registered = []
        return self._registered

    @staticmethod
    def instance():
        factory = build("qSlicerSegmentEditorEffectFactory")
        if "_instance" not in vars(factory):
            factory._instance = factory()
        return factory._instance


def built_in(name):
    """A new built-in effect; Paint, Draw and Erase draw, the rest only have their button."""
    effect = build("qSlicerSegmentEditorAbstractEffect")()
    stored(effect).update(name=name, title=name)
    return effect


def new_effects(editor, known):
    """The effects that an editor does not have yet.

    The built-in ones, and a copy of each that was registered.
    """
    made = [built_in(name) for name in BUILT_IN if name not in known]
    made += [
        effect._clone()
        for effect in EffectFactory.instance().registeredEffects()
        if stored(effect)["name"] not in known
    ]
    for effect in made:
        effect._join(editor)
    return made


def make_modules():
    """The Python modules that a file with an effect imports."""
    import slicer

    compiled = types.ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    for name in (
        "qSlicerSegmentEditorScriptedEffect",
        "qSlicerSegmentEditorAbstractEffect",
        "qSlicerSegmentEditorEffectFactory",
    ):
        setattr(compiled, name, build(name))
    python = types.ModuleType("SegmentEditorEffects")

    class AbstractScriptedSegmentEditorEffect:
        """The Python side of a scripted effect."""

        def __init__(self, scriptedEffect):
            self.scriptedEffect = scriptedEffect

        def register(self):
            slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

        def createCursor(self, widget):
            return slicer.util.mainWindow().cursor if slicer.util.mainWindow() else None

        def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
            return False

    python.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    python.__all__ = ["AbstractScriptedSegmentEditorEffect"]
    sys.modules.update({compiled.__name__: compiled, python.__name__: python})
    slicer.modules.__dict__.setdefault("segmenteditorscriptedeffectnames", [])
