"""The engine of a batch, made once in each process: loading a model takes longer than a small case."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.engines.device import choose_engine

if TYPE_CHECKING:
    from SlicePropagationLib.propagation import Engine


class _Kept(threading.local):
    """What a thread has: engines remember the walk that they are on."""

    key: Hashable = None
    engine: Engine | None = None


_kept = _Kept()


def kept_engine(
    name: Path | str | None,
    device: str,
    weights: Sequence[Path | str | None],
) -> Engine:
    """The engine of a name, the one before where nothing about it has changed.

    Args:
        name: as `make_engine` takes it.
        device: "auto", "cpu" or "cuda".
        weights: files that it is made from; one that was replaced is loaded again.

    Raises:
        ConfigError, CheckpointError, DeviceError: as `choose_engine`.
    """
    key = (str(name), device, *map(_stamp, weights))
    engine = _kept.engine
    if engine is None or _kept.key != (key, _place_of(engine)):
        engine = choose_engine(name, device)
        _kept.engine = engine
        _kept.key = (key, _place_of(engine))
    return engine


def _place_of(engine: Engine) -> str | None:
    """Where it computes; one that has gone to the CPU, as the GPU was full, is made anew."""
    return getattr(engine, "device", None)


def _stamp(path: Path | str | None) -> Hashable:
    if path is None:
        return None
    found = Path(path).stat()
    return str(path), found.st_size, found.st_mtime_ns
