"""Codes of shapes as biomarkers: export, how well they tell groups apart, and what changes along the components that matter."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.studies.acnn.random_forest import RandomForest
from SlicePropagationLib.training.acnn.shape_data import read_sample

SOURCES = ("labels", "images")


@dataclass(frozen=True)
class CodedCase:
    """One case as a shape model sees it.

    Attributes:
        dataset, name: of the case.
        code: (code_size,) float32.
        implausibility: distance of the code from that of what it decodes to.
        misfit: 1 - Dice of the shape with what its code decodes to.
        classes: (D, H, W) uint8 on the model's grid.
    """

    dataset: str
    name: str
    code: np.ndarray
    implausibility: float
    misfit: float
    classes: np.ndarray

    @property
    def patient(self):
        """The patient, whose frames share it."""
        return patient_of(self.name)

    @property
    def frame(self):
        """Which frame of the patient: "ED", "ES", or "" where the name says none."""
        return self.name[len(self.patient) :].strip("_")


def export_codes(arguments, report=None):
    """Write codes.csv: a row for each case with its code, the implausibility and the misfit of its shape; returns the CodedCases.

    Args:
        arguments: cases (table), model (file), out (folder), source ("labels" or "images"),
            datasets and split (None for all).

    Raises:
        SlicePropagationError: the table, the model or the folder cannot be used, or no case has the
            model's labels.
    """
    model = load_shape_model(arguments.model, needs_predictor=arguments.source == "images")
    cases = read_training_cases(
        arguments.cases,
        arguments.datasets.split(",") if arguments.datasets else None,
    )
    coded = list(
        code_cases(
            model,
            [case for case in cases if arguments.split in (None, case.split)],
            arguments.source,
            report,
        )
    )
    if not coded:
        raise InputError(
            f"No case of {arguments.cases} has a label of the model"
            f" ({', '.join(map(str, model.labels))}); choose other cases or another model."
        )
    with (
        atomic_folder(Path(arguments.out)) as partial,
        open(partial / "codes.csv", "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(
            [
                "dataset",
                "case",
                "patient",
                "implausibility",
                "misfit",
                *(f"code_{number}" for number in range(len(coded[0].code))),
            ]
        )
        table.writerows(
            [
                case.dataset,
                case.name,
                case.patient,
                f"{case.implausibility:.5g}",
                f"{case.misfit:.5g}",
                *(f"{value:.6g}" for value in case.code),
            ]
            for case in coded
        )
    return coded


def code_cases(model, cases, source="labels", report=None):
    """A CodedCase for each TrainingCase that has one of the model's labels."""
    for case in cases:
        sample = read_sample(
            case.image,
            case.label_map,
            model.grid,
            model.labels,
            case.name,
            needs_fine_truth=False,
        )
        if sample is None:
            continue
        image, classes = sample
        code = model.code(classes) if source == "labels" else model.code_of_image(image)
        if report:
            report(f"{case.dataset} {case.name}")
        yield CodedCase(
            case.dataset,
            case.name,
            code,
            model.implausibility(classes),
            model.reconstruction_error(classes),
            classes,
        )


def classify_codes(arguments, coded):
    """Tell groups of patients apart by their codes and by PCA of their aligned labels.

    Writes groups.md and traversal.png, returns the text.

    The first frame of each patient stands alone, then all together (ED, ED+ES); patients who lack a
    frame that others have are left out and named.

    Args:
        arguments: groups (table with columns patient, group), folds, model, out.
        coded: CodedCases.

    Raises:
        InputError: the table cannot be used, or a group has fewer patients than there are folds.
    """
    group_of = read_groups(arguments.groups)
    frames, messages = frames_by_patient(case for case in coded if case.patient in group_of)
    if not frames:
        raise InputError(
            f"No patient of {arguments.groups} has a code of every frame; its column patient must"
            " name cases, without _ED and _ES."
        )
    names = sorted({group_of[patient] for patient in frames})
    groups = np.array([names.index(group_of[patient]) for patient in frames])
    model = load_shape_model(arguments.model)
    text = "\n".join([classification_text(frames, groups, names, arguments.folds), *messages])
    codes = np.array([own[0].code for own in frames.values()])
    with atomic_folder(Path(arguments.out)) as partial:
        (partial / "groups.md").write_text(text, encoding="utf-8")
        draw_traversal(partial / "traversal.png", model, *components_that_matter(codes, groups))
    return text


