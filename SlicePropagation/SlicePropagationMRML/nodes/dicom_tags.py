"""How a segment came about, in the tags that Slicer's own export of DICOM SEG reads.

The export (of the extension QuantitativeReporting) takes type and name of the algorithm from them,
and calls a segment without them drawn by hand.
"""

from collections.abc import Iterable

from SlicePropagationLib import __version__
from SlicePropagationLib.session import Provenance, SliceState
from SlicePropagationMRML.nodes.types import Node

TYPE = "DICOM.SegmentAlgorithmType"
NAME = "DICOM.SegmentAlgorithmName"
OURS = "SlicePropagation"
BETWEEN = " + "  # names of several algorithms
LONGEST = 64  # characters, of DICOM's value representation LO


def writeAlgorithm(node: Node, name: str, states: Iterable[SliceState], engineName: str) -> None:
    """Bring the tags of a segment in line with what is known of its slices.

    Args:
        node: the segment (a vtkSegment).
        name: what its tag `NAME` says now; algorithms of others that it names stay in it.
        states: of its slices.
        engineName: what walked last.
    """
    others = [part for part in name.split(BETWEEN) if part and not part.startswith(OURS)]
    kinds = [state for state in states if state.provenance != Provenance.EMPTY]
    if any(_isPredicted(state) for state in kinds):
        node.SetTag(TYPE, "SEMIAUTOMATIC")
        node.SetTag(NAME, _nameOf([*others, f"{OURS} {__version__} {engineName}".strip()]))
    elif others:
        node.SetTag(NAME, _nameOf(others))
    elif kinds:
        node.SetTag(TYPE, "MANUAL")
        node.RemoveTag(NAME)


def _isPredicted(state: SliceState) -> bool:
    """Whether an engine had a part in a slice; who says that nothing is on it has none."""
    if state.provenance == Provenance.CONFIRMED:
        return not state.patch.is_empty
    return state.provenance in (Provenance.PROPAGATED, Provenance.CORRECTION)


def _nameOf(algorithms: list[str]) -> str:
    """Names in one, as DICOM allows it: the last ones where not all have room."""
    while len(BETWEEN.join(algorithms)) > LONGEST and len(algorithms) > 1:
        del algorithms[0]
    return BETWEEN.join(algorithms).replace("\\", "/")[:LONGEST]
