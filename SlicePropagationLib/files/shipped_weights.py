"""Where the shipped weights are: in a checkout, in an installed wheel and in Slicer."""

import site
import sys
from pathlib import Path

from SlicePropagationLib.errors import CheckpointError

WHEEL_FOLDER = Path("share") / "slice-propagation" / "Models"


def model_folders():
    """Folders that may hold shipped weights, nearest first: beside the library (checkout, Slicer), or where wheels put data."""
    beside = Path(__file__).resolve().parents[2] / "Resources" / "Models"
    return [beside, Path(sys.prefix) / WHEEL_FOLDER, Path(site.getuserbase()) / WHEEL_FOLDER]


def has_model(name):
    """Whether the weights of an engine were shipped with this installation."""
    return any((folder / f"{name}.pt").is_file() for folder in model_folders())


def find_model(name):
    """The shipped weights of an engine; their model card `<name>.json` lies beside them.

    Raises:
        CheckpointError: they are not there.
    """
    for folder in model_folders():
        path = folder / f"{name}.pt"
        if path.is_file():
            return path
    raise CheckpointError(
        f"The weights {name}.pt are in none of {', '.join(map(str, model_folders()))}; install the"
        " project again, or give a model file."
    )
