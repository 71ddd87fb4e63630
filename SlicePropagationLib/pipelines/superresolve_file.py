"""`superresolve`: the annotation of thick slices on a fine grid, without stair steps.

Every slice that was annotated stays as it is.
"""

import json
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.interpolate import PchipInterpolator

from SlicePropagationLib.engines.distance import FAR_MM, signed_distance
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.refined_grid import refine_volume
from SlicePropagationLib.files.segmentation_file import read_labels, write_labels
from SlicePropagationLib.files.volume import AXES, read_volume
from SlicePropagationLib.pipelines.result_files import versions
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.stack import SliceStack

# slices that a cap reaches beyond the last one: it holds the half slice that the last one stands
# for
CAP = 0.75
FEWEST_STEPS = 1.5  # a slice distance of fewer pixels has no stair steps to remove
MAKER = "SlicePropagationLib.segmenters.acnn.segmenter:make_subpixel"
FAMILIES = {"acnn.segmentation": MAKER, "acnn.superresolution": MAKER}


def superresolve_file(image, labels, out, *, model=None, axis="auto", factor=None, device="auto"):
    """Bring an annotation (or, with a model of family acnn.superresolution and no labels, the image) to fine slices; writes O and O.json, both or none.

    Args:
        image, labels, out: files; labels may be None.
        model: model file of a network for this, or None: shapes are interpolated from slice to
            slice.
        axis: "i", "j", "k", or "auto" for the axis with the thickest slices.
        factor: fine slices for a thick one; None for the model's, or slices as thin as pixels are
            wide.

    Returns:
        (N * factor, ...) array in the order of the volume's axes.

    Raises:
        SlicePropagationError: about the input, the model or the output; nothing is written.
    """
    out = Path(out)
    check_output(out, image=image, labels=labels)
    record_path = companion(out, ".json")
    began = time.perf_counter()
    volume = read_volume(image)
    across = int(np.argmax(volume.spacing_mm)) if axis == "auto" else 2 - AXES.index(axis)
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, across)
    network = load_segmenter(model, device, FAMILIES) if model else None
    label_array, segments = read_labels(labels, volume) if labels else (None, [])
    factor = _factor(stack, factor, network)
    if labels:
        fine = refine_labels(stack, stack.from_volume_array(label_array), factor, network)
    else:
        fine = _enhanced(stack, network)
    target = refine_volume(volume, across, factor)
    record = {
        "method": network.family if network else "shape interpolation",
        "model": model and str(model),
        "model_sha256": network.model_sha256 if network else None,
        "image": str(image),
        "labels": labels and str(labels),
        "axis": AXES[2 - across],
        "factor": factor,
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
        "annotated_slices": (
            [index * factor + factor // 2 for index in range(len(stack))] if labels else []
        ),
    }
    with atomic_folder(out.parent) as partial:
        if labels:
            write_labels(partial / out.name, stack.to_volume(fine), target, segments)
        else:
            enhanced = sitk.GetImageFromArray(np.ascontiguousarray(stack.to_volume(fine)))
            enhanced.CopyInformation(target.image)
            sitk.WriteImage(enhanced, str(partial / out.name), True)
        (partial / record_path.name).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return stack.to_volume(fine)


def refine_labels(stack, labels, factor, network=None):
    """Labels of thick slices on fine ones.

    Fine slice j * factor + factor // 2 is slice j, unchanged.

    Args:
        stack: the SliceStack.
        labels: (N, H, W) uint8.
        factor: fine slices for a thick one.
        network: what refines its own labels, or None; all others are interpolated.

    Returns:
        (N * factor, H, W) uint8.

    Raises:
        InputError: there is no label.
    """
    if not labels.any():
        raise InputError(
            "The label map has no label, every voxel is 0; annotate the structure first."
        )
    fine = interpolate_labels(labels, stack.spacing_mm, factor)
    if network is not None:
        found = network.refine(stack, labels)
        own = np.isin(fine, network.labels)
        fine = np.where(
            found > 0,
            np.where(own | (fine == 0), found, fine),
            np.where(own, 0, fine),
        ).astype(np.uint8)
    fine[factor // 2 :: factor] = labels
    return fine


def interpolate_labels(labels, spacing_mm, factor):
    """Shape-based interpolation: signed distances of every slice, monotone cubic from slice to slice; ends close on an elliptical cap.

    Args:
        labels: (N, H, W) uint8.
        spacing_mm: along N, H, W.
        factor: fine slices for a thick one.

    Returns:
        (N * factor, H, W) uint8.

    Source: Raya and Udupa, IEEE TMI 9(1), 1990, with cubic instead of linear interpolation (Fritsch
        and Carlson, 1980).
    """
    fine = np.zeros((len(labels) * factor, *labels.shape[1:]), np.uint8)
    window = tuple(
        slice(max(0, side[0] - 4), side[-1] + 5)
        for side in (np.flatnonzero(labels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    )
    cropped = labels[(slice(None), *window)]
    best = np.full((len(fine), *cropped.shape[1:]), -np.inf, np.float32)
    chosen = np.zeros(best.shape, np.uint8)
    for label in np.unique(labels[labels > 0]):
        distance = _fine_distance(cropped == label, spacing_mm, factor)
        chosen[distance > best] = label
        best = np.maximum(best, distance)
    is_inside = (
        _fine_distance(cropped > 0, spacing_mm, factor) > 0
    )  # of all together, so that no gap opens between labels
    fine[(slice(None), *window)] = np.where(is_inside, chosen, 0)
    return fine


def _fine_distance(masks, spacing_mm, factor):
    """(N * factor, H, W) float32 signed distance on fine slices, from one stretch of slices with the structure after the other."""
    positions = (np.arange(len(masks) * factor) - factor // 2) / factor
    distance = np.full((len(positions), *masks.shape[1:]), -FAR_MM, np.float32)
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    for stretch in np.split(shown, np.flatnonzero(np.diff(shown) > 1) + 1):
        maps = np.stack([signed_distance(masks[index], spacing_mm[1:]) for index in stretch])
        inside = (positions >= stretch[0]) & (positions <= stretch[-1])
        distance[inside] = (
            PchipInterpolator(stretch, maps, axis=0)(positions[inside])
            if len(stretch) > 1
            else maps
        )
        for end, last in ((stretch[0] - positions, maps[0]), (positions - stretch[-1], maps[-1])):
            for place in np.flatnonzero((end > 0) & (end < CAP)):
                sunk = last - float(last.max()) * (1 - np.sqrt(1 - (end[place] / CAP) ** 2))
                distance[place] = np.maximum(distance[place], sunk)
    return distance


def _factor(stack, factor, network):
    if network is not None:
        if factor not in (None, network.factor):
            raise InputError(
                f"The model makes {network.factor} fine slices of one, {factor} were asked for;"
                " leave --factor out, or choose another model."
            )
        return network.factor
    if factor is not None:
        if factor < 2:
            raise InputError(
                f"--factor must be at least 2 fine slices for a thick one, got {factor}."
            )
        return factor
    pixels = stack.spacing_mm[0] / np.sqrt(stack.pixel_area_mm2)
    if pixels < FEWEST_STEPS:
        raise InputError(
            f"The slices are {stack.spacing_mm[0]:g} mm apart, the pixels"
            f" {np.sqrt(stack.pixel_area_mm2):g} mm wide: there are no stair steps to remove."
            " Choose the axis of the thick slices with --axis, or say with --factor how many"
            " slices you want for one."
        )
    return max(2, int(round(pixels)))


def _enhanced(stack, network):
    if network is None or network.family != "acnn.superresolution":
        raise InputError(
            "There are no labels to bring to fine slices; give --labels L, or --model with a model"
            " of family acnn.superresolution for the image itself."
        )
    return network.enhance(stack)
