"""Where the shipped weights are: in a checkout, in every kind of pip's installations, in Slicer."""

import json
import site
import sys
from pathlib import Path
from typing import Any

from SlicePropagationLib.errors import CheckpointError

WHEEL_FOLDER = Path("share") / "slice-propagation" / "Models"
# From the folder that holds the library up to the prefix of an installation: with `pip install
# --target DIR` they are one, otherwise `PREFIX/lib/python3.x/site-packages` lies between.
MOST_LEVELS_UP = 4


def model_folders() -> list[Path]:
    """Folders that may hold shipped weights, nearest first.

    Beside the library in a checkout and in Slicer; where wheels put data, otherwise: beside the
    library or in a folder above it, under the prefix of this Python, or the person's own.
    """
    beside = Path(__file__).resolve().parents[2]
    above = [beside, *beside.parents][:MOST_LEVELS_UP]
    roots = [*above, Path(sys.prefix), Path(site.getuserbase())]
    wheels = [root / WHEEL_FOLDER for root in roots]
    return list(dict.fromkeys([beside / "Resources" / "Models", *wheels]))


def has_model(name: str) -> bool:
    """Whether the weights of an engine were shipped with this installation."""
    return any((folder / f"{name}.pt").is_file() for folder in model_folders())


def find_model(name: str) -> Path:
    """The shipped weights of an engine; their model card `<name>.json` lies beside them.

    Raises:
        CheckpointError: they are not there.
    """
    path = _find(f"{name}.pt")
    if path is None:
        raise CheckpointError(
            "The weights {name}.pt are in none of {folders}; install the project again, or"
            " give a model file.",
            name=name,
            folders=", ".join(map(str, model_folders())),
        )
    return path


def find_arrays(name: str) -> Path:
    """The shipped weights of a network that NumPy computes; its card lies beside them.

    Raises:
        CheckpointError: they are not there.
    """
    path = _find(f"{name}.npz")
    if path is None:
        raise CheckpointError(
            "The weights {name}.npz are in none of {folders}; install the project again.",
            name=name,
            folders=", ".join(map(str, model_folders())),
        )
    return path


def _find(file_name: str) -> Path | None:
    """The nearest file of that name."""
    paths = (folder / file_name for folder in model_folders())
    return next((path for path in paths if path.is_file()), None)


def shipped_cards() -> dict[str, dict[str, Any]]:
    """{name: model card} of all weights that were shipped; the nearest of equal names counts."""
    cards: dict[str, dict[str, Any]] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.json")):
            is_whole = any(path.with_suffix(suffix).is_file() for suffix in (".pt", ".npz"))
            if path.stem not in cards and is_whole:
                cards[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    return cards
