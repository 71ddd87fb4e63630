"""`models`: what comes with the program and is called by name."""

import argparse

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import DONE
from SlicePropagationLib.segmenters.catalogue import ShippedModel, shipped_models, shipped_refiners


def add_models_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "models",
        "models that need no seed, and those that refine: for what, on which images, how well",
        "models",
        "segment --image heart.nii.gz --model left_ventricle --out labels.nii.gz",
    )
    parser.set_defaults(command=_models)


def _models(arguments: argparse.Namespace) -> int:
    models = shipped_models()
    for model in models.values():
        print(_text(model, "finds"))
    for model in shipped_refiners().values():
        print(
            _text(model, "refines") + "\n  use      superresolve --labels L --model " + model.name
        )
    if not models:
        print("No model that needs no seed came with this installation; `train` makes them.")
    return DONE


def _text(model: ShippedModel, verb: str) -> str:
    structures = ", ".join(f"{label} {name}" for label, name in model.structures.items())
    lines = (
        model.name,
        f"  {verb:<8} {structures}",
        f"  on       {model.images}",
        f"  quality  {model.quality}",
    )
    return "\n".join(lines)
