"""What a result would take from segments outside the run: of predictions, and of what was drawn."""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes.commit import exposedSegments
from SlicePropagationMRML.nodes.types import EditorNode
from SlicePropagationMRML.run.document import Document

# {label: {slice: (add, remove)}}
Changes: TypeAlias = dict[int, dict[int, tuple[Patch, Patch]]]


class Taking(NamedTuple):
    """What would be taken from one slice of a segment.

    Attributes:
        name: of the segment.
        index: the slice.
        patch: the pixels.
        isDrawn: whether a person drew or confirmed the slice, or drew these pixels in another
            plane, as far as its tag tells; without one, everything counts as drawn.
    """

    name: str
    index: int
    patch: Patch
    isDrawn: bool

    @property
    def numVoxels(self) -> int:
        """How many."""
        return self.patch.area


def takings(document: Document, changes: Changes, editorNode: EditorNode) -> list[Taking]:
    """What changes would take from segments that they are not of, segment by segment.

    Args:
        document: what is worked on.
        changes: what a run wants.
        editorNode: whose overwrite mode is in force.
    """
    added = _added(changes)
    own = {document.segments[label] for label in changes}
    exposed = exposedSegments(document.segmentationNode, own, editorNode) if added else []
    if not exposed:
        return []
    # not open, or not in the run: what they show, and what their tags say of it
    others = Document(
        document.scene,
        document.volumeNode,
        document.segmentationNode,
        exposed,
        document.stack.axis,
        document.stack,
    )
    found = [_taken(others, label, index, added) for label in others.segments for index in added]
    return [taking for parts in found for taking in parts if taking.numVoxels]


def spare(changes: Changes, drawn: Iterable[Taking]) -> Changes:
    """The same changes without what they would take from drawn slices."""
    kept: dict[int, list[Patch]] = {}
    for taking in drawn:
        kept.setdefault(taking.index, []).append(taking.patch)
    return {
        label: {
            index: (_without(add, kept.get(index, [])), remove)
            for index, (add, remove) in slices.items()
        }
        for label, slices in changes.items()
    }


def _added(changes: Changes) -> dict[int, list[Patch]]:
    """{slice: `Patch`es that are added}."""
    added: dict[int, list[Patch]] = {}
    for slices in changes.values():
        for index, (add, _) in slices.items():
            if not add.is_empty:
                added.setdefault(index, []).append(add)
    return added


def _taken(others: Document, label: int, index: int, added: dict[int, list[Patch]]) -> list[Taking]:
    """What one label loses on one slice, perhaps nothing: of what is drawn, and of the rest."""
    state = others.session.state(label, index)
    shared = state.patch.without(_without(state.patch, added[index]))
    name = others.segmentName(label)
    if others.session.is_anchor(label, index):
        return [Taking(name, index, shared, isDrawn=True)]
    return [
        Taking(name, index, shared.within(state.hint), isDrawn=True),
        Taking(name, index, shared.without(state.hint), isDrawn=False),
    ]


def _without(patch: Patch, others: Iterable[Patch]) -> Patch:
    for other in others:
        patch = patch.without(other)
    return patch
