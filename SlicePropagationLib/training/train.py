"""The `train` command: configuration, cases, one training or one per fold."""

import csv
import json
import os
import platform
from dataclasses import asdict, replace
from importlib import import_module, metadata
from inspect import signature
from pathlib import Path

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import ConfigError, DeviceError, SlicePropagationError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.training_cases import (
    check_cases,
    make_folds,
    read_training_cases,
    split_cases,
)
from SlicePropagationLib.training import TASKS

RECORD = "config.json"


def train(arguments, report=None):
    """Train as the command line says; returns the paths of the best weights.

    Raises:
        SlicePropagationError: something about the arguments, the cases or the output folder;
            nothing was trained.
    """
    training = read_training(arguments)
    if getattr(arguments, "walks", None) and "walks" not in signature(training.train).parameters:
        raise ConfigError(
            f"Preset {arguments.preset} of task {arguments.task} learns from no recorded walks;"
            " leave --walks out."
        )
    if arguments.folds and getattr(training, "learns_from_val", False):
        raise ConfigError(
            "This training learns from its validation cases in the end, so that no held-out fold is"
            " left; leave --folds out, or set finetune_epochs to 0."
        )
    datasets = arguments.datasets.split(",") if arguments.datasets else None
    cases = read_training_cases(arguments.cases, datasets)
    cases = list(_first_cases(cases, getattr(arguments, "max_cases", None)))
    parts = (
        make_folds([case for case in cases if case.split in ("", "train", "val")], arguments.folds)
        if arguments.folds
        else [split_cases(cases)]
    )
    if report:
        report(f"checking {sum(len(part) for part in parts[0])} cases")
    check_cases([case for part in parts[0] for case in part])
    out = Path(arguments.out)
    folders = (
        [out / f"fold_{number}" for number in range(1, len(parts) + 1)]
        if arguments.folds
        else [out]
    )
    inits = [_init_of(arguments.init, folder if arguments.folds else None) for folder in folders]
    for init in inits:
        training.new_task(init)  # weights that do not fit are refused before anything is written
    _check_devices(training.loop.devices, arguments.device)
    is_new = _claim(out, training, arguments)
    shared = {"walks": Path(arguments.walks)} if getattr(arguments, "walks", None) else {}
    try:
        best = [
            training.train(
                *part,
                folder,
                init=init,
                device=arguments.device,
                workers=arguments.workers,
                report=report,
                **shared,
            )
            for part, folder, init in zip(parts, folders, inits)
        ]
    except SlicePropagationError:
        if is_new:
            _give_up(out, folders)
        raise
    if arguments.folds:
        _write_folds(out, folders)
    return best


def _check_devices(count, device):
    """Refuse more processes than there are GPUs, or cores where none is used: they would only hold one another up."""
    import torch  # here, as its tasks are: the command line knows them where torch is absent

    gpus = torch.cuda.device_count() if device != "cpu" else 0
    if count > (gpus or os.cpu_count() or 1):
        raise DeviceError(
            f"devices must be at most {gpus or os.cpu_count()}, the {'GPUs' if gpus else 'cores'}"
            f" of this machine, got {count}; set it in --config."
        )


def _first_cases(cases, count):
    """The first cases of each split of each data set; all where `count` is None."""
    numbers = {}
    for case in cases:
        numbers[case.dataset, case.split] = numbers.get((case.dataset, case.split), 0) + 1
        if count is None or numbers[case.dataset, case.split] <= count:
            yield case


def _init_of(init, fold):
    """The model file to begin with: `init` itself, or the best weights in it where it is the folder of a training, of the same fold."""
    if not init or not Path(init).is_dir():
        return init
    return str((Path(init) / fold.name if fold else Path(init)) / "best.pt")