def frames_by_patient(coded):
    """({patient: CodedCases, sorted by frame}, [message]) of the patients who have every frame that some patient has; a message names each of the others.

    An ES frame is so never compared with the ED frames of other patients.
    """
    frames = {}
    for case in sorted(coded, key=lambda case: case.name):
        frames.setdefault(case.patient, []).append(case)
    wanted = sorted({case.frame for own in frames.values() for case in own})
    lacking = {
        patient: [frame for frame in wanted if frame not in {case.frame for case in own}]
        for patient, own in frames.items()
    }
    messages = [
        f"Left out: {patient}, of whom there is no {' and no '.join(missing)}.\n"
        for patient, missing in lacking.items()
        if missing
    ]
    return {patient: own for patient, own in frames.items() if not lacking[patient]}, messages


def classification_text(frames, groups, names, num_folds):
    """The table of groups.md.

    Args:
        frames: {patient: CodedCases}, in the order of `groups`, the same frames for each patient.
        groups: (patients,) group numbers; names: of the groups.
        num_folds: of the cross-validation.
    """
    groups = np.asarray(groups)
    folds = stratified_folds(np.array(names)[groups], num_folds)
    kinds = [case.frame for case in next(iter(frames.values()))]
    lines = [
        f"{len(groups)} patients: "
        + ", ".join(
            f"{name} {np.count_nonzero(groups == number)}" for number, name in enumerate(names)
        ),
        (
            f"\nAccuracy of a random forest in {num_folds} folds by patient, with its 95 %"
            " bootstrap interval over patients.\n"
        ),
        "| frames | codes | PCA of aligned labels |",
        "| --- | --- | --- |",
    ]
    for count in sorted({1, len(kinds)}):
        codes = [np.concatenate([case.code for case in own[:count]]) for own in frames.values()]
        labels = [
            np.concatenate([case.classes.ravel() for case in own[:count]])
            for own in frames.values()
        ]
        shares = [
            cross_validate(codes, groups, folds),
            cross_validate(_one_hot_rows(labels), groups, folds, num_components=len(codes[0])),
        ]
        lines.append(
            f"| {'+'.join(kinds[:count]) or count} | "
            + " | ".join(_accuracy(predicted == groups) for predicted in shares)
            + " |"
        )
    return "\n".join(lines) + "\n"


def read_groups(path):
    """{patient: group} of a table with columns patient, group.

    Raises:
        InputError: it cannot be read, or lacks a column or a cell.
    """
    return {row["patient"]: row["group"] for row in read_table(path, ("patient", "group"))}


def _one_hot_rows(labels):
    """(cases, voxels * classes) float32: 1 where a voxel has a class, background left out.

    Voxels that are the same in all cases are left out.
    """
    labels = np.array(labels)
    rows = np.concatenate([labels == number for number in range(1, int(labels.max()) + 1)], axis=1)
    return rows[:, rows.any(axis=0) & ~rows.all(axis=0)].astype(np.float32)


def _accuracy(is_right):
    draws = np.random.default_rng(0).integers(0, len(is_right), (2000, len(is_right)))
    low, high = np.percentile(is_right[draws].mean(axis=1), [2.5, 97.5])
    return f"{100 * is_right.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def stratified_folds(groups, count, seed=0):
    """(cases,) fold numbers; every group is dealt out evenly.

    Raises:
        InputError: a group has fewer cases than there are folds.
    """
    groups, folds = np.asarray(groups), np.zeros(len(groups), int)
    random = np.random.default_rng(seed)
    for group in np.unique(groups):
        members = random.permutation(np.flatnonzero(groups == group))
        if len(members) < count:
            raise InputError(
                f"Group {group} has {len(members)} patients, {count} folds need as many; take fewer"
                " folds or more patients."
            )
        folds[members] = np.arange(len(members)) % count
    return folds


