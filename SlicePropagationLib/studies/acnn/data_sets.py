"""The data sets of the ACNN measurements: labels, small grids, pathologies."""

from __future__ import annotations

import re
from dataclasses import asdict

from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.studies.request import Settings, StudyRequest
from SlicePropagationLib.training import TASKS
from SlicePropagationLib.training.acnn.presets import SMALL_BOTTLENECK
from SlicePropagationLib.training.settings import merged

SMALL_HOURS = 0.2
# Of every data set: labels, and a small grid that holds them (48 x 48 pixels; thick slices are four
# fine ones).
SMALL_SETS = {
    "la2018_UNK": ((1,), FineGridConfig((24, 48, 48), (2.5, 2.75, 2.75), 4)),
    "msd_hippocampus": ((1, 2), FineGridConfig((36, 48, 48), (1.0, 1.0, 1.0), 4)),
    "oasis_brain_NC": ((1, 2), FineGridConfig((24, 48, 48), (2.5, 2.5, 2.5), 4)),
    "acdc_NC": ((1, 2, 3), FineGridConfig((24, 48, 48), (7.5, 2.75, 2.75), 4)),
}
ACDC = "acdc_NC"
ACDC_GROUPS = (
    "dilated",
    "hypertrophic",
    "infarction",
    "normal",
    "abnormal right ventricle",
)  # patients 1-20, 21-40, ...
PATIENTS_OF_A_GROUP = 20


def acdc_group(patient: str) -> str:
    """The pathology of a patient by ACDC's numbering; "" for other names."""
    number = re.search(r"patient(\d+)", patient)
    if not number:
        return ""
    place = (int(number.group(1)) - 1) // PATIENTS_OF_A_GROUP
    return ACDC_GROUPS[place] if 0 <= place < len(ACDC_GROUPS) else ""


def hours_of(request: StudyRequest) -> float | None:
    """Time of a training.

    None where --config says how many epochs it takes, which compares networks after as many
    updates.
    """
    if request.max_hours:
        return request.max_hours
    is_counted = "epochs" in request.changes().get("loop", {})
    return SMALL_HOURS if request.is_small and not is_counted else None


def settings_of(
    request: StudyRequest,
    dataset: str,
    task: str,
) -> Settings:
    """Grid and labels of a data set as `train --config` reads them, and what --config changes.

    That is for all tasks, and under a task's name for that one.

    Args:
        request: the experiment.
        dataset: name of the data set.
        task: of `train`.
    """
    settings: Settings = {"task": {}}
    if dataset in SMALL_SETS:
        labels, grid = SMALL_SETS[dataset]
        settings["task"]["labels"] = labels
        if request.is_small:
            settings["task"]["network"] = {
                "grid": asdict(grid),
                "bottleneck_channels": SMALL_BOTTLENECK,
            }
    changes = request.changes()
    for_all = {name: change for name, change in changes.items() if name not in TASKS}
    settings = merged(settings, for_all)
    if task == "acnn_predictor" and "network" in settings["task"]:
        settings["task"]["network"] = {"autoencoder": settings["task"]["network"]}
    return merged(settings, changes.get(task, {}))


def described(grid: FineGridConfig) -> str:
    """A grid in words."""
    cells = "x".join(map(str, grid.shape))
    spacing = "x".join(f"{spacing:g}" for spacing in grid.spacing_mm)
    return f"{cells} cells of {spacing} mm, thick slices of {grid.thick_mm:g} mm"
