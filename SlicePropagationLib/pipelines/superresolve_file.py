"""`superresolve`: the annotation of thick slices on a fine grid, without stair steps.

Every slice that was annotated stays as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from scipy.interpolate import PchipInterpolator

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.engines.distance import FAR_MM, signed_distance
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import PICTURE, RECORD, check_places, write_record
from SlicePropagationLib.files.refined_grid import refine_volume
from SlicePropagationLib.files.segmentation_file import read_labels, write_labels
from SlicePropagationLib.files.volume import AXES, Volume, read_volume
from SlicePropagationLib.pipelines.result_files import versions
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.pipelines.superresolve_picture import Refined, refined_picture
from SlicePropagationLib.stack import SliceStack

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.segmenter import SubpixelSegmenter

# Slices that a cap reaches beyond the last one: it holds the half slice that the last one stands
# for.
CAP = 0.75
FEWEST_STEPS = 1.5  # a slice distance of fewer pixels has no stair steps to remove
MARGIN = 4  # pixels about the structure that are looked at
MAKER = "SlicePropagationLib.segmenters.acnn.segmenter:make_subpixel"
FAMILIES = {"acnn.segmentation": MAKER, "acnn.superresolution": MAKER}
NOTHING_TO_REFINE = (
    "There are no labels to bring to fine slices; give --labels L, or --model with a model"
    " of family acnn.superresolution for the image itself."
)


@dataclass(frozen=True)
class SuperresolveRequest:
    """What to bring to fine slices, and how.

    Attributes:
        image: the volume of thick slices.
        labels: its finished annotation; None to bring the image itself to fine slices.
        out: the result, with its record beside it.
        model: weights of a network for this, or None: shapes are interpolated from slice to slice.
        axis: "i", "j", "k", or "auto" for the axis with the thickest slices.
        factor: fine slices for a thick one; None for the model's, or slices as thin as pixels are
            wide.
        device: "auto", "cpu" or "cuda".
        series: which volume of a DICOM folder that holds several, as `read_volume` takes it.
        spacing_mm: of TIFF or PNG files, along I, J, K.
        has_picture: whether O.png, cuts before and after, is written beside the result, too.

    Raises:
        InputError: there are neither labels nor a model, or the factor is too small.
        ConfigError: the axis or the device is none.
    """

    image: Path | str
    labels: Path | str | None
    out: Path | str
    model: Path | str | None = None
    axis: str = "auto"
    factor: int | None = None
    device: str = "auto"
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    has_picture: bool = False

    def __post_init__(self) -> None:
        """Refuse what gives nothing to do."""
        check_choice("axis", self.axis, ("auto", *AXES))
        check_choice("device", self.device, DEVICES)
        if not self.labels and not self.model:
            raise InputError(NOTHING_TO_REFINE)
        if self.factor is not None and self.factor < 2:
            raise InputError(
                f"--factor must be at least 2 fine slices for a thick one, got {self.factor}."
            )


def superresolve_file(request: SuperresolveRequest) -> np.ndarray:
    """Bring an annotation, or the image itself, to fine slices.

    Writes O and O.json, and O.png where that is asked for, all or none. For the image itself it takes a model of family
    acnn.superresolution and no labels.

    Args:
        request: what to bring to fine slices, and how.

    Returns:
        (N * factor, ...) array in the order of the volume's axes.

    Raises:
        SlicePropagationError: about the input, the model or the output; nothing is written.
    """
    out = Path(request.out)
    check_output(out, image=request.image, labels=request.labels)
    check_places(out, (RECORD, PICTURE) if request.has_picture else (RECORD,))
    began = time.perf_counter()
    volume = read_volume(request.image, None, request.series, request.spacing_mm)
    network = None
    if request.model:
        network = load_segmenter(request.model, request.device, FAMILIES)
    refined = _refine(request, volume, network)
    fine = refined.stack.to_volume(refined.fine)
    record = _describe(request, network, refined)
    record["seconds"] = round(time.perf_counter() - began, 3)
    with atomic_folder(out.parent) as partial:
        if request.labels:
            write_labels(partial / out.name, fine, refined.target, refined.segments)
        else:
            _write_image(partial / out.name, fine, refined.target)
        if request.has_picture:
            write_png(partial / companion(out, PICTURE).name, refined_picture(refined))
        write_record(partial, companion(out, RECORD).name, record)
    return fine


def _refine(request: SuperresolveRequest, volume: Volume, network: Any) -> Refined:
    """The annotation, or the image itself, on fine slices."""
    across = _axis_of(request, volume)
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, across)
    labels, segments = None, []
    if request.labels:
        label_array, segments = read_labels(request.labels, volume)
        labels = stack.from_volume_array(label_array)
    factor = _factor(stack, request.factor, network)
    target = refine_volume(volume, across, factor)
    if labels is None:
        return Refined(stack, None, _enhanced(stack, network), target, segments)
    fine = refine_labels(stack, labels, factor, network)
    return Refined(stack, labels, fine, target, segments)


def _axis_of(request: SuperresolveRequest, volume: Volume) -> int:
    """The array axis (0, 1, 2 for K, J, I) that the thick slices run along."""
    if request.axis == "auto":
        return int(np.argmax(volume.spacing_mm))
    return 2 - AXES.index(request.axis)


def _describe(request: SuperresolveRequest, network: Any, refined: Refined) -> dict[str, Any]:
    """What O.json says, but for the time it took."""
    factor = refined.factor
    annotated = [index * factor + factor // 2 for index in range(len(refined.stack))]
    return {
        "method": network.family if network else "shape interpolation",
        "model": str(request.model) if request.model else None,
        "model_sha256": network.model_sha256 if network else None,
        "image": str(request.image),
        "labels": str(request.labels) if request.labels else None,
        "axis": AXES[2 - refined.stack.axis],
        "factor": factor,
        "versions": versions(),
        "annotated_slices": annotated if request.labels else [],
    }


def _write_image(
    path: Path,
    array: np.ndarray,
    target: Volume,
) -> None:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.CopyInformation(target.image)
    sitk.WriteImage(image, str(path), True)


def refine_labels(
    stack: SliceStack,
    labels: np.ndarray,
    factor: int,
    network: SubpixelSegmenter | None = None,
) -> np.ndarray:
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
        is_own = np.isin(fine, network.labels)
        where_found = np.where(is_own | (fine == 0), found, fine)
        elsewhere = np.where(is_own, 0, fine)
        fine = np.where(found > 0, where_found, elsewhere).astype(labels.dtype)
    fine[factor // 2 :: factor] = labels
    return fine


def interpolate_labels(
    labels: np.ndarray, spacing_mm: tuple[float, float, float], factor: int
) -> np.ndarray:
    """Shape-based interpolation of signed distances, monotone cubic from slice to slice.

    Ends close on an elliptical cap.

    Args:
        labels: (N, H, W) uint8.
        spacing_mm: along N, H, W.
        factor: fine slices for a thick one.

    Returns:
        (N * factor, H, W) uint8.

    Source: Raya and Udupa, IEEE TMI 9(1), 1990, with cubic instead of linear interpolation (Fritsch
        and Carlson, 1980).
    """
    fine = np.zeros((len(labels) * factor, *labels.shape[1:]), labels.dtype)
    window = (slice(None), _window(labels, axis=1), _window(labels, axis=2))
    cropped = labels[window]
    best = np.full((len(fine), *cropped.shape[1:]), -np.inf, np.float32)
    chosen = np.zeros(best.shape, labels.dtype)
    for label in np.unique(labels[labels > 0]):
        distance = _fine_distance(cropped == label, spacing_mm, factor)
        chosen[distance > best] = label
        best = np.maximum(best, distance)
    # Of all together, so that no gap opens between labels.
    is_inside = _fine_distance(cropped > 0, spacing_mm, factor) > 0
    fine[window] = np.where(is_inside, chosen, 0)
    return fine


def _window(labels: np.ndarray, axis: int) -> slice:
    """The part of an axis that labels reach over, and a margin about it."""
    others = tuple(other for other in range(labels.ndim) if other != axis)
    shown = np.flatnonzero(labels.any(axis=others))
    return slice(max(0, shown[0] - MARGIN), shown[-1] + MARGIN + 1)


def _fine_distance(
    masks: np.ndarray, spacing_mm: tuple[float, float, float], factor: int
) -> np.ndarray:
    """(N * factor, H, W) float32 signed distance on fine slices.

    From one stretch of slices with the structure after the other.
    """
    positions = (np.arange(len(masks) * factor) - factor // 2) / factor
    distance = np.full((len(positions), *masks.shape[1:]), -FAR_MM, np.float32)
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    for stretch in np.split(shown, np.flatnonzero(np.diff(shown) > 1) + 1):
        maps = np.stack([signed_distance(masks[index], spacing_mm[1:]) for index in stretch])
        is_between = (positions >= stretch[0]) & (positions <= stretch[-1])
        distance[is_between] = _interpolate(stretch, maps, positions[is_between])
        _close(distance, stretch[0] - positions, maps[0])
        _close(distance, positions - stretch[-1], maps[-1])
    return distance


def _interpolate(
    stretch: np.ndarray,
    maps: np.ndarray,
    positions: np.ndarray,
) -> np.ndarray:
    """(P, H, W) signed distances at positions between the slices of a stretch."""
    if len(stretch) == 1:
        return maps
    return PchipInterpolator(stretch, maps, axis=0)(positions)


def _close(
    distance: np.ndarray,
    beyond: np.ndarray,
    last: np.ndarray,
) -> None:
    """Close an end of a structure with an elliptical cap.

    Args:
        distance: (N * factor, H, W) signed distances, changed in place.
        beyond: how far each fine slice is beyond the end, in thick slices.
        last: (H, W) signed distance of the last slice that shows the structure.
    """
    height = float(last.max())
    for place in np.flatnonzero((beyond > 0) & (beyond < CAP)):
        sunk = last - height * (1 - np.sqrt(1 - (beyond[place] / CAP) ** 2))
        distance[place] = np.maximum(distance[place], sunk)


def _factor(
    stack: SliceStack,
    factor: int | None,
    network: SubpixelSegmenter | None,
) -> int:
    """Fine slices for a thick one: as the network makes them, as asked for, or as pixels are wide."""
    if network is not None:
        if factor not in (None, network.factor):
            raise InputError(
                f"The model makes {network.factor} fine slices of one, {factor} were asked for;"
                " leave --factor out, or choose another model."
            )
        return network.factor
    if factor is not None:
        return factor
    pixel_mm = np.sqrt(stack.pixel_area_mm2)
    pixels = stack.spacing_mm[0] / pixel_mm
    if pixels < FEWEST_STEPS:
        raise InputError(
            f"The slices are {stack.spacing_mm[0]:g} mm apart, the pixels"
            f" {pixel_mm:g} mm wide: there are no stair steps to remove."
            " Choose the axis of the thick slices with --axis, or say with --factor how many"
            " slices you want for one."
        )
    return max(2, int(round(pixels)))


def _enhanced(stack: SliceStack, network: SubpixelSegmenter | None) -> np.ndarray:
    if network is None or network.family != "acnn.superresolution":
        raise InputError(NOTHING_TO_REFINE)
    return network.enhance(stack)
