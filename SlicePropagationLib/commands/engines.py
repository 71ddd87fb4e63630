"""`engines`: what a propagation can walk with, and what each needs."""

import argparse
from importlib.metadata import EntryPoint

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import DONE
from SlicePropagationLib.engines import ENGINES, EngineInfo, default_engine, lacking_weights
from SlicePropagationLib.engines.brought import ADAPTERS, brought_entries
from SlicePropagationLib.files.shipped_weights import find_model, has_model

NAME_WIDTH = 14
STATE_WIDTH = 8


def add_engines_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "engines",
        "what a propagation can walk with, and what each needs",
        "engines",
        "propagate --image image.nii.gz --seed seed.nii.gz --out out.nii.gz --engine registration",
    )
    parser.set_defaults(command=_engines)


def _engines(arguments: argparse.Namespace) -> int:
    for info in [*ENGINES.values(), *ADAPTERS.values()]:
        mark = " (default here)" if info.name == default_engine() else ""
        devices = "CPU, CUDA" if info.has_weights else "CPU"
        print(f"{info.name:{NAME_WIDTH}s} {_state(info):{STATE_WIDTH}s} {info.summary}{mark}")
        print(f"{'':{NAME_WIDTH}s} weights: {_weights(info)}; runs on: {devices}")
    for entry in brought_entries().values():
        print(f"{entry.name:{NAME_WIDTH}s} {'brought':{STATE_WIDTH}s} {_package(entry)}")
    reason = lacking_weights()
    if reason:
        print(reason)
    return DONE


def _package(entry: EntryPoint) -> str:
    """Where an engine of another package comes from, which is not imported for that."""
    name = entry.dist.name if entry.dist else entry.module
    return f"By the package {name}, which describes its name and argument."


def _state(info: EngineInfo) -> str:
    if info.missing:
        return f"needs {', '.join(info.missing)}"
    if info.name in ADAPTERS:
        return "ready"
    return "ready" if info.is_ready else "no weights"


def _weights(info: EngineInfo) -> str:
    if not info.has_weights:
        return "none, this engine is not trained"
    if info.name in ADAPTERS:
        return f"yours, as {info.name}:WEIGHTS.pt"
    if has_model(info.weights_name):
        return f"{find_model(info.weights_name)} (card beside it)"
    return "not shipped with this installation; give a model file as --engine"
