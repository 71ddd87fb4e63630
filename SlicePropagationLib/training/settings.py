"""The settings of a training: a preset, what a JSON file changes of it, and what a request does."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.config import config_from_dict, with_new_names
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.training import TASKS

if TYPE_CHECKING:
    from SlicePropagationLib.training.contracts import Training
    from SlicePropagationLib.training.loop_config import LoopConfig
    from SlicePropagationLib.training.train import TrainRequest

MANY_EPOCHS = 1000  # at least, where time ends a training


def read_training(request: TrainRequest) -> Training:
    """The training that a request describes.

    Raises:
        ConfigError: the preset is unknown, or a setting is, or the task takes no such option.
    """
    training = _preset_of(request)
    if request.config:
        kind = type(training)
        changes = with_new_names(kind, read_settings(request.config))
        training = config_from_dict(kind, merged(asdict(training), changes))
    training = _with_shape(training, request)
    return replace(training, loop=_loop_of(training.loop, request))


def _preset_of(request: TrainRequest) -> Any:
    presets = import_module(TASKS[request.task]).PRESETS
    if request.preset not in presets:
        raise ConfigError(
            f"Task {request.task} has no preset '{request.preset}'; choose one of"
            f" {', '.join(presets)}."
        )
    return presets[request.preset]


def _with_shape(training: Any, request: TrainRequest) -> Any:
    """The training with the prior and the labels of a request.

    Refused where the task has none.
    """
    prior = str(request.prior) if request.prior else None
    labels = tuple(request.labels) if request.labels else None
    for option, value in (("prior", prior), ("labels", labels)):
        if value is None:
            continue
        if not hasattr(training, f"with_{option}"):
            raise ConfigError(f"Task {request.task} takes no --{option}; leave it out.")
        training = getattr(training, f"with_{option}")(value)
    return training


def _loop_of(loop: LoopConfig, request: TrainRequest) -> LoopConfig:
    """How long a request trains, with which seed, on how many devices."""
    if request.max_hours is not None:
        epochs = max(loop.epochs, MANY_EPOCHS)
        loop = replace(loop, max_hours=request.max_hours, epochs=epochs)
    if request.epochs is not None:
        loop = replace(loop, epochs=request.epochs)
    asked = {name: getattr(request, name) for name in ("seed", "devices", "nodes")}
    return replace(loop, **{name: value for name, value in asked.items() if value is not None})


def read_settings(path: Path | str) -> dict[str, Any]:
    """The settings in a JSON file; ConfigError where it holds none."""
    try:
        # some editors begin a file with a mark
        values = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read as a configuration ({error}); write a JSON object with the"
            " settings to change."
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds a {type(values).__name__}; write a JSON object with the settings to"
            " change."
        )
    return values


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested settings with some of them replaced."""
    result = dict(values)
    for name, change in changes.items():
        before = values.get(name)
        if isinstance(change, dict) and isinstance(before, dict):
            result[name] = merged(before, change)
        else:
            result[name] = change
    return result
