"""`pseudo-label`: labels for every frame or slice from the nearest annotated one.

The distance to it is kept for training.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.arrays import label_type
from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines import weights_record
from SlicePropagationLib.engines.device import DEVICES, choose_engine
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import (
    check_output,
    companion,
    soft_label_path,
    soft_label_paths,
)
from SlicePropagationLib.files.distance_table import DISTANCES, write_distances
from SlicePropagationLib.files.record import RECORD, check_places, write_record
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import (
    Sequence,
    is_sequence,
    read_label_sequence,
    read_sequence,
    time_stacks,
)
from SlicePropagationLib.files.volume import AXES, Volume, check_seed, choose_axis, read_volume
from SlicePropagationLib.pipelines.propagate_frames import annotated_frames
from SlicePropagationLib.pipelines.result_files import versions, write_label_map
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import Engine
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.temporal_window import distances_to, nearest_of, unrolled

SoftLabels = dict[int, np.ndarray]  # {label: float32 probability}


@dataclass(frozen=True)
class PseudoLabelRequest:
    """What to label from its annotated slices or frames, and how.

    Attributes:
        image: a volume, or a sequence.
        seed: label map on the image's grid, non-zero on annotated slices or frames only.
        out: the label map to be written, with its table of distances and record beside it.
        engine: name or model file, as `make_engine` takes it; None for the default.
        device: "auto", "cpu" or "cuda".
        axis: of a volume, "auto", "i", "j" or "k"; sequences are walked along time, each slice
            (along "k" for "auto") for itself.
        is_cyclic: the last frame of a sequence is followed by the first.
        is_soft: also write the probability of each label.
        is_pure_warp: warp annotated masks by the field of the engine's network alone, as the paper
            on M&Ms does; the engine is then voxelmorph, or weights of `train registration`.

    Raises:
        ConfigError: the axis or the device is none.
    """

    image: Path | str
    seed: Path | str
    out: Path | str
    engine: Path | str | None = None
    device: str = "auto"
    axis: str = "auto"
    is_cyclic: bool = True
    is_soft: bool = False
    is_pure_warp: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no axis or device."""
        check_choice("axis", self.axis, ("auto", *AXES))
        check_choice("device", self.device, DEVICES)


@dataclass(frozen=True)
class _Part:
    """One stack that is labelled for itself.

    Attributes:
        place: where it is in the array of the image.
        stack: its pictures.
        drawn: (N, H, W) uint8, what is annotated on them.
    """

    place: Any
    stack: SliceStack
    drawn: np.ndarray


def pseudo_label_file(
    request: PseudoLabelRequest, on_part: Callable[[int, int], object] | None = None
) -> np.ndarray:
    """Label a volume or a sequence from its annotated slices or frames.

    Writes the labels O, the table O.distances.csv (frame, distance to the nearest annotated one),
    the record O.json and, if asked for, the probabilities of every label, O.soft-LABEL; all or
    none.

    Args:
        request: what to label, and how.
        on_part: called with (number, count) for the volume, or for every slice position done.

    Returns:
        The label map, (K, J, I) or (T, K, J, I) uint8.

    Raises:
        SlicePropagationError: about image, seed, engine or output.
    """
    check_output(request.out, image=request.image, seed=request.seed)
    others = soft_label_paths(request.out).values() if request.is_soft else ()
    check_places(request.out, (DISTANCES, RECORD), list(others))
    engine = _engine(request)
    began = time.perf_counter()
    source, drawn, parts = _read(request)
    is_shown = np.any([part.drawn.any(axis=(1, 2)) for part in parts], axis=0)
    annotated = np.flatnonzero(is_shown)
    soft = _soft_labels(drawn, parts, annotated, engine, on_part)
    stack = parts[0].stack
    record = {
        "engine": engine.name,
        **weights_record(engine),
        "image": str(request.image),
        "seed": str(request.seed),
        "annotated": annotated.tolist(),
        "is_cyclic": stack.is_cyclic,
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
    }
    labels = hard_labels(soft, drawn.shape)
    distances = distances_to(annotated, len(stack), is_cyclic=stack.is_cyclic)
    out = Path(request.out)
    table = companion(out, DISTANCES)
    sidecar = companion(out, RECORD)
    with atomic_folder(out.parent) as partial:
        write_label_map(partial / out.name, labels, source)
        write_distances(partial / table.name, distances)
        write_record(partial, sidecar.name, record)
        if request.is_soft:
            _write_soft_labels(partial, out, soft, source)
    return labels


def _engine(request: PseudoLabelRequest) -> Engine:
    engine = choose_engine(request.engine, request.device)
    if not request.is_pure_warp:
        return engine
    from SlicePropagationLib.engines.registration.pure_warp import as_pure_warp

    return as_pure_warp(engine)


