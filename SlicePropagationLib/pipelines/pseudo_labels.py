"""`pseudo-label`: every frame or slice that nobody annotated gets labels from the nearest annotated one, with the distance kept for training."""

import json
import time
from pathlib import Path

import numpy as np

from SlicePropagationLib.engines import weights_record
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion, soft_label_path
from SlicePropagationLib.files.distance_table import DISTANCES, write_distances
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.sequence import (
    is_sequence,
    read_label_sequence,
    read_sequence,
    time_stacks,
)
from SlicePropagationLib.files.volume import AXES, check_seed, choose_axis, read_volume
from SlicePropagationLib.pipelines.result_files import versions, write_label_map
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.temporal_window import distances_to, nearest_of, unrolled


def pseudo_label(stack, drawn, annotated, engine):
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
    count = len(stack)
    annotated = sorted(annotated)
    order = unrolled(annotated, count, is_cyclic=stack.is_cyclic)
    line = stack.in_order(order) if stack.is_cyclic else stack
    places = [place for place, frame in enumerate(order) if frame in set(annotated)]
    found = {}
    for label in np.unique(drawn[annotated][drawn[annotated] > 0]):
        masks = {place: drawn[order[place]] == label for place in places}
        found[int(label)] = soft = np.zeros(stack.images.shape, np.float32)
        soft[annotated] = drawn[annotated] == label
        for run in nearest_runs(places, len(order), int(label)):
            for place, probability in zip(run.targets, engine.walk(line, run, masks)):
                soft[order[place]] = probability
    return found


def nearest_runs(anchors, count, label=1):
    """Walks outward from every anchor over the slices that it is nearest to.

    Of two equally near ones the lower.
    """
    nearest = {
        index: nearest_of(anchors, index, count, is_cyclic=False)
        for index in range(count)
        if index not in set(anchors)
    }
    runs = []
    for anchor in anchors:
        mine = [index for index, source in nearest.items() if source == anchor]
        for targets in (
            tuple(index for index in mine if index > anchor),
            tuple(index for index in reversed(mine) if index < anchor),
        ):
            if targets:
                runs.append(Run(anchor, targets, label))
    return runs


def hard_labels(soft, shape):
    """uint8 label map: on every pixel the most probable label, where it is more probable than not.

    Args:
        soft: {label: probability of that shape}.
    """
    labels = np.zeros(shape, np.uint8)
    best = np.full(shape, np.float32(0.5))
    for label in sorted(soft):
        wins = soft[label] > best
        labels[wins], best[wins] = label, soft[label][wins]
    return labels


def pseudo_label_file(
    image,
    seed,
    out,
    *,
    engine=None,
    device="auto",
    axis="auto",
    is_cyclic=True,
    is_soft=False,
    report=None,
):
    """Label a volume or a sequence from its annotated slices or frames.

    Writes the labels O, the table O.distances.csv (frame, distance to the nearest annotated one),
    the record O.json and, if asked for, the
    probabilities of every label, O.soft-LABEL; all or none.

    Args:
        image, seed, out: files; the seed is non-zero on annotated slices or frames only.
        engine: name or model file; None for the default.
        axis: of a volume, "auto", "i", "j" or "k"; sequences are walked along time, each slice
            (along "k" for "auto") for itself.
        is_cyclic: the last frame of a sequence is followed by the first.

    Returns:
        The label map.

    Raises:
        SlicePropagationError: about image, seed, engine or output.
    """
    check_output(out, image=image, seed=seed)
    out = Path(out)
    table = companion(out, DISTANCES)
    record_path = companion(out, ".json")
    walker = choose_engine(engine, device)
    began = time.perf_counter()
    source, drawn, stacks = _read(image, seed, axis, is_cyclic)
    shown = np.flatnonzero(np.any([part.any(axis=(1, 2)) for _, _, part in stacks], axis=0))
    soft = {int(label): np.zeros(drawn.shape, np.float32) for label in np.unique(drawn[drawn > 0])}
    for number, (place, stack, part) in enumerate(stacks, 1):
        for label, probability in pseudo_label(stack, part, shown, walker).items():
            soft[label][place] = stack.to_volume(probability)
        if report:
            report(f"{number} of {len(stacks)}")
    labels = hard_labels(soft, drawn.shape)
    stack = stacks[0][1]
    distances = distances_to(shown, len(stack), is_cyclic=stack.is_cyclic)
    record = {
        "engine": walker.name,
        **weights_record(walker),
        "image": str(image),
        "seed": str(seed),
        "annotated": shown.tolist(),
        "is_cyclic": stack.is_cyclic,
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
    }
    with atomic_folder(out.parent) as partial:
        write_label_map(partial / out.name, labels, source)
        write_distances(partial / table.name, distances)
        (partial / record_path.name).write_text(json.dumps(record, indent=1), encoding="utf-8")
        for label, probability in soft.items() if is_soft else ():
            write_label_map(
                partial / soft_label_path(out, label).name,
                np.round(255 * probability).astype(np.uint8),
                source,
            )
    return labels


def _read(image, seed, axis, is_cyclic):
    """(Volume or Sequence, the drawn labels, [(where in the array, SliceStack, its (N, H, W) drawn labels)] of what is to be labelled)."""
    if is_sequence(image):
        sequence = read_sequence(image)
        drawn = read_label_sequence(seed, sequence)
        if not drawn.any():
            raise InputError(
                f"{seed} has no annotated frame; outline the structure on at least one."
            )
        stacks = time_stacks(
            sequence,
            0 if axis == "auto" else 2 - AXES.index(axis),
            is_cyclic=is_cyclic,
        )
        return (
            sequence,
            drawn,
            [(place, stack, drawn[place]) for place, stack in stacks if drawn[place].any()],
        )
    volume = read_volume(image)
    drawn, _ = read_labels(seed, volume)
    stack = SliceStack.from_volume(
        volume.array,
        volume.spacing_mm,
        choose_axis(drawn > 0, axis, volume.spacing_mm),
    )
    check_seed(stack.from_volume_array(drawn))
    return volume, drawn, [(..., stack, stack.from_volume_array(drawn))]
