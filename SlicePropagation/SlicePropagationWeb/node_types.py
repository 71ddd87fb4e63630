"""Names for MRML nodes, whose types a checker cannot look into."""

from typing import Any, TypeAlias

VolumeNode: TypeAlias = Any  # vtkMRMLScalarVolumeNode
SegmentationNode: TypeAlias = Any  # vtkMRMLSegmentationNode
