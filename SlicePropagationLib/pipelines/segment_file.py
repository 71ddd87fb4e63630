"""`segment`: models that need no seed, on a volume or on a sequence.

A family of models registers with one line in `SEGMENTERS`: the `family` of its checkpoints, and
"module:function". The function is called with (checkpoint, path, device), a
`checkpoint.Checkpoint`, its file and "cpu" or "cuda", and returns a `Segmenter`; where the
configuration in the checkpoint is unusable it raises ConfigError, KeyError or TypeError, which
becomes a CheckpointError that names the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.label_values import values_of
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import PICTURE, RECORD, check_places, write_record
from SlicePropagationLib.files.refined_grid import refine_volume
from SlicePropagationLib.files.sequence import Sequence, is_sequence, read_sequence, time_stacks
from SlicePropagationLib.files.volume import AXES, Volume, read_volume
from SlicePropagationLib.pipelines.result_files import versions, write_label_map
from SlicePropagationLib.segmenters.catalogue import model_path
from SlicePropagationLib.segmenters.parts import finer_slices, found_slices
from SlicePropagationLib.stack import SliceStack

SEGMENTERS = {
    "unet2d": "SlicePropagationLib.segmenters.cine.frame_unet:make_unet2d",
    "cine_unet": "SlicePropagationLib.segmenters.cine.frame_unet:make_cine_unet",
    "cine_bilstm": "SlicePropagationLib.segmenters.cine.bilstm:make_cine_bilstm",
    "pnet": "SlicePropagationLib.segmenters.pnet.segmenter:make_pnet",
    "pnet_birnn": "SlicePropagationLib.segmenters.pnet.segmenter:make_pnet",
    "acnn.segmentation": "SlicePropagationLib.segmenters.acnn.segmenter:make_subpixel",
    "acnn.predictor": "SlicePropagationLib.segmenters.acnn.tl_segmenter:make_tl",
}


class Segmenter(Protocol):
    """A model that finds structures by itself.

    Attributes:
        family: of its checkpoints.
        sees_time: give it the times of each slice of a sequence as a stack; otherwise every frame
            of a sequence is a volume to it.
        model_sha256: hash of its weights.
    """

    family: str
    sees_time: bool
    model_sha256: str

    def segment(self, stack: SliceStack) -> np.ndarray:
        """Label every slice of a stack.

        Args:
            stack: a read-only SliceStack; `is_cyclic` where it is one heart beat.

        Returns:
            (N, H, W) uint8, 0 is background; more slices of a segmenter with `factor_for(spacing)`,
            so many times more, of slices so many millimetres apart.
        """
        ...


@dataclass(frozen=True)
class SegmentRequest:
    """What to segment, and with which model.

    Attributes:
        image: a volume or a sequence; the result has as many dimensions.
        model: weights that `train` wrote, or the name of a shipped model.
        out: the label map to be written, with its record beside it.
        axis: voxel axis that slices run along, "i", "j" or "k".
        device: "auto", "cpu" or "cuda".
        is_cyclic: whether the last frame of a sequence is followed by the first.
        series: which volume of a DICOM folder that holds several, as `read_volume` takes it.
        spacing_mm: of TIFF or PNG files, along I, J, K.
        has_picture: whether O.png, slices with outlines, is written beside the result, too.

    Raises:
        ConfigError: the axis or the device is none.
    """

    image: Path | str
    model: Path | str
    out: Path | str
    axis: str = "k"
    device: str = "auto"
    is_cyclic: bool = True
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    has_picture: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no axis or device."""
        check_choice("axis", self.axis, AXES)
        check_choice("device", self.device, DEVICES)


def is_segmenter(path: Path | str) -> bool:
    """Whether a model file belongs to a family that segments by itself.

    Raises:
        CheckpointError: it cannot be read.
    """
    from SlicePropagationLib.networks.checkpoint import load_checkpoint

    return load_checkpoint(path).family in SEGMENTERS


def load_segmenter(
    path: Path | str, device: str = "auto", families: Mapping[str, str] = SEGMENTERS
) -> Any:
    """The segmenter of a model file.

    Args:
        path: the model file, or the name of a shipped model.
        device: "auto", "cpu" or "cuda".
        families: {family: maker} as in SEGMENTERS.

    Returns:
        A `Segmenter`; of other `families`, what their makers return.

    Raises:
        CheckpointError: the file is missing, damaged, not safe, or of a family that needs a seed.
    """
    import torch

    from SlicePropagationLib.networks.checkpoint import load_checkpoint, make_from

    path = model_path(path)
    checkpoint = load_checkpoint(path, families)
    # A CPU slows down tenfold on the tiny numbers of a trained network.
    torch.set_flush_denormal(True)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    module, maker = families[checkpoint.family].split(":")
    segmenter = make_from(getattr(import_module(module), maker), checkpoint, path, device)
    segmenter.model_sha256 = checkpoint.sha256
    return segmenter


