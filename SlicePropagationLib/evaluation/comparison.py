"""Tables that compare: the last engine with the others, and the scores with those of before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from SlicePropagationLib.evaluation.protocol import EvaluationProtocol, Row, scored_rows
from SlicePropagationLib.evaluation.statistics import (
    FEWEST_PATIENTS,
    by_dataset,
    interval_of_mean,
    means_of,
    select,
    values_by_patient,
)
from SlicePropagationLib.evaluation.tables import (
    Setting,
    count_objects,
    markdown,
    mean_over_sets,
    objects_header,
    of_sets,
    settings_of,
)

RULES_TITLE = "Dice by the rule of K at most a third of the extent, and by every K for every object"
RULES_HEADER = (
    "mean",
    "engine",
    "K",
    "objects",
    "Dice",
    "whole volume, annotated slices included",
    "objects at any K",
    "Dice at any K",
)


def mean_dice(rows: list[Row]) -> float:
    """The mean of the primary score over objects."""
    return float(np.mean([row["dice"] for row in rows]))


def mean_dice_whole(rows: list[Row]) -> float:
    """The mean over objects of the Dice of the whole volume, annotated slices included."""
    return float(np.mean([row["dice_whole"] for row in rows]))


def rules_table(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """The primary score, that with annotated slices included, and that of small extents, too."""
    lines = []
    for title, datasets in means_of(rows, protocol).items():
        for setting in settings_of(protocol):
            every = of_sets(select(rows, engine=setting.engine, shots=setting.shots), datasets)
            own = scored_rows(every)
            values = [
                mean_over_sets(own, datasets, mean_dice),
                mean_over_sets(own, datasets, mean_dice_whole),
                mean_over_sets(every, datasets, mean_dice),
            ]
            dice, whole, at_any = ["" if np.isnan(value) else f"{value:.3f}" for value in values]
            known = [title, setting.engine, setting.shots]
            lines.append([*known, len(own), dice, whole, len(every), at_any])
    return markdown(RULES_TITLE, RULES_HEADER, lines)


def differences_table(rows: list[Row], protocol: EvaluationProtocol) -> str:
    """Paired difference of the last engine against each other one.

    With a bootstrap interval over patients.
    """
    *others, best = protocol.names
    if not others:
        return ""
    pairs = [Setting(other, shots) for shots in protocol.shots for other in others]
    lines = []
    for dataset, own in by_dataset(rows).items():
        cells = [_difference(own, best, pair) for pair in pairs]
        lines.append([dataset, count_objects(own, protocol), *cells])
    for title, datasets in means_of(rows, protocol).items():
        own = of_sets(rows, datasets)
        means = [_mean_difference(own, best, pair) for pair in pairs]
        lines.append([f"**{title}**", count_objects(own, protocol), *means])
    title = (
        f"Dice of `{best}` minus the other engines, paired per object; 95 % interval over patients"
    )
    return markdown(title, ["data set", objects_header(protocol), *pairs], lines)


def _paired(
    rows: list[Row],
    best: str,
    other: Setting,
) -> dict[str, list[float]]:
    """{patient: differences of its objects}."""
    first = _by_object(Setting(best, other.shots).of(rows))
    second = _by_object(other.of(rows))
    differences = []
    for key, row in first.items():
        gain = row["dice"] - second[key]["dice"]
        differences.append(row | {"gain": gain})
    return values_by_patient(differences, "gain")


def _by_object(rows: Iterable[Row]) -> dict[tuple[str, int], Row]:
    return {(row["case"], row["label"]): row for row in rows}


def _difference(
    rows: list[Row],
    best: str,
    other: Setting,
) -> str:
    by_patient = _paired(rows, best, other)
    if not by_patient:
        return ""
    mean = _mean_of(by_patient)
    if len(by_patient) < FEWEST_PATIENTS:
        return f"{mean:+.3f} †"
    low, high = interval_of_mean({rows[0]["dataset"]: by_patient})
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _mean_difference(
    rows: list[Row],
    best: str,
    other: Setting,
) -> str:
    """The mean over the data sets of these rows, where they have enough patients together."""
    paired = {dataset: _paired(own, best, other) for dataset, own in by_dataset(rows).items()}
    sets = {dataset: by_patient for dataset, by_patient in paired.items() if by_patient}
    if sum(len(by_patient) for by_patient in sets.values()) < FEWEST_PATIENTS:
        return ""
    mean = np.mean([_mean_of(by_patient) for by_patient in sets.values()])
    low, high = interval_of_mean(sets)
    return f"**{mean:+.3f} [{low:+.3f}, {high:+.3f}]**"


def _mean_of(by_patient: Mapping[str, list[float]]) -> float:
    return float(np.mean(np.concatenate(list(by_patient.values()))))
