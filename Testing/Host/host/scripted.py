"""slicer.ScriptedLoadableModule, slicer.i18n and SampleData.

The Python modules of Slicer that the wheel of its libraries leaves out.
"""

import os
import sys
import types
import unittest

import slicer
from PySide6 import QtWidgets

from host.classes import HostError


class ScriptedLoadableModule:
    """Base of a module's description."""

    def __init__(self, parent):
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories = []
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename):
        return os.path.join(os.path.dirname(self.parent.path), "Resources", filename)

    def getDefaultModuleDocumentationLink(self, docPage=None):
        return ""

    def runTest(self, msec=100, **kwargs):
        """Run the module's own test class."""
        case = getattr(sys.modules[self.moduleName], f"{self.moduleName}Test")()
        case.messageDelay = msec
        case.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    """Base of a module's panel."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = slicer.util.settingsValue(
            "Developer/DeveloperMode",
            False,
            converter=slicer.util.toBool,
        )
        self.parent = parent or self._own_parent()
        self.layout = self.parent.layout()
        slicer.app.moduleManager().connect(
            "moduleAboutToBeUnloaded(QString)",
            self._onModuleAboutToBeUnloaded,
        )
        if parent is None:
            self.setup()
            self.parent.show()

    def _own_parent(self):
        parent = slicer.qMRMLWidget()
        parent.setLayout(QtWidgets.QVBoxLayout())
        parent.setMRMLScene(slicer.mrmlScene)
        return parent

    def resourcePath(self, filename):
        return os.path.join(
            os.path.dirname(slicer.util.modulePath(self.moduleName)),
            "Resources",
            filename,
        )

    def _onModuleAboutToBeUnloaded(self, moduleName):
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect(
                "moduleAboutToBeUnloaded(QString)",
                self._onModuleAboutToBeUnloaded,
            )

    def cleanup(self):
        pass

    def setupDeveloperSection(self):
        """Slicer's section Reload & Test; the host shows none."""

    def setup(self):
        if self.developerMode:
            self.setupDeveloperSection()

    def onReload(self):
        slicer.util.reloadScriptedModule(self.moduleName)

    def onTest(self, **kwargs):
        slicer.selfTests[self.moduleName](**kwargs)

    def onReloadAndTest(self, **kwargs):
        self.onReload()
        self.onTest(**kwargs)

    def onEditSource(self):
        raise HostError("Slicer opens an editor here; the host has none.")


class ScriptedLoadableModuleLogic:
    """Base of a module's logic."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        if not self.isSingletonParameterNode:
            return self.createParameterNode()
        node = slicer.mrmlScene.GetSingletonNode(
            self.moduleName,
            "vtkMRMLScriptedModuleNode",
        ) or slicer.mrmlScene.AddNode(self.createParameterNode())
        node.SetAttribute("ModuleName", self.moduleName)
        return node

    def getAllParameterNodes(self):
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self):
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of a module's self test: runs every method whose name has "test" in it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.messageDelay = None

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        slicer.util.delayDisplay(message, 0)

    def takeScreenshot(self, name, description, type=-1):
        pass

    def runTest(self):
        for name in sorted(
            name
            for name in dir(self)
            if "test" in name and name != "runTest" and callable(getattr(self, name))
        ):
            self.setUp()
            getattr(self, name)()
            self.tearDown()


class SampleDataSource:
    """A sample as Slicer keeps it: a list for each of its files' fields, all of one length."""

    FIELDS = ("fileNames", "nodeNames", "loadFileTypes", "loadFiles", "checksums")

    def __init__(self, sampleName, uris, customDownloader, thumbnailFileName, fields):
        self.sampleName = sampleName
        self.customDownloader = customDownloader
        self.thumbnailFileName = thumbnailFileName
        if isinstance(uris, str):
            uris = [uris]
            fields = {
                name: [value] if value is None or isinstance(value, (str, bool)) else value
                for name, value in fields.items()
            }
        elif uris is not None and not uris:
            fields = {name: value or [] for name, value in fields.items()}
        self.uris = uris
        count = len(uris)  # None has no length, and Slicer ends in a TypeError, too
        for name in self.FIELDS:
            if len(fields[name]) != count:
                raise ValueError(f"{name} has {len(fields[name])} entries, uris has {count}")
            setattr(self, name, fields[name])


class SampleDataLogic:
    """Where a module registers its samples.

    The host keeps what it was told and downloads nothing.
    """

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties={},  # noqa: B006    as Slicer has it
        checksums=None,
        loadFileType=None,
    ):
        fields = {
            "fileNames": fileNames,
            "nodeNames": nodeNames,
            "loadFileTypes": loadFileTypes if loadFileType is None else loadFileType,
            "loadFiles": loadFiles,
            "checksums": checksums,
        }
        source = SampleDataSource(sampleName, uris, customDownloader, thumbnailFileName, fields)
        slicer.modules.sampleDataSources.setdefault(category, []).append(source)


def tr(text):
    """The text itself: the host speaks the sources' language."""
    return text


def translate(context, text):
    """The text itself, whatever the context."""
    return text


def getContext(sourceFile):
    """What a file's texts are collected under: its name without folder and suffix."""
    return os.path.splitext(os.path.basename(sourceFile))[0]


def make_python_modules():
    """Put the modules where an import finds them."""
    bases = (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
    contents = {
        "slicer.ScriptedLoadableModule": {
            "__all__": [base.__name__ for base in bases],
            **{base.__name__: base for base in bases},
        },
        "slicer.i18n": {"tr": tr, "translate": translate, "getContext": getContext},
        "SampleData": {"SampleDataLogic": SampleDataLogic},
    }
    for name, members in contents.items():
        module = sys.modules[name] = types.ModuleType(name)
        vars(module).update(members)
        if name.startswith("slicer."):
            setattr(slicer, name.removeprefix("slicer."), module)