def _read(request: PseudoLabelRequest) -> tuple[Volume | Sequence, np.ndarray, list[_Part]]:
    """The image, its drawn labels, and the parts of it that are to be labelled."""
    if is_sequence(request.image):
        return _read_sequence(request)
    volume = read_volume(request.image)
    drawn, _ = read_labels(request.seed, volume)
    axis = choose_axis(drawn > 0, request.axis, volume.spacing_mm)
    stack = volume.stack(axis)
    stacked = stack.from_volume_array(drawn)
    check_seed(stacked)
    return volume, drawn, [_Part(..., stack, stacked)]


def _read_sequence(request: PseudoLabelRequest) -> tuple[Sequence, np.ndarray, list[_Part]]:
    sequence = read_sequence(request.image)
    drawn = read_label_sequence(request.seed, sequence)
    annotated_frames(drawn, request.seed)
    across = 0 if request.axis == "auto" else 2 - AXES.index(request.axis)
    parts = [
        _Part(place, stack, drawn[place])
        for place, stack in time_stacks(sequence, across, is_cyclic=request.is_cyclic)
        if drawn[place].any()
    ]
    return sequence, drawn, parts


def _soft_labels(
    drawn: np.ndarray,
    parts: list[_Part],
    annotated: np.ndarray,
    engine: Engine,
    on_part: Callable[[int, int], object] | None,
) -> SoftLabels:
    """{label: probability in the image's array} of all parts together."""
    labels = [int(label) for label in np.unique(drawn[drawn > 0])]
    soft = {label: np.zeros(drawn.shape, np.float32) for label in labels}
    for number, part in enumerate(parts, 1):
        found = pseudo_label(part.stack, part.drawn, annotated, engine)
        for label, probability in found.items():
            soft[label][part.place] = part.stack.to_volume(probability)
        if on_part:
            on_part(number, len(parts))
    return soft


def _write_soft_labels(
    folder: Path, out: Path, soft: SoftLabels, source: Volume | Sequence
) -> None:
    for label, probability in soft.items():
        name = soft_label_path(out, label).name
        write_label_map(folder / name, np.round(255 * probability).astype(np.uint8), source)


def pseudo_label(
    stack: SliceStack, drawn: np.ndarray, annotated: Collection[int] | np.ndarray, engine: Engine
) -> SoftLabels:
    """Soft labels of every slice of a stack, each from the nearest annotated slice.

    Args:
        stack: a SliceStack; where it is cyclic, walks go on at the other end.
        drawn: (N, H, W) uint8 label map; what it says on annotated slices is kept.
        annotated: indices of the annotated slices; a label that is absent from one of them is not
            there.
        engine: any `Engine`.

    Returns:
        {label: (N, H, W) float32 probability}, exactly 0 or 1 on annotated slices.
    """
    annotated = sorted(annotated)
    order = unrolled(annotated, len(stack), is_cyclic=stack.is_cyclic)
    line = stack.in_order(order) if stack.is_cyclic else stack
    places = [place for place, frame in enumerate(order) if frame in set(annotated)]
    shown = drawn[annotated]
    found = {}
    for label in np.unique(shown[shown > 0]):
        masks = {place: drawn[order[place]] == label for place in places}
        soft = np.zeros(stack.images.shape, np.float32)
        soft[annotated] = shown == label
        for run in nearest_runs(places, len(order), int(label)):
            for place, probability in zip(run.targets, engine.walk(line, run, masks), strict=False):
                soft[order[place]] = probability
        found[int(label)] = soft
    return found


def nearest_runs(
    anchors: list[int],
    count: int,
    label: int = 1,
) -> list[Run]:
    """Walks outward from every anchor over the slices that it is nearest to.

    Of two equally near ones the lower.

    Args:
        anchors: the annotated slices.
        count: number of slices.
        label: the label that walks.
    """
    anchored = set(anchors)
    nearest = {
        index: nearest_of(anchors, index, count, is_cyclic=False)
        for index in range(count)
        if index not in anchored
    }
    runs = []
    for anchor in anchors:
        mine = [index for index, source in nearest.items() if source == anchor]
        above = tuple(index for index in mine if index > anchor)
        below = tuple(index for index in reversed(mine) if index < anchor)
        runs += [Run(anchor, targets, label) for targets in (above, below) if targets]
    return runs


def hard_labels(soft: SoftLabels, shape: tuple[int, ...]) -> np.ndarray:
    """Label map: on every pixel the most probable label, where it is more probable than not.

    Args:
        soft: {label: probability of that shape}.
        shape: of the label map.
    """
    labels = np.zeros(shape, label_type(max(soft, default=0)))
    best = np.full(shape, np.float32(0.5))
    for label in sorted(soft):
        wins = soft[label] > best
        labels[wins] = label
        best[wins] = soft[label][wins]
    return labels
