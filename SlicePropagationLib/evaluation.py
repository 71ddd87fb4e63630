"""Many cases x engines x numbers of annotated slices: a table of scores, with intervals over patients."""

import csv
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from SlicePropagationLib.case import object_session
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.atomic import atomic_folder
from SlicePropagationLib.batch import one_thread
from SlicePropagationLib.patients import patient_of
from SlicePropagationLib.segmentation_file import read_labels
from SlicePropagationLib.simulation import simulate
from SlicePropagationLib.volume import AXES, read_volume

FAILURE = 0.5           # an object below this Dice counts as failed
FEWEST_PATIENTS = 6     # below, a data set is tabulated and nothing is claimed from it
BOOTSTRAPS = 2000
COLUMNS = ("dataset", "patient", "case", "label", "engine", "shots", "dice", "dice_thesis", "mm_past_ends", "is_nominal")


@dataclass(frozen=True)
class Job:
    """One case to score: its files and what to do with it."""

    image: str
    label_map: str
    dataset: str
    case: str
    engines: tuple[str, ...]
    shots: tuple[int, ...]
    pick: str
    correct: str
    axis: str
    min_slices: int


def evaluate(arguments, report=None):
    """The `evaluate` command: score every structure of every case, write rows.csv and results.md; returns the table.

    Cases that an earlier call finished in the same folder are not scored again.
    """
    jobs = read_jobs(arguments)
    out = Path(arguments.out)
    rows = _finished_rows(out, jobs)
    waiting = [job for job in jobs if (job.dataset, job.case) not in {(row["dataset"], row["case"]) for row in rows}]
    for job, scored in _score_all(waiting, arguments.workers):
        rows += scored
        _write_rows(out, rows)
        if report:
            report(f"{job.dataset} {job.case}: {len(scored)} scores")
    if not rows:
        raise InputError(f"No structure on at least {arguments.min_slices} slices in the {len(jobs)} cases; lower --min-slices or choose another split.")
    text = results_table(rows, jobs[0], arguments.split)
    with atomic_folder(out) as partial:
        (partial / "results.md").write_text(text)
    return text


def read_jobs(arguments):
    """The cases of a table with columns image, label and optionally split, dataset, case.

    Raises:
        InputError: the table cannot be read, lacks a column, or has no case of the split.
        ConfigError: an engine is unknown, or a number of annotated slices is not a positive number.
    """
    path = Path(arguments.cases)
    engines = tuple(arguments.engines.split(","))
    for name in engines:
        make_engine(name)
    try:
        shots = tuple(sorted({int(number) for number in arguments.shots.split(",")}))
        with open(path, newline="") as file:
            table = list(csv.DictReader(file))
    except ValueError:
        raise ConfigError(f"'{arguments.shots}' is not a list of numbers of annotated slices; write for example 1,2,3,5.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); give a table with the columns image and label.") from error
    if not table or not {"image", "label"} <= set(table[0]):
        raise InputError(f"{path} needs at least one row and the columns image and label; it has {', '.join(table[0]) if table else 'no row'}.")
    rows = [row for row in table if row.get("split", arguments.split) == arguments.split]
    if not rows:
        raise InputError(f"{path} has no case of split '{arguments.split}', only of {', '.join(sorted({row['split'] for row in table}))}; choose one of these.")
    return [Job(str(path.parent / row["image"]), str(path.parent / row["label"]), row.get("dataset") or "all", row.get("case") or row["image"],
                engines, shots, arguments.pick, arguments.correct, arguments.axis, arguments.min_slices) for row in rows]


def score_case(job):
    """Rows of scores for every structure of one case that is on enough slices."""
    volume = read_volume(job.image)
    labels, segments = read_labels(job.label_map, volume)
    rows = []
    for segment in segments:
        for name in job.engines:
            session, truth = object_session(volume, labels, segment.label, 2 - AXES.index(job.axis))
            if truth.any(axis=(1, 2)).sum() < job.min_slices:
                break
            rows += _score_object(job, session, truth, name)
    return rows


def _score_object(job, session, truth, name):
    rounds = list(simulate(session, truth, make_engine(name), pick=job.pick, correct=job.correct, budget=max(job.shots)))
    nominal = _spacing_is_nominal(job.image)
    rows = []
    for shots in job.shots:
        entry = rounds[min(shots, len(rounds)) - 1]       # when nothing was left to correct, the last score stands
        rows.append(dict(zip(COLUMNS, (job.dataset, patient_of(job.case), job.case, session.labels[0], name, shots,
                                       round(entry.dice, 5), round(entry.dice_thesis, 5), round(entry.mm_past_ends, 3), int(nominal)))))
    return rows


def _spacing_is_nominal(image):
    meta = Path(image).with_name("meta.json")
    return meta.is_file() and bool(json.loads(meta.read_text()).get("spacing_is_nominal"))


