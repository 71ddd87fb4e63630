"""Weights of SAM 2 that a person has: which of its models they are, and the predictor with them."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.networks.checkpoint import check_finite, read_model_file

FIRST_LAYER = "image_encoder.trunk.patch_embed.proj.weight"
BLOCKS = "image_encoder.trunk.blocks."
ONLY_IN_2_1 = "no_obj_embed_spatial"
# (channels of the first layer, blocks behind it): how the package calls the size.
SIZES = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}
# What the package sets for its users, all but the filling of holes: that needs an extension which
# is only built beside a GPU, and the same weights would say different things with and without it.
SETTINGS = (
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
    "++model.binarize_mask_from_pts_for_mem_enc=true",
)
WITH_PROGRESS_BARS = ("sam2.sam2_video_predictor", "sam2.utils.misc")


def load_predictor(path: Path, image_size: int, device: str) -> tuple[Any, str]:
    """A SAM2VideoPredictor with the weights of a file.

    Args:
        path: a checkpoint as the authors of SAM 2 publish them, {"model": weights}.
        image_size: rows and columns that slices are resampled to, a multiple of 32.
        device: "cpu" or "cuda".

    Returns:
        (the predictor, hash of the file).

    Raises:
        CheckpointError: the file is missing, damaged, foreign or not safe.
    """
    content, sha256 = read_model_file(path)
    weights = _weights_in(path, content)
    predictor = _build(configuration_of(path, weights), image_size)
    try:
        predictor.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            "The weights in {path} are not those of a model of SAM 2 as it was"
            " published ({problem}); use a file of the original model.",
            path=path,
            problem=str(error).splitlines()[-1].strip(),
        ) from error
    return predictor.to(device).eval(), sha256


def configuration_of(path: Path, weights: dict[str, Tensor]) -> str:
    """Which of the package's configurations weights belong to, read off their names and shapes.

    Raises:
        CheckpointError: none.
    """
    first = weights.get(FIRST_LAYER)
    if first is None:
        raise CheckpointError(
            "{path} holds no weights of SAM 2 (there is no {first_layer}); use a"
            " checkpoint of SAM 2, or one that was trained from it.",
            path=path,
            first_layer=FIRST_LAYER,
        )
    blocks = {name.split(".")[3] for name in weights if name.startswith(BLOCKS)}
    size = SIZES.get((first.shape[0], len(blocks)))
    if size is None:
        raise CheckpointError(
            "{path} holds a model of {channels} channels and {num_blocks} blocks; SAM 2"
            " was published with {sizes}. Use one of those, or one that was trained"
            " from it.",
            path=path,
            channels=first.shape[0],
            num_blocks=len(blocks),
            sizes=", ".join(f"{wide} and {deep}" for wide, deep in SIZES),
        )
    version = "2.1" if ONLY_IN_2_1 in weights else "2"
    return f"configs/sam{version}/sam{version}_hiera_{size}.yaml"


def _weights_in(path: Path, content: Any) -> dict[str, Tensor]:
    weights = content.get("model") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(map(_is_weight, weights.items())):
        raise CheckpointError(
            "{path} is not a checkpoint of SAM 2: it holds no weights under 'model'."
            " Use a file as its authors publish them; a model file of this project goes"
            " without 'sam2:'.",
            path=path,
        )
    check_finite(path, weights)
    return weights


def _is_weight(item: tuple[Any, Any]) -> bool:
    name, value = item
    return isinstance(name, str) and isinstance(value, Tensor)


def _build(configuration: str, image_size: int) -> Any:
    """A predictor with weights yet to be filled in, on the CPU."""
    from sam2.build_sam import build_sam2_video_predictor

    predictor = build_sam2_video_predictor(
        configuration,
        ckpt_path=None,
        device="cpu",
        hydra_overrides_extra=[*SETTINGS, f"++model.image_size={image_size}"],
        apply_postprocessing=False,
    )
    _silence()  # after the modules that draw were imported
    return predictor


def _silence() -> None:
    """Take the progress bars away that the package draws; it has no option for that."""
    from tqdm import tqdm

    for name in WITH_PROGRESS_BARS:
        vars(sys.modules[name])["tqdm"] = partial(tqdm, disable=True)
