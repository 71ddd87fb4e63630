"""Engines from model files: which family a file belongs to decides how it walks."""

from pathlib import Path

import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.registration.voxelmorph import VoxelMorphEngine
from SlicePropagationLib.engines.slice.plain_unet import PlainUNetEngine
from SlicePropagationLib.engines.slice.slice_unet import SliceUNetEngine
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.files.shipped_weights import find_model
from SlicePropagationLib.networks.build import build_unet
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import VoxelMorph
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.segmenters.cine.bilstm import CineBiLSTMEngine, make_cine_bilstm


def make_voxelmorph(device="auto", path=None):
    """The engine of the shipped registration network, or of a model file; see `make_slice_unet`."""
    return make_slice_unet(device, path or find_model("voxelmorph"))


def make_slice_unet(device="auto", path=None):
    """The engine of a model file, by default of the shipped weights.

    Args:
        device: "auto", "cpu" or "cuda".
        path: model file of a family in `BUILDERS`.

    Returns:
        An engine with `model_sha256`, the hash of its weights.

    Raises:
        CheckpointError: the file is missing, damaged, foreign, of another family or not safe.
    """
    path = Path(path or find_model("slice_unet"))
    checkpoint = load_checkpoint(path, BUILDERS)
    torch.set_flush_denormal(
        True
    )  # a CPU slows down tenfold on the tiny numbers of a trained network
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        engine = BUILDERS[checkpoint.family](checkpoint, path, device)
    except (ConfigError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The configuration in {path} is not one of family {checkpoint.family} ({error}); it is"
            " damaged or from another version."
        ) from error
    engine.model_sha256 = checkpoint.sha256
    return engine


def _guided(checkpoint, path, device):
    network = GuidedUNet(config_from_dict(GuidedUNetConfig, checkpoint.config["network"]))
    return SliceUNetEngine(fill_network(network, checkpoint, path), device)


def _plain(checkpoint, path, device):
    network = build_unet(config_from_dict(UNetConfig, checkpoint.config["network"]))
    return PlainUNetEngine(
        fill_network(network, checkpoint, path),
        checkpoint.config["size"],
        checkpoint.config["uses_prior"],
        device,
    )


def _voxelmorph(checkpoint, path, device):
    network = VoxelMorph(config_from_dict(VoxelMorphConfig, checkpoint.config["network"]))
    return VoxelMorphEngine(fill_network(network, checkpoint, path), device)


def _cine_bilstm(checkpoint, path, device):
    return CineBiLSTMEngine(make_cine_bilstm(checkpoint, path, device))


BUILDERS = {
    "slice_unet.guided": _guided,
    "slice_unet.plain": _plain,
    "voxelmorph": _voxelmorph,
    "cine_bilstm": _cine_bilstm,
}
