"""Names for Slicer's nodes and logics in annotations.

The libraries of Slicer and VTK bring no types that a checker could read, and not every Slicer has
every class, so each name stands for anything; it tells a person what belongs there.
"""

from typing import Any, TypeAlias

Scene: TypeAlias = Any  # vtkMRMLScene
Node: TypeAlias = Any  # vtkMRMLNode
VolumeNode: TypeAlias = Any  # vtkMRMLScalarVolumeNode
SegmentationNode: TypeAlias = Any  # vtkMRMLSegmentationNode
SliceNode: TypeAlias = Any  # vtkMRMLSliceNode
SequenceNode: TypeAlias = Any  # vtkMRMLSequenceNode
BrowserNode: TypeAlias = Any  # vtkMRMLSequenceBrowserNode
EditorNode: TypeAlias = Any  # vtkMRMLSegmentEditorNode
ScriptedNode: TypeAlias = Any  # vtkMRMLScriptedModuleNode
EditorLogic: TypeAlias = Any  # vtkSlicerSegmentEditorLogic
ApplicationLogic: TypeAlias = Any  # vtkSlicerApplicationLogic
Labelmap: TypeAlias = Any  # vtkOrientedImageData
Transform: TypeAlias = Any  # vtkAbstractTransform
Matrix: TypeAlias = Any  # vtkMatrix4x4