def segment_file(
    request: SegmentRequest,
    on_part: Callable[[int, int], object] | None = None,
    loaded: Segmenter | None = None,
) -> np.ndarray:
    """Segment a volume or a sequence.

    Writes the label map O and the record O.json beside it, both or none.

    Args:
        request: what to segment, and with which model.
        on_part: called with (number, count) for every volume or slice position done.
        loaded: the model, where it is at hand already.

    Returns:
        The label map, (K, J, I) or (T, K, J, I) uint8.

    Raises:
        SlicePropagationError: about image, model or output; nothing is written.
    """
    out = Path(request.out)
    check_output(out, may_be_zarr=not _has_times(request), image=request.image)
    check_places(out, (RECORD, PICTURE) if request.has_picture else (RECORD,))
    segmenter: Segmenter = loaded or load_segmenter(request.model, request.device)
    began = time.perf_counter()
    source = _read(request, may_map=getattr(segmenter, "takes_mapped", False))
    across = 2 - AXES.index(request.axis)
    target = _target(source, segmenter, across)
    stacks = _stacks(source, segmenter, across, request.is_cyclic)
    labels = np.zeros(target.array.shape, np.uint8)
    for number, (place, stack) in enumerate(stacks, 1):
        _fill(stack.from_volume_array(labels[place]), segmenter, stack)
        if on_part:
            on_part(number, len(stacks))
    record = {
        "family": segmenter.family,
        "model": str(request.model),
        "model_sha256": segmenter.model_sha256,
        "image": str(request.image),
        "axis": request.axis,
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
        "voxels": _voxels(labels),
    }
    sidecar = companion(out, RECORD)
    with atomic_folder(out.parent) as partial:
        write_label_map(partial / out.name, labels, target)
        if request.has_picture:
            # what draws is imported on use: Slicer's panel starts without it
            from SlicePropagationLib.pipelines.segment_picture import segmented_picture

            picture = segmented_picture(source, labels, across)
            write_png(partial / companion(out, PICTURE).name, picture)
        write_record(partial, sidecar.name, record)
    return labels


def _fill(labels: np.ndarray, segmenter: Segmenter, stack: SliceStack) -> None:
    """Put what a segmenter finds into the (N, H, W) label map, part by part where it can."""
    for found in found_slices(segmenter, stack):
        labels[found.first : found.first + len(found.labels)] = found.labels


def _read(request: SegmentRequest, *, may_map: bool) -> Volume | Sequence:
    if _has_times(request):
        return read_sequence(request.image, request.series)
    choice = (None, request.series, request.spacing_mm)
    return read_volume(request.image, *choice, may_map=may_map)


def _has_times(request: SegmentRequest) -> bool:
    return is_sequence(request.image, request.series)


def _voxels(labels: np.ndarray) -> dict[str, int]:
    """{label as text: number of its voxels}."""
    return {
        str(label): sum(int(np.count_nonzero(part == label)) for part in labels)
        for label in values_of(labels)
    }


def _stacks(
    source: Volume | Sequence, segmenter: Segmenter, across: int, is_cyclic: bool
) -> list[tuple[Any, SliceStack]]:
    """[(where in the array, SliceStack)] of all that the segmenter is to see.

    The volume, the times of every slice, or the volume of every time.
    """
    if not isinstance(source, Sequence):
        return [(..., source.stack(across))]
    if segmenter.sees_time:
        return time_stacks(source, across, is_cyclic=is_cyclic)
    return [
        (frame, SliceStack.from_volume(volume, source.spacing_mm, across))
        for frame, volume in enumerate(source.array)
    ]


def _target(
    source: Volume | Sequence,
    segmenter: Segmenter,
    across: int,
) -> Volume | Sequence:
    """What has the grid of the result: the image, or one with finer slices."""
    factor = finer_slices(segmenter, source.spacing_mm[across])
    if factor == 1:
        return source
    if isinstance(source, Sequence):
        raise InputError(
            f"This model makes {factor} fine slices of one and takes 3D volumes, {source.path} is a"
            " sequence; save the frame that you need as a volume."
        )
    return refine_volume(source, across, factor)
