"""Names for Slicer's nodes and logics in annotations.

The libraries of Slicer and VTK bring no types that a checker could read, and not every Slicer has
every class, so each name stands for anything; it tells a person what belongs there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from SlicePropagationLib.session import AnnotationSession
    from SlicePropagationLib.stack import SliceStack

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


class Annotated(Protocol):
    """What is annotated, as far as views look at it: a volume, its slices and their session."""

    volumeNode: VolumeNode
    stack: SliceStack
    session: AnnotationSession
