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

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import PICTURE, RECORD, check_places, write_record
from SlicePropagationLib.files.refined_grid import refine_volume
from SlicePropagationLib.files.segmentation_file import read_labels, write_labels
from SlicePropagationLib.files.volume import AXES, Volume, read_volume
from SlicePropagationLib.pipelines.fine_slices import fine_factor, interpolate_labels, thickest_axis
from SlicePropagationLib.pipelines.result_files import versions
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.pipelines.superresolve_picture import Refined, refined_picture
from SlicePropagationLib.stack import SliceStack

if TYPE_CHECKING:
    from SlicePropagationLib.segmenters.acnn.segmenter import SubpixelSegmenter

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
    stack = volume.stack(across)
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
        return thickest_axis(volume.spacing_mm)
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
    image.CopyInformation(target.itk_image)
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
        fine[factor // 2 :: factor] = labels
        found = network.refine(stack, fine)
        is_own = np.isin(fine, network.labels)
        where_found = np.where(is_own | (fine == 0), found, fine)
        elsewhere = np.where(is_own, 0, fine)
        fine = np.where(found > 0, where_found, elsewhere).astype(labels.dtype)
    fine[factor // 2 :: factor] = labels
    return fine


def _factor(
    stack: SliceStack,
    factor: int | None,
    network: SubpixelSegmenter | None,
) -> int:
    """Fine slices for a thick one: as the network makes them, as asked for, or as pixels are wide."""
    if network is not None:
        own = network.factor_for(stack.spacing_mm[0])
        if own < 2:
            raise InputError(
                "The slices are {slice_mm:g} mm apart, those that the model makes are"
                " {fine_mm:.3g} mm apart: there is nothing to make finer. Choose the axis of the"
                " thick slices with --axis, or leave the image as it is.",
                slice_mm=stack.spacing_mm[0],
                fine_mm=network.config.grid.spacing_mm[0],
            )
        if factor not in (None, own):
            raise InputError(
                f"The model makes {own} fine slices of one, {factor} were asked for;"
                " leave --factor out, or choose another model."
            )
        return own
    if factor is not None:
        return factor
    try:
        return fine_factor(stack.spacing_mm)
    except InputError as error:
        raise InputError(
            f"{error} Choose the axis of the thick slices with --axis, or say with --factor how many"
            " slices you want for one."
        ) from error


def _enhanced(stack: SliceStack, network: SubpixelSegmenter | None) -> np.ndarray:
    if network is None or network.family != "acnn.superresolution":
        raise InputError(NOTHING_TO_REFINE)
    return network.enhance(stack)