def read_training(arguments):
    """The training that a preset, a JSON file and the options describe together.

    Raises:
        ConfigError: the task or the preset is unknown, or a setting is.
    """
    if arguments.task not in TASKS:
        raise ConfigError(
            f"There is no training task '{arguments.task}'; choose one of"
            f" {', '.join(sorted(TASKS))}."
        )
    presets = import_module(TASKS[arguments.task]).PRESETS
    if arguments.preset not in presets:
        raise ConfigError(
            f"Task {arguments.task} has no preset '{arguments.preset}'; choose one of"
            f" {', '.join(presets)}."
        )
    training = presets[arguments.preset]
    if arguments.config:
        training = config_from_dict(
            type(training),
            merged(asdict(training), read_settings(arguments.config)),
        )
    training = _with_options(training, arguments)
    loop = training.loop
    if arguments.max_hours == 0:
        raise ConfigError(
            "--max-hours must be above 0, got 0; leave it out for the preset's number of epochs."
        )
    if arguments.max_hours is not None:
        loop = replace(loop, max_hours=arguments.max_hours, epochs=max(loop.epochs, 1000))
    if arguments.epochs is not None:
        loop = replace(loop, epochs=arguments.epochs)
    if arguments.seed is not None:
        loop = replace(loop, seed=arguments.seed)
    return replace(training, loop=loop)


def _with_options(training, arguments):
    """The training with the prior and the labels that the options name.

    Refused where the task has none.
    """
    for option, method in (("prior", "with_prior"), ("labels", "with_labels")):
        value = getattr(arguments, option, None)
        if value and not hasattr(training, method):
            raise ConfigError(f"Task {arguments.task} takes no --{option}; leave it out.")
        if value:
            training = getattr(training, method)(_numbers(value) if option == "labels" else value)
    return training


def _numbers(text):
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(f"'{text}' is not a list of labels; write for example 1,2.") from None


def read_settings(path):
    """The settings in a JSON file; ConfigError where it holds none."""
    try:
        values = json.loads(
            Path(path).read_text(encoding="utf-8-sig")
        )  # some editors begin a file with a mark
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


def merged(values, changes):
    """Nested settings with some of them replaced."""
    return {
        **values,
        **{
            name: (
                merged(values[name], change)
                if isinstance(change, dict) and isinstance(values.get(name), dict)
                else change
            )
            for name, change in changes.items()
        },
    }


def _claim(out, training, arguments):
    """Write down what is trained in a folder, and say whether it was not yet.

    Refuse to mix two trainings in one.
    """
    record = {
        "task": arguments.task,
        "preset": arguments.preset,
        "training": asdict(training),
        "cases": str(arguments.cases),
        "datasets": arguments.datasets,
        "folds": arguments.folds,
        "init": arguments.init,
    }
    if getattr(arguments, "max_cases", None):
        record["max_cases"] = arguments.max_cases
    record = json.loads(json.dumps(record))
    path = out / RECORD
    if path.is_file():
        _check_same(path, record)
        return False
    versions = {name: metadata.version(name) for name in ("torch", "lightning", "monai")}
    versions |= {
        "slice-propagation": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    with atomic_folder(out) as partial:
        (partial / RECORD).write_text(
            json.dumps({**record, "versions": versions}, indent=1),
            encoding="utf-8",
        )
    return True


def _give_up(out, folders):
    """Leave a folder free for other settings where a training failed before its first epoch was kept."""
    if any(out.rglob("state.ckpt")):
        return
    (out / RECORD).unlink(missing_ok=True)
    for folder in [*folders, out]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _check_same(path, record):
    """Refuse to go on with a training that is not the one described, and say what differs."""
    earlier = _flat(read_settings(path))
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


def _flat(values, prefix=""):
    """{"a.b": value} of nested settings."""
    flat = {}
    for name, value in values.items():
        flat |= (
            _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        )
    return flat


def _write_folds(out, folders):
    """folds.csv: what every fold's last weights reach on its held-out patients, who chose nothing of them, and beside it the best epoch, which they did choose; mean and standard deviation."""
    rows = []
    for folder in folders:
        lines = [
            json.loads(line)
            for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        score = "dice" if "dice" in lines[0] else "ssim"
        best = max(lines, key=lambda line: line[score])
        rows.append((lines[-1][score], best[score], best["epoch"]))
    scores = np.array([row[:2] for row in rows])
    with (
        atomic_folder(out) as partial,
        open(partial / "folds.csv", "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(["fold", score, f"best_{score}", "best_epoch"])
        table.writerows(
            [number, round(last, 5), round(best, 5), epoch]
            for number, (last, best, epoch) in enumerate(rows, 1)
        )
        table.writerow(["mean", *scores.mean(axis=0).round(5), ""])
        table.writerow(["sd", *scores.std(axis=0, ddof=1).round(5), ""])
