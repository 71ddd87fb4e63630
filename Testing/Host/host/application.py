"""slicer.app.

The scene, the application logic with its module logics, settings, and reading and writing files.
"""

import os
import tempfile

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from host.classes import behaviour, build, stored

MODULE_LOGICS = {
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Colors": "vtkMRMLColorLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Data": "vtkSlicerDataModuleLogic",
    "Plots": "vtkSlicerPlotsLogic",
}


@behaviour("qSlicerApplication", majorVersion=5, minorVersion=10)
class Application:
    """The one application object."""

    def _start(self, is_testing):
        """The scene and everything that lives as long as the application."""
        self._is_testing = is_testing
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-host-")
        stored(self)["temporaryPath"] = self._folder.name
        self.setOrganizationName("NA-MIC")
        self.setApplicationName("Slicer")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        QtCore.QSettings.setPath(
            QtCore.QSettings.IniFormat,
            QtCore.QSettings.UserScope,
            self._folder.name,
        )
        self._settings = QtCore.QSettings()
        scene = self._scene = slicer.mrmlScene = slicer.vtkMRMLScene()
        self._cache = slicer.vtkCacheManager()
        self._data_io = slicer.vtkDataIOManager()  # reading a bundle asks for both
        self._cache.SetRemoteCacheDirectory(self._folder.name)
        self._cache.SetMRMLScene(scene)
        self._data_io.SetCacheManager(self._cache)
        scene.SetCacheManager(self._cache)
        scene.SetDataIOManager(self._data_io)
        logic = self._logic = slicer.vtkSlicerApplicationLogic()
        logic.SetMRMLScene(scene)
        logic.GetColorLogic().SetMRMLScene(scene)
        logic.GetColorLogic().AddDefaultColorNodes()
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        self._module_logics = {
            name: self._make_logic(name, kind) for name, kind in MODULE_LOGICS.items()
        }
        self._io = build("qSlicerIOManager")()
        self._io._application = self
        self._modules = build("qSlicerModuleManager")()
        self._layout = None
        scene.AddObserver(scene.EndCloseEvent, self._scene_closed)

    def topLevelWidgets(self):
        """The main window, where there is one; the host has no other that is looked for.

        Qt's own list wraps each window of the process anew, at every refresh of the panel. Once it
        met one of an earlier test that was being deleted, and the process ended.
        """
        window = getattr(self, "_window", None)
        return [] if window is None else [window]

    def _make_logic(self, name, kind):
        made = getattr(slicer, kind)()
        made.SetMRMLApplicationLogic(self._logic)
        made.SetMRMLScene(self._scene)
        self._logic.SetModuleLogic(name, made)
        return made

    def _scene_closed(self, scene, event):
        """What the application makes again for an empty scene."""
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        self._logic.GetColorLogic().AddDefaultColorNodes()
        if self._layout is not None:
            self._layout._restore()

    def mrmlScene(self):
        return self._scene

    def applicationLogic(self):
        return self._logic

    def moduleLogic(self, name):
        return self._module_logics.get(name)

    def moduleManager(self):
        return self._modules

    def layoutManager(self):
        """The layout, or None without a main window, as in headless Slicer."""
        return self._layout

    def coreIOManager(self):
        return self._io

    def ioManager(self):
        return self._io

    def settings(self):
        return self._settings

    userSettings = revisionUserSettings = settings

    def testingEnabled(self):
        return self._is_testing

    def commandOptions(self):
        return None

    def pythonConsole(self):
        return None


@behaviour("qSlicerModuleManager")
class ModuleManager:
    """The modules by name."""

    def module(self, name):
        return getattr(slicer.modules, name.lower(), None)

    def modulesNames(self):
        return sorted(
            stored(module)["name"]
            for module in vars(slicer.modules).values()
            if isinstance(module, build("qSlicerAbstractCoreModule"))
        )


@behaviour("qSlicerCoreIOManager", defaultSceneFileType="MRML Scene (.mrml)")
class CoreIOManager:
    """Volumes, segmentations and scenes, through their storage nodes."""

    def fileType(self, path):
        path = str(path)
        if path.endswith((".mrb", ".mrml")):
            return "SceneFile"
        return "SegmentationFile" if path.endswith((".seg.nrrd", ".seg.nhdr")) else "VolumeFile"

    def fileWriterFileType(self, node, extension=""):
        return (
            "SegmentationFile"
            if node.IsA("vtkMRMLSegmentationNode")
            else "VolumeFile"
            if node.IsA("vtkMRMLVolumeNode")
            else "NodeFile"
        )

    def loadNodes(self, file_type, properties, loaded=None, messages=None):
        path = properties["fileName"]
        if not os.path.exists(path):
            return False
        if file_type == "SceneFile":
            return self.loadScene(path, properties.get("clear", False))
        name = properties.get("name") or os.path.basename(path).split(".")[0]
        node = (
            self._load_volume(path, name, properties)
            if file_type == "VolumeFile"
            else self._load_segmentation(path, name)
        )
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def _load_volume(self, path, name, properties):
        return self._application.moduleLogic("Volumes").AddArchetypeVolume(
            path,
            name,
            1 if properties.get("labelmap") else 0,
        )

    def _load_segmentation(self, path, name):
        return self._application.moduleLogic("Segmentations").LoadSegmentationFromFile(
            path,
            True,
            name,
        )

    def loadScene(self, path, clear=True, messages=None):
        scene = self._application.mrmlScene()
        if clear:
            scene.Clear(False)
        if path.endswith(".mrb"):
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def saveNodes(self, file_type, properties, messages=None, scene=None):
        path = str(properties["fileName"])
        scene = scene or self._application.mrmlScene()
        if file_type == "SceneFile":
            return self._save_scene(scene, path)
        node = scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(path)
        return bool(node.GetStorageNode().WriteData(node))

    def _save_scene(self, scene, path):
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path))
        scene.SetURL(path)
        return bool(scene.Commit(path))

    def addDefaultStorageNodes(self):
        scene = self._application.mrmlScene()
        for index in range(scene.GetNumberOfNodes()):
            node = scene.GetNthNode(index)
            if node.IsA("vtkMRMLStorableNode") and node.GetStorageNode() is None:
                node.AddDefaultStorageNode()

    def emitNewFileLoaded(self, properties):
        self.newFileLoaded.emit(properties)


def make_application(is_testing):
    """The application object, before anything else of Qt.

    Raises:
        RuntimeError: another application object is there already.
    """
    if QtWidgets.QApplication.instance() is not None:
        raise RuntimeError(
            "A QApplication is there already; start the host before anything else of Qt."
        )
    app = build("qSlicerApplication")(["Slicer"])
    slicer.app = app
    app._start(is_testing)
    return app
