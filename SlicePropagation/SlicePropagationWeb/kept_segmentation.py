"""Copies of a segmentation to go back to; the voxels of large ones are packed."""

import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from SlicePropagationMRML.nodes.geometry import arrayOf, sharedScalars
from SlicePropagationMRML.nodes.strokes import BINARY_LABELMAP
from SlicePropagationMRML.nodes.types import Labelmap
from slicer import vtkSegmentation  # pyright: ignore[reportAttributeAccessIssue]

PACKED_BYTES = 8 * 2**20  # of voxels, from which on they are packed
LEVEL = 1  # of compression: masks pack well, and a stroke comes soon after another
_packer = ThreadPoolExecutor(1, "undo")


@dataclass(frozen=True)
class _Packed:
    """A labelmap without its voxels, and those."""

    labelmap: Labelmap
    extent: tuple[int, ...]
    kind: np.dtype
    content: bytes

    def unpack(self) -> None:
        voxels = np.frombuffer(zlib.decompress(self.content), self.kind)
        self.labelmap.SetExtent(*self.extent)
        self.labelmap.GetPointData().SetScalars(sharedScalars(voxels))


class KeptSegmentation:
    """A segmentation as it was.

    Args:
        segmentation: the vtkSegmentation.
    """

    _last: "Future[list[_Packed]] | None" = None  # of all of them

    def __init__(self, segmentation: Any) -> None:
        if KeptSegmentation._last is not None:
            KeptSegmentation._last.result()  # no more than one of them is there in full
        self._copy = vtkSegmentation()
        self._copy.DeepCopy(segmentation)
        self._packed: Future[list[_Packed]] | None = None
        labelmaps = list(_labelmaps(self._copy))
        if sum(arrayOf(each).nbytes for each in labelmaps) >= PACKED_BYTES:
            # the copy is this thread's alone until it is put back, which waits for it
            self._packed = _packer.submit(lambda: [_pack(each) for each in labelmaps])
            KeptSegmentation._last = self._packed

    def put_into(self, segmentation: Any) -> None:
        """Have a segmentation be as it was."""
        if self._packed is not None:
            for each in self._packed.result():
                each.unpack()
        segmentation.DeepCopy(self._copy)


def _labelmaps(segmentation: Any) -> Iterator[Labelmap]:
    """Those that hold anything, each once: segments may share them."""
    seen = []
    for segment_id in segmentation.GetSegmentIDs():
        labelmap = segmentation.GetSegment(segment_id).GetRepresentation(BINARY_LABELMAP)
        if labelmap is not None and not labelmap.IsEmpty() and labelmap not in seen:
            seen.append(labelmap)
            yield labelmap


def _pack(labelmap: Labelmap) -> _Packed:
    voxels = arrayOf(labelmap)
    packed = _Packed(labelmap, labelmap.GetExtent(), voxels.dtype, zlib.compress(voxels, LEVEL))
    # not only its voxels: a segment that goes is erased from what it shares, as far as that reaches
    labelmap.Initialize()
    return packed
