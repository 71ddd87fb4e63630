"""The masks of a session as label maps: one, or layers where segments overlap."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.arrays import label_type
from SlicePropagationLib.files.segmentation_file import is_segmentation, write_labels, write_layers

if TYPE_CHECKING:
    from pathlib import Path

    from SlicePropagationLib.files.segments import Segment, Tags
    from SlicePropagationLib.files.volume import Volume
    from SlicePropagationLib.session import AnnotationSession

log = logging.getLogger(__name__)


def write_session_labels(
    path: Path | str,
    session: AnnotationSession,
    volume: Volume,
    segments: Sequence[Segment],
    tags: Tags | None = None,
) -> None:
    """Write the masks of a session; segments that overlap stay so in a `.seg.nrrd`.

    In other files the smaller segment lies on top, and a warning says how many voxels another one
    loses.

    Args:
        path: the file; its ending says the format.
        session: whose masks are written.
        volume: the Volume that was annotated.
        segments: of the session's labels.
        tags: {label: {tag name: value}} to add to the segments of a `.seg.nrrd`.
    """
    if is_segmentation(path):
        layers, placed = session_layers(session, segments)
        write_layers(path, layers, volume, placed, tags)
        return
    labels = flat_labels(session)
    num_lost = sum(int(session.areas(label).sum()) for label in session.labels)
    num_lost -= np.count_nonzero(labels)
    if num_lost:
        log.warning(
            "Segments overlap in %d voxels, and %s holds one label a voxel: the smaller segment has"
            " them. To keep both, name the output .seg.nrrd.",
            num_lost,
            path,
        )
    write_labels(path, labels, volume, segments, tags)


def flat_labels(session: AnnotationSession) -> np.ndarray:
    """(K, J, I) label map of a session; where segments overlap, the smaller one lies on top."""
    sizes = {label: int(session.areas(label).sum()) for label in session.labels}
    upwards = sorted(session.labels, key=lambda label: (-sizes[label], label))
    return session.stack.to_volume(session.label_map(upwards))


def session_layers(
    session: AnnotationSession,
    segments: Sequence[Segment],
) -> tuple[list[np.ndarray], list[Segment]]:
    """The masks of a session as (K, J, I) label maps in which no two segments overlap.

    Each segment stays in its layer and keeps its value there, as far as it is free; otherwise it
    goes to the next layer in which it is.

    Args:
        session: whose masks are laid out.
        segments: of its labels, with the layers and values that they came with.

    Returns:
        (label maps, the segments with the layer and value that they have in them).
    """
    layers: list[np.ndarray] = []
    used: list[set[int]] = []  # values of each layer
    placed = []
    values = [segment.stored for segment in segments]
    kind = label_type(max(session.labels[-1], *values))
    for segment in segments:
        layer = segment.layer
        while layer < len(layers) and not _is_free(layers[layer], session, segment.label):
            layer += 1
        while len(layers) <= layer:
            layers.append(np.zeros(session.stack.images.shape, kind))
            used.append(set())
        value = _free_value(segment, used[layer])
        used[layer].add(value)
        _paint(layers[layer], session, segment.label, value)
        placed.append(replace(segment, layer=layer, value=value))
    return [session.stack.to_volume(layer) for layer in layers], placed


def _free_value(segment: Segment, used: set[int]) -> int:
    wanted = (segment.stored, segment.label)
    return next((value for value in wanted if value not in used), 1 + max(used, default=0))


def _is_free(layer: np.ndarray, session: AnnotationSession, label: int) -> bool:
    for index in range(len(layer)):
        patch = session.state(label, index).patch
        if layer[index][patch.window][patch.crop].any():
            return False
    return True


def _paint(layer: np.ndarray, session: AnnotationSession, label: int, value: int) -> None:
    for index in range(len(layer)):
        patch = session.state(label, index).patch
        layer[index][patch.window][patch.crop] = value
