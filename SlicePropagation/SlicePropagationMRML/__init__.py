"""MRML nodes and arrays: the layer between Slicer's scene and the library.

Slicer and vtk, no Qt.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from SlicePropagationMRML.nodes.sequences import propagateSequence

__all__ = ["propagateSequence"]


def __getattr__(name: str) -> Any:
    """`propagateSequence` when it is asked for: SciPy and SimpleITK are not imported at start-up."""
    if name == "propagateSequence":
        from SlicePropagationMRML.nodes.sequences import propagateSequence

        return propagateSequence
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
