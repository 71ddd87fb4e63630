"""Engines around models of others: the one for SAM 2, and those that installed packages bring.

They are called NAME or NAME:ARGUMENT. Where the argument names a file, an option may stand behind
it: NAME:FILE@OPTION.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.engines.engine_info import EngineInfo
from SlicePropagationLib.errors import ConfigError, in_one_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from SlicePropagationLib.propagation import Engine

# Entry points of this group are functions (device, argument or None) that make an engine.
ENGINES_GROUP = "slice_propagation.engines"
# A drive of Windows, as in C:\weights.pt, has one letter.
NAME = re.compile(r"[A-Za-z][\w-]+")

# Engines of our own around packages of others; makers take the device and the argument.
ADAPTERS = {
    info.name: info
    for info in (
        EngineInfo(
            "sam2",
            "SAM 2",
            "SlicePropagationLib.engines.sam2.sam2_engine",
            "make_sam2",
            "Walks with weights of SAM 2 or MedSAM2 that you have: sam2:WEIGHTS.pt, or"
            " sam2:WEIGHTS.pt@512 for images of that size.",
            ("torch", "sam2"),
            has_weights=True,
        ),
    )
}
HOW_TO_INSTALL = {
    "sam2": "first pip install torch torchvision setuptools, then pip install"
    " --no-build-isolation 'slice-propagation[sam2]'",
}


def is_brought(name: str) -> bool:
    """Whether NAME or NAME:ARGUMENT is an engine around a model of others; imports none."""
    head, _ = split_argument(name)
    return head in ADAPTERS or _entry(head) is not None


def split_argument(name: str) -> tuple[str, str | None]:
    """(engine, argument) of NAME:ARGUMENT; (NAME, None) of a name alone."""
    head, mark, argument = name.partition(":")
    return (head, argument) if mark else (name, None)


def weights_file(name: str) -> Path | None:
    """The file that the argument of NAME:FILE or NAME:FILE@OPTION names; None where none is there."""
    _, argument = split_argument(name)
    if not argument:
        return None
    for text in (argument, argument.rpartition("@")[0]):
        if text and Path(text).is_file():
            return Path(text)
    return None


def brought_entries() -> dict[str, EntryPoint]:
    """{name: entry point} of what installed packages bring; the nearer of two installations."""
    # Slicer's panel imports this file at its first showing, and asks nothing of it there.
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=ENGINES_GROUP):
        found.setdefault(entry.name, entry)
    return found


def make_brought(name: str, device: str = "auto") -> Engine:
    """The engine of NAME or NAME:ARGUMENT, for a name that `is_brought`.

    Raises:
        ConfigError: a package it needs is not installed, or what a package brings is no engine.
    """
    head, argument = split_argument(name)
    if head in ADAPTERS:
        return _adapter(ADAPTERS[head])(device, argument)
    entry = _entry(head)
    if entry is None:
        raise ConfigError(
            "No installed package brings an engine '{head}'; install the one that does.",
            head=head,
        )
    engine = _load(entry)(device, argument)
    if not hasattr(engine, "name") or not callable(getattr(engine, "walk", None)):
        raise ConfigError(
            "Engine '{head}' ({value}) is a {kind} without the name and the walk"
            " that an engine has; ask the authors of its package.",
            head=head,
            value=entry.value,
            kind=type(engine).__name__,
        )
    return engine


def _adapter(info: EngineInfo) -> Callable[..., Engine]:
    if info.missing:
        raise ConfigError(
            "Engine '{engine}' needs {missing}, which is not installed; install it:"
            " {how_to_install}.",
            engine=info.name,
            missing=" and ".join(info.missing),
            how_to_install=HOW_TO_INSTALL[info.name],
        )
    return getattr(import_module(info.module), info.maker)


def _entry(head: str) -> EntryPoint | None:
    return brought_entries().get(head) if NAME.fullmatch(head) else None


def _load(entry: EntryPoint) -> Callable[..., Engine]:
    try:
        return entry.load()
    except (ImportError, AttributeError, OSError) as error:
        raise ConfigError(
            "Engine '{engine}' ({value}) cannot be loaded ({problem}); install the"
            " package that brings it anew, or choose another engine.",
            engine=entry.name,
            value=entry.value,
            problem=in_one_line(error),
        ) from error
