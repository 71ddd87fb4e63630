"""Where a model's structures go: along which slices, and into which segments."""

from collections.abc import Callable, Mapping

from SlicePropagationLib.segmenters.catalogue import ShippedModel
from SlicePropagationMRML.nodes.geometry import planeOfAxis
from SlicePropagationMRML.nodes.types import SegmentationNode, VolumeNode

AS_STORED = 0  # the voxel axis, K, along which a model without an orientation has learnt slices


def planeFor(model: ShippedModel, volumeNode: VolumeNode) -> str:
    """The anatomical plane whose slices a model looks at in a volume."""
    return model.plane or planeOfAxis(volumeNode, AS_STORED)


def segmentsFor(
    segmentationNode: SegmentationNode,
    structures: Mapping[int, str],
    isBlank: Callable[[str], bool],
    add: Callable[[str], str] | None = None,
) -> dict[int, str]:
    """{label of a structure: ID of its segment}.

    A segment with the name of a structure is taken. Where the segmentation has nothing but one
    segment in which nothing is drawn, that becomes the first structure.

    Args:
        segmentationNode: the segmentation; segments may be added and renamed.
        structures: {label: name}.
        isBlank: whether nothing is drawn in a segment, by its ID.
        add: adds a segment of a name, and returns its ID; by default MRML does.
    """
    content = segmentationNode.GetSegmentation()
    ids = list(content.GetSegmentIDs())
    named = {content.GetSegment(one).GetName().lower(): one for one in ids}
    missing = [name for name in structures.values() if name.lower() not in named]
    if len(ids) == 1 and missing and isBlank(ids[0]):
        first = missing.pop(0)
        content.GetSegment(ids[0]).SetName(first)
        named[first.lower()] = ids[0]
    for name in missing:
        named[name.lower()] = (add or _adder(content))(name)
    return {label: named[name.lower()] for label, name in structures.items()}


def _adder(content: object) -> Callable[[str], str]:
    return lambda name: content.AddEmptySegment("", name)  # pyright: ignore