def cross_validate(features, groups, folds, *, num_components=0, seed=0):
    """(cases,) predicted groups, each by a forest that did not see the fold of the case.

    Args:
        features: (cases, numbers).
        groups: (cases,) group numbers.
        folds: (cases,) fold numbers.
        num_components: principal components that the numbers are reduced to first, found without
            the fold; 0 leaves them as they are.
    """
    features = np.asarray(features, np.float32)
    groups = np.asarray(groups)
    predicted = np.zeros(len(groups), int)
    for fold in np.unique(folds):
        train = folds != fold
        test = folds == fold
        seen = features[train]
        unseen = features[test]
        if num_components:
            mean, axes, _ = principal_components(seen, num_components)
            seen = (seen - mean) @ axes.T
            unseen = (unseen - mean) @ axes.T
        predicted[test] = RandomForest(seed=seed).fit(seen, groups[train]).predict(unseen)
    return predicted


def principal_components(features, count):
    """(mean, (count, numbers) axes, (count,) standard deviations) of a (cases, numbers) table.

    Fewer where there are fewer cases.
    """
    mean = features.mean(axis=0)
    _, lengths, axes = np.linalg.svd(features - mean, full_matrices=False)
    count = min(count, len(features) - 1, len(axes))
    return mean, axes[:count], lengths[:count] / np.sqrt(max(len(features) - 1, 1))


def components_that_matter(codes, groups, count=3):
    """(mean, axes, standard deviations) of the principal components of codes on which a forest relies most to tell the groups apart."""
    mean, axes, deviations = principal_components(
        np.asarray(codes, np.float32),
        min(16, len(codes) - 1),
    )
    importance = RandomForest().fit((codes - mean) @ axes.T, groups).importance
    chosen = np.argsort(-importance)[:count]
    return mean, axes[chosen], deviations[chosen]


def draw_traversal(path, model, mean, axes, deviations):
    """Write a picture of the shapes at -2 to 2 standard deviations along each component: middle slice, and a cut through all slices.

    Args:
        path: PNG.
        model: a ShapeModel.
        mean, axes, deviations: as `components_that_matter` gives them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = (-2, -1, 0, 1, 2)
    figure = Figure(figsize=(2.2 * len(steps), 3.9 * len(axes)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    cells = figure.subplots(2 * len(axes), len(steps), squeeze=False)
    colors = np.array(
        [
            (20, 23, 28),
            (86, 180, 233),
            (230, 159, 0),
            (0, 158, 115),
            (240, 228, 66),
            (213, 94, 0),
            (204, 121, 167),
        ],
        np.uint8,
    )
    height = model.grid.shape[1]
    slice_mm, row_mm, column_mm = model.grid.spacing_mm
    for number, (axis, deviation) in enumerate(zip(axes, deviations)):
        for column, step in enumerate(steps):
            classes = model.probabilities(mean + step * deviation * axis).argmax(axis=0) % len(
                colors
            )
            for row, (plane, aspect) in enumerate(
                (
                    (classes[len(classes) // 2], row_mm / column_mm),
                    (classes[:, height // 2], slice_mm / column_mm),
                )
            ):
                cell = cells[2 * number + row, column]
                cell.imshow(colors[plane], aspect=aspect, interpolation="nearest")
                cell.set_xticks([])
                cell.set_yticks([])
            cells[2 * number, column].set_title(f"{step:+d} sd" if step else "mean", fontsize=11)
        cells[2 * number, 0].set_ylabel(f"component {number + 1}\nmiddle slice", fontsize=10)
        cells[2 * number + 1, 0].set_ylabel("all slices,\nmiddle row", fontsize=10)
    figure.savefig(path, format="png")
