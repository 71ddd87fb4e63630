"""`engines`: what a propagation can walk with, and what each needs."""

from SlicePropagationLib.commands.options import (
    DONE,
)
from SlicePropagationLib.engines import ENGINES, default_engine
from SlicePropagationLib.files.shipped_weights import find_model, has_model


def _engines(arguments):
    for info in ENGINES.values():
        state = (
            f"needs {', '.join(info.missing)}"
            if info.missing
            else "ready"
            if info.is_ready
            else "no weights"
        )
        mark = " (default here)" if info.name == default_engine() else ""
        weights = _weights_of(info) if info.has_weights else "none, this engine is not trained"
        print(
            f"{info.name:14s} {state:8s} {info.summary}{mark}\n{'':14s} weights: {weights}; runs"
            f" on: {'CPU, CUDA' if info.has_weights else 'CPU'}"
        )
    return DONE


def _weights_of(info):
    return (
        f"{find_model(info.name)} (card beside it)"
        if has_model(info.name)
        else "not shipped with this installation; give a model file as --engine"
    )


def add_engines_command(commands):
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "engines", help="what a propagation can walk with, and what each needs"
    )
    parser.set_defaults(command=_engines)
