"""The models that come with the program and are called by name: what they are for, how good.

Segmenters need no seed; refiners bring a finished annotation of thick slices to fine ones. Their
model cards say so; PyTorch is not needed to list them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.files.shipped_weights import find_model, shipped_cards

MODEL_SUFFIX = ".pt"


@dataclass(frozen=True)
class ShippedModel:
    """One model, as its card describes it.

    Attributes:
        name: what a person types.
        title: what a person reads in a list.
        structures: {label of its results: name of the structure}; of a refiner, of the annotation.
        images: what it was made for, in words.
        quality: how good it is there, in words.
        plane: the plane whose slices it looks at, "axial", "coronal" or "sagittal"; "" for the
            slices that the volume is stored as.
    """

    name: str
    title: str
    structures: dict[int, str]
    images: str
    quality: str
    plane: str = ""


def shipped_models() -> dict[str, ShippedModel]:
    """{name: ShippedModel} of the segmenters that came with this installation, sorted by name."""
    return _with("structures")


def shipped_refiners() -> dict[str, ShippedModel]:
    """{name: ShippedModel} of the models of `superresolve` that came with it, sorted by name."""
    return _with("refines")


def _with(key: str) -> dict[str, ShippedModel]:
    """The models whose cards have {label: structure} under a key."""
    return {
        name: ShippedModel(
            name,
            card["title"],
            {int(label): text for label, text in card[key].items()},
            card["images"],
            card["quality"],
            card.get("plane", ""),
        )
        for name, card in sorted(shipped_cards().items())
        if key in card
    }


def model_path(text: Path | str) -> Path:
    """The file of a model that a person named.

    Args:
        text: a name in `shipped_models` or `shipped_refiners`, or a file.

    Raises:
        CheckpointError: it is neither.
    """
    path = Path(text)
    if path.is_file() or path.suffix == MODEL_SUFFIX:
        return path
    models = shipped_models() | shipped_refiners()
    if str(text) in models:
        return find_model(str(text))
    raise CheckpointError(
        "There is no model '{name}'; give one of {models}, or a model file that ends in .pt.",
        name=str(text),
        models=", ".join(models) or "none (no weights came with this installation)",
    )