def _score_all(jobs, workers):
    if workers == 1:
        for job in jobs:
            yield job, score_case(job)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        yield from zip(jobs, pool.map(score_case, jobs))


def _write_rows(out, rows):
    with atomic_folder(out) as partial, open(partial / "rows.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _finished_rows(out, jobs):
    path = out / "rows.csv"
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        rows = [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]
    wanted = {(job.dataset, job.case) for job in jobs}
    combinations = {(name, shots) for name in jobs[0].engines for shots in jobs[0].shots}
    if {(row["engine"], row["shots"]) for row in rows} != combinations:
        return []
    return [row for row in rows if (row["dataset"], row["case"]) in wanted]


def _number(text):
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def results_table(rows, job, split):
    """The tables as Markdown: mean Dice (failures) and median millimetres past the ends, per data set, engine and number of slices."""
    parts = [f"Split `{split}`, axis {job.axis}, structures on at least {job.min_slices} slices, first slice: {job.pick}, corrections: {job.correct}. "
             "Dice of the whole volume, annotated slices excluded, the method not told where the structure ends; in brackets objects below .5. "
             "`*` simulated or automatic labels, not in the mean; `(n)` nominal spacing; `†` fewer than 6 patients, tabulated only.\n"]
    parts.append(_table("Mean Dice (failures)", rows, job, lambda chosen: f"{np.mean([row['dice'] for row in chosen]):.3f} ({sum(row['dice'] < FAILURE for row in chosen)})", "dice", np.mean))
    parts.append(_table("Median millimetres run past the two ends together", rows, job, lambda chosen: f"{np.median([row['mm_past_ends'] for row in chosen]):.1f}", "mm_past_ends", np.median))
    parts.append(_differences(rows, job))
    return "\n".join(parts)


def is_pooled(dataset):
    """Whether a data set has real scans with manual labels, which alone enter a mean over sets."""
    return "sim" not in dataset and "totalseg" not in dataset


def _table(title, rows, job, cell, column, average):
    pairs = [(name, shots) for shots in job.shots for name in job.engines]
    lines = [f"### {title}\n", "| data set | objects | patients | " + " | ".join(f"{name} K={shots}" for name, shots in pairs) + " |", "|" + "---|" * (len(pairs) + 3)]
    datasets = sorted({row["dataset"] for row in rows}, key=lambda name: (not is_pooled(name), name))
    for dataset in datasets:
        own = [row for row in rows if row["dataset"] == dataset]
        objects, patients = len({(row["case"], row["label"]) for row in own}), len({row["patient"] for row in own})
        marks = ("" if is_pooled(dataset) else " *") + (" (n)" if own[0]["is_nominal"] else "") + (" †" if patients < FEWEST_PATIENTS else "")
        lines.append(f"| {dataset}{marks} | {objects} | {patients} | " + " | ".join(cell(_chosen(own, *pair)) for pair in pairs) + " |")
    means = [np.mean([average([row[column] for row in _chosen(rows, *pair, dataset)]) for dataset in datasets if is_pooled(dataset)] or [np.nan]) for pair in pairs]
    lines.append("| **mean over real sets** | | | " + " | ".join(f"**{mean:.3f}**" if column == "dice" else f"**{mean:.1f}**" for mean in means) + " |")
    return "\n".join(lines) + "\n"


def _chosen(rows, name, shots, dataset=None):
    return [row for row in rows if row["engine"] == name and row["shots"] == shots and dataset in (None, row["dataset"])]


def _differences(rows, job):
    """Paired difference of the last engine against each other one, with a bootstrap interval over patients."""
    *others, best = job.engines
    lines = [f"### Dice of `{best}` minus the other engines, paired per object; 95 % interval over patients\n", "| data set | " + " | ".join(f"{other} K={shots}" for shots in job.shots for other in others) + " |",
             "|" + "---|" * (len(others) * len(job.shots) + 1)]
    for dataset in sorted({row["dataset"] for row in rows}):
        cells = [_interval(rows, dataset, best, other, shots) for shots in job.shots for other in others]
        lines.append(f"| {dataset} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n" if others else ""


def _interval(rows, dataset, best, other, shots):
    first, second = ({(row["case"], row["label"]): row for row in _chosen(rows, name, shots, dataset)} for name in (best, other))
    by_patient = {}
    for key, row in first.items():
        by_patient.setdefault(row["patient"], []).append(row["dice"] - second[key]["dice"])
    sums, counts = np.array([sum(values) for values in by_patient.values()]), np.array([len(values) for values in by_patient.values()])
    mean = sums.sum() / counts.sum()
    if len(sums) < FEWEST_PATIENTS:
        return f"{mean:+.3f} †"
    draws = np.random.default_rng(0).integers(0, len(sums), (BOOTSTRAPS, len(sums)))
    low, high = np.percentile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), [2.5, 97.5])
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
