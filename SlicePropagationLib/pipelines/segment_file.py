"""`segment`: models that need no seed, on a volume or on a sequence.

A family of models registers with one line in `SEGMENTERS`: the `family` of its checkpoints, and
"module:function". The function is called
with (checkpoint, path, device), a `checkpoint.Checkpoint`, its file and "cpu" or "cuda", and
returns a `Segmenter`; where the configuration in
the checkpoint is unusable it raises ConfigError, KeyError or TypeError, which becomes a
CheckpointError that names the file.
"""

import json
import time
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from SlicePropagationLib.errors import CheckpointError, ConfigError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import check_output, companion
from SlicePropagationLib.files.refined_grid import refine_volume
from SlicePropagationLib.files.sequence import Sequence, is_sequence, read_sequence, time_stacks
from SlicePropagationLib.files.volume import AXES, read_volume
from SlicePropagationLib.pipelines.result_files import versions, write_label_map
from SlicePropagationLib.stack import SliceStack

SEGMENTERS = {
    "unet2d": "SlicePropagationLib.segmenters.cine.frame_unet:make_unet2d",
    "cine_unet": "SlicePropagationLib.segmenters.cine.frame_unet:make_cine_unet",
    "cine_bilstm": "SlicePropagationLib.segmenters.cine.bilstm:make_cine_bilstm",
    "pnet": "SlicePropagationLib.segmenters.pnet.segmenter:make_pnet",
    "pnet_birnn": "SlicePropagationLib.segmenters.pnet.segmenter:make_pnet",
    "acnn.segmentation": "SlicePropagationLib.segmenters.acnn.segmenter:make_subpixel",
}


class Segmenter(Protocol):
    """A model that finds structures by itself.

    Attributes:
        family: of its checkpoints.
        sees_time: give it the times of each slice of a sequence as a stack; otherwise every frame
            of a sequence is a volume to it.
    """

    family: str
    sees_time: bool

    def segment(self, stack):
        """Label every slice of a stack.

        Args:
            stack: a read-only SliceStack; `is_cyclic` where it is one heart beat.

        Returns:
            (N, H, W) uint8, 0 is background; (N * factor, H, W) of a segmenter with a `factor`,
            whose slices are that much finer.
        """


def is_segmenter(path):
    """Whether a model file belongs to a family that segments by itself.

    CheckpointError where it cannot be read.
    """
    from SlicePropagationLib.networks.checkpoint import load_checkpoint

    return load_checkpoint(path).family in SEGMENTERS


def load_segmenter(path, device="auto", families=SEGMENTERS):
    """The segmenter of a model file.

    Args:
        families: {family: maker} as in SEGMENTERS.

    Raises:
        CheckpointError: the file is missing, damaged, not safe, or of a family that needs a seed.
    """
    import torch

    from SlicePropagationLib.networks.checkpoint import load_checkpoint

    path = Path(path)
    checkpoint = load_checkpoint(path, families)
    torch.set_flush_denormal(
        True
    )  # a CPU slows down tenfold on the tiny numbers of a trained network
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    module, maker = families[checkpoint.family].split(":")
    try:
        segmenter = getattr(import_module(module), maker)(checkpoint, path, device)
    except (ConfigError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The configuration in {path} is not one of family {checkpoint.family} ({error}); it is"
            " damaged or from another version."
        ) from error
    segmenter.model_sha256 = checkpoint.sha256
    return segmenter


def segment_file(image, model, out, *, device="auto", axis="k", is_cyclic=True, report=None):
    """Segment a volume or a sequence.

    Writes the label map O and the record O.json beside it, both or none.

    Args:
        image, model, out: files; the result has as many dimensions as the image.
        axis: voxel axis that slices run along, "i", "j" or "k".
        is_cyclic: whether the last frame of a sequence is followed by the first.
        report: called with a line of text for every volume or slice position done.

    Returns:
        The label map, (K, J, I) or (T, K, J, I) uint8.

    Raises:
        SlicePropagationError: about image, model or output; nothing is written.
    """
    out = Path(out)
    check_output(out, image=image)
    record_path = companion(out, ".json")
    segmenter = load_segmenter(model, device)
    began = time.perf_counter()
    source = read_sequence(image) if is_sequence(image) else read_volume(image)
    stacks = _stacks(source, segmenter, 2 - AXES.index(axis), is_cyclic)
    target = _target(source, segmenter, 2 - AXES.index(axis))
    labels = np.zeros(target.array.shape, np.uint8)
    for number, (place, stack) in enumerate(stacks, 1):
        labels[place] = stack.to_volume(segmenter.segment(stack))
        if report:
            report(f"{number} of {len(stacks)}")
    record = {
        "family": segmenter.family,
        "model": str(model),
        "model_sha256": segmenter.model_sha256,
        "image": str(image),
        "axis": axis,
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
        "voxels": {
            str(label): int((labels == label).sum()) for label in np.unique(labels[labels > 0])
        },
    }
    with atomic_folder(out.parent) as partial:
        write_label_map(partial / out.name, labels, target)
        (partial / record_path.name).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return labels


def _stacks(source, segmenter, across, is_cyclic):
    """[(where in the array, SliceStack)]: the volume, the times of every slice, or the volume of every time."""
    if not isinstance(source, Sequence):
        return [(..., SliceStack.from_volume(source.array, source.spacing_mm, across))]
    if not segmenter.sees_time:
        return [
            (frame, SliceStack.from_volume(volume, source.spacing_mm, across))
            for frame, volume in enumerate(source.array)
        ]
    return time_stacks(source, across, is_cyclic=is_cyclic)


def _target(source, segmenter, across):
    """What has the grid of the result: the image, or one with finer slices."""
    factor = getattr(segmenter, "factor", 1)
    if factor == 1:
        return source
    if isinstance(source, Sequence):
        raise InputError(
            f"This model makes {factor} fine slices of one and takes 3D volumes, {source.path} is a"
            " sequence; save the frame that you need as a volume."
        )
    return refine_volume(source, across, factor)
