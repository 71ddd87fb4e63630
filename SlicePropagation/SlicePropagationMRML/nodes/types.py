"""Names for annotations: Slicer's nodes and logics, and what a document offers to this room.

The libraries of Slicer and VTK bring no types that a checker could read, and not every Slicer has
every class, so each name of theirs stands for anything; it tells a person what belongs there.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

# the event loop's timer: (milliseconds, what to call then)
Schedule: TypeAlias = Callable[[int, Callable[[], object]], object]

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
DataArray: TypeAlias = Any  # vtkDataArray
Labelmap: TypeAlias = Any  # vtkOrientedImageData
Transform: TypeAlias = Any  # vtkAbstractTransform
Matrix: TypeAlias = Any  # vtkMatrix4x4


class OpenDocument(Protocol):
    """What is annotated, as far as this room looks at it.

    Attributes:
        volumeNode: the image.
        segmentationNode: what is drawn in.
        stack: the slices of the volume.
        session: what is known of them.
    """

    volumeNode: VolumeNode
    segmentationNode: SegmentationNode
    stack: SliceStack
    session: AnnotationSession

    def isElsewhere(self) -> bool:
        """Whether the volume lies elsewhere than when it was opened."""
        ...
