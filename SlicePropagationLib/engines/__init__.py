"""What a propagation can walk with; engines are imported when they are asked for."""

from __future__ import annotations

import logging
from importlib import import_module, util
from typing import TYPE_CHECKING

from SlicePropagationLib.engines.adaptation import Adaptation, adapting, split_adapt
from SlicePropagationLib.engines.brought import is_brought, make_brought, weights_file
from SlicePropagationLib.engines.engine_info import EngineInfo
from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from SlicePropagationLib.propagation import Engine

log = logging.getLogger(__name__)
MODEL_SUFFIXES = (".pt", ".pth", ".ckpt")


ENGINES = {
    info.name: info
    for info in (
        EngineInfo(
            "slice_unet",
            "Trained network",
            "SlicePropagationLib.engines.model_file",
            "make_slice_unet",
            "A trained network that corrects what registration predicts; the default where PyTorch"
            " is installed.",
            ("torch",),
            has_weights=True,
            learns=True,
        ),
        EngineInfo(
            "slice_unet_plain",
            "Trained network, outlines as walked",
            "SlicePropagationLib.engines.model_file",
            "make_slice_unet_plain",
            "The trained network of before 2026-11-30, without the second look at each outline; for"
            " one release.",
            ("torch",),
            has_weights=True,
            learns=True,
            weights="slice_unet",
        ),
        EngineInfo(
            "registration",
            "Image registration",
            "SlicePropagationLib.engines.image_registration",
            "RegistrationEngine",
            "Follows the structure from slice to slice by image registration; needs no training,"
            " the default without PyTorch.",
        ),
        EngineInfo(
            "voxelmorph",
            "Trained registration (VoxelMorph)",
            "SlicePropagationLib.engines.model_file",
            "make_voxelmorph",
            "Follows the structure by a trained registration network (VoxelMorph).",
            ("torch",),
            has_weights=True,
        ),
        EngineInfo(
            "interpolation",
            "Shape interpolation",
            "SlicePropagationLib.engines.interpolation",
            "InterpolationEngine",
            "Interpolates the shape between annotated slices and shrinks it beyond them; does not"
            " look at the image.",
        ),
        EngineInfo(
            "itk_interpolation",
            "Contour interpolation (ITK)",
            "SlicePropagationLib.engines.itk_interpolation",
            "ITKInterpolationEngine",
            "ITK's morphological contour interpolation (Slicer's 'Fill between slices'), only"
            " between annotated slices; for comparisons.",
            ("itk",),
        ),
        EngineInfo(
            "copy",
            "Copy (baseline)",
            "SlicePropagationLib.engines.copy",
            "CopyEngine",
            "Repeats the nearest annotated mask; a baseline for comparisons.",
        ),
    )
}
TRAINED_ENGINE = "slice_unet"
FALLBACK_ENGINE = "registration"


def default_engine() -> str:
    """Name of the engine that is used when none is asked for: the trained one where it can walk."""
    return TRAINED_ENGINE if ENGINES[TRAINED_ENGINE].is_ready else FALLBACK_ENGINE


def lacking_weights() -> str | None:
    """Why the default engine is not the trained one although PyTorch is installed, in a sentence.

    None where the default is the trained one, or where PyTorch is missing.
    """
    if default_engine() == TRAINED_ENGINE or ENGINES[TRAINED_ENGINE].missing:
        return None
    return (
        f"PyTorch is installed, but the weights {TRAINED_ENGINE}.pt are not, so the default engine"
        f" is '{FALLBACK_ENGINE}' instead of the trained network; install the project again, or"
        " give a model file as --engine."
    )


def choose_default() -> str:
    """`default_engine()`, with a warning where the trained one is lacking its weights only."""
    reason = lacking_weights()
    if reason:
        log.warning("%s", reason)
    return default_engine()


def make_engine(name: Path | str | None = None, device: str = "auto") -> Engine:
    """The engine of that name, or of a model file (a name that ends in .pt).

    Args:
        name: None for `default_engine()`; "NAME:ARGUMENT" is an engine around a model of others,
            such as "sam2:WEIGHTS.pt", or one that an installed package brings; "NAME+adapt" learns
            from the annotated slices before it walks, see `Adaptation`; "NAME+MODEL.pt" smooths
            what it predicts across slices, with weights of `train birnn`.
        device: "auto", "cpu" or "cuda"; for engines with weights.

    Raises:
        ConfigError: no engine has that name, or a package it needs is not installed.
        CheckpointError: the weights are missing, damaged, foreign or not safe.
    """
    name, smoother = split_name(name or choose_default())
    if smoother:
        return _smoothed(make_engine(name, device), smoother, device)
    name, is_adapting = split_adapt(name)
    if is_adapting:
        return adapting(make_engine(name, device), Adaptation())
    if name not in ENGINES and is_brought(name):
        return make_brought(name, device)
    path = name if name.endswith(MODEL_SUFFIXES) else None
    info = ENGINES[TRAINED_ENGINE] if path else ENGINES.get(name)
    if info is None:
        raise ConfigError(
            "There is no engine '{name}'; choose one of {engines}, a model file that"
            " ends in .pt, or NAME:ARGUMENT of an engine around a model of others.",
            name=name,
            engines=", ".join(sorted(ENGINES)),
        )
    if info.missing:
        raise ConfigError(
            "Engine '{name}' needs {missing}, which is not installed; install it or"
            " use '{fallback_engine}'.",
            name=name,
            missing=", ".join(info.missing),
            fallback_engine=FALLBACK_ENGINE,
        )
    maker = getattr(import_module(info.module), info.maker)
    return maker(device, path) if info.has_weights else maker()


def split_name(name: Path | str | None = None) -> tuple[str, str | None]:
    """(engine, model file that smooths or None) of a name as `make_engine` takes it."""
    name = str(name or default_engine())
    head, _, smoother = name.rpartition("+")
    is_path = weights_file(name) is not None  # a folder may have the sign in its name
    if smoother.endswith(MODEL_SUFFIXES) and _is_engine(head) and not is_path:
        return head, smoother
    return name, None


def _is_engine(name: str) -> bool:
    name, _ = split_adapt(name)
    return name in ENGINES or name.endswith(MODEL_SUFFIXES) or is_brought(name)


def _smoothed(
    engine: Engine,
    path: str,
    device: str,
) -> Engine:
    if util.find_spec("torch") is None:
        raise ConfigError(
            "Smoothing across slices needs torch, which is not installed; install it or leave the"
            " smoothing out."
        )
    return import_module("SlicePropagationLib.engines.pnet.smoothed").smooth(engine, path, device)


def model_hash(engine: Engine) -> str | None:
    """Hash of the weights that an engine walks with, None for one without."""
    return getattr(engine, "model_sha256", None)


def weights_record(engine: Engine) -> dict[str, str | None]:
    """What a result says about the weights of its engine: {name: hash}.

    And about those of what looked at its outlines or smoothed it, where something did.
    """
    record = {"model_sha256": model_hash(engine)}
    for name in ("outline_sha256", "smoother_sha256"):
        value = getattr(engine, name, None)
        if value:
            record[name] = value
    return record
