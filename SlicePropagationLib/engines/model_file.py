"""Engines from model files: which family a file belongs to decides how it walks.

PyTorch, and the module of a family, are imported when a file is opened.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.files.shipped_weights import find_model

if TYPE_CHECKING:
    from SlicePropagationLib.propagation import Engine

# Family of a checkpoint: the function (checkpoint, path, device) that makes its engine.
BUILDERS = {
    "gap_unet": "SlicePropagationLib.engines.gap.gap_unet:make_gap_unet",
    "slice_unet.guided": "SlicePropagationLib.engines.slice.slice_unet:make_guided",
    "slice_unet.plain": "SlicePropagationLib.engines.slice.plain_unet:make_plain",
    "voxelmorph": "SlicePropagationLib.engines.registration.voxelmorph:make_voxelmorph",
    "cine_bilstm": "SlicePropagationLib.engines.cine.bilstm:make_cine_bilstm",
}


def make_slice_unet(device: str = "auto", path: Path | str | None = None) -> Engine:
    """The engine of a model file, by default of the shipped slice-propagation network.

    Arguments and errors as in `engine_of_file`.
    """
    return engine_of_file(path or find_model("slice_unet"), device)


def make_slice_unet_plain(device: str = "auto", path: Path | str | None = None) -> Engine:
    """As `make_slice_unet`, without a look at the outlines that it found."""
    engine: Any = make_slice_unet(device, path)
    plain = engine.without_outline()
    plain.name = "slice_unet_plain"
    return plain


def make_voxelmorph(device: str = "auto", path: Path | str | None = None) -> Engine:
    """The engine of a model file, by default of the shipped registration network.

    Arguments and errors as in `engine_of_file`.
    """
    return engine_of_file(path or find_model("voxelmorph"), device)


def engine_of_file(path: Path | str, device: str = "auto") -> Engine:
    """The engine that walks with the weights of a model file.

    Args:
        path: model file of a family in `BUILDERS`.
        device: "auto", "cpu" or "cuda".

    Returns:
        An engine with `model_sha256`, the hash of its weights.

    Raises:
        CheckpointError: the file is missing, damaged, foreign, of another family or not safe.
    """
    import torch

    from SlicePropagationLib.networks.checkpoint import load_checkpoint, make_from

    path = Path(path)
    checkpoint = load_checkpoint(path, BUILDERS)
    # a CPU slows down tenfold on the tiny numbers of a trained network
    torch.set_flush_denormal(True)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    module, builder = BUILDERS[checkpoint.family].split(":")
    engine = make_from(getattr(import_module(module), builder), checkpoint, path, device)
    engine.model_sha256 = checkpoint.sha256
    return engine
