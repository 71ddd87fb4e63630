"""What is trained in a folder: written down at first, compared when it goes on."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.config import with_new_names
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.training.settings import read_settings

if TYPE_CHECKING:
    from SlicePropagationLib.training.train import TrainRequest

RECORD = "config.json"
PACKAGES = ("torch", "lightning", "monai")


def claim(
    out: Path,
    training: Any,
    request: TrainRequest,
) -> bool:
    """Write down what is trained in a folder, and say whether it was not yet.

    Args:
        out: the folder; made if need be.
        training: all settings, a frozen dataclass.
        request: what was asked for.

    Raises:
        ConfigError: the folder holds another training.
        OutputError: it cannot be written.
    """
    record = _record_of(training, request)
    path = out / RECORD
    if path.is_file():
        _check_same(path, record, type(training))
        return False
    text = json.dumps({**record, "versions": _versions()}, indent=1)
    with atomic_folder(out) as partial:
        (partial / RECORD).write_text(text, encoding="utf-8")
    return True


def give_up(out: Path, folders: Sequence[Path]) -> None:
    """Leave a folder free for other settings where a training failed before its first epoch.

    Args:
        out: the folder that was claimed.
        folders: those of its trainings.
    """
    if any(out.rglob("state.ckpt")):
        return
    (out / RECORD).unlink(missing_ok=True)
    for folder in [*folders, out]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _record_of(training: Any, request: TrainRequest) -> dict[str, Any]:
    """What makes two trainings the same, as JSON has it."""
    record = {
        "task": request.task,
        "preset": request.preset,
        "training": asdict(training),
        "cases": str(request.cases),
        "datasets": ",".join(request.datasets) if request.datasets else None,
        "folds": request.folds,
        "init": str(request.init) if request.init else None,
    }
    if request.max_cases:
        record["max_cases"] = request.max_cases
    if request.leave_out:
        record["leave_out"] = ",".join(sorted(request.leave_out))
    return json.loads(json.dumps(record))


def _versions() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in PACKAGES}
    return versions | {
        "slice-propagation": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _check_same(
    path: Path,
    record: dict[str, Any],
    kind: type,
) -> None:
    """Refuse to go on with a training that is not the one described, and say what differs."""
    stored = read_settings(path)
    if isinstance(stored.get("training"), dict):
        stored["training"] = with_new_names(kind, stored["training"])
    earlier = _flat(stored)
    now = _flat(record)
    changed = [
        f"{name} is {earlier.get(name)} there and {now.get(name)} here"
        for name in sorted(set(earlier) | set(now))
        if not name.startswith("versions.") and earlier.get(name) != now.get(name)
    ]
    if changed:
        raise ConfigError(
            f"{path.parent} holds another training ({'; '.join(changed)}); give another --out, or"
            " the same arguments to go on with that one."
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a.b": value} of nested settings."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
