"""Pathologies of ACDC told apart by codes against PCA, as in the ACNN paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.studies.acnn.codes import CodedCase, code_cases
from SlicePropagationLib.studies.acnn.data_sets import ACDC_GROUPS, acdc_group, described
from SlicePropagationLib.studies.acnn.groups import (
    Judged,
    frames_by_patient,
    judge_groups,
    judged_text,
)
from SlicePropagationLib.studies.acnn.histogram import draw_histogram
from SlicePropagationLib.studies.acnn.measurement import Measurement
from SlicePropagationLib.studies.acnn.traversal import components_that_matter, draw_traversal
from SlicePropagationLib.studies.first_page import Claim, Finding, Part, Score, compare

PAPERS_GROUPS = ("normal", "dilated", "hypertrophic")
MOST_FOLDS = 10
PAPERS_GAINS = {"ED": "+6.7", "ED+ES": "+5.0"}  # of its three groups


def measure_classification(measurement: Measurement) -> Part:
    """Pathologies by T-L codes against PCA: the paper's three groups, and all five."""
    model = load_shape_model(measurement.tl_prior())
    coded = list(code_cases(model, measurement.cases()))
    frames, messages = frames_by_patient(coded)
    parts = [
        f"### {measurement.dataset}, {described(model.grid)}; the shape model has seen shapes of"
        " the split train, never their groups\n"
    ]
    found: list[Finding] = []
    for chosen in (PAPERS_GROUPS, ACDC_GROUPS):
        own = _of_groups(frames, chosen)
        shown = {acdc_group(patient) for patient in own}
        names = [name for name in chosen if name in shown]
        groups = [names.index(acdc_group(patient)) for patient in own]
        counts = [groups.count(number) for number in range(len(names))]
        smallest = min(counts, default=0)
        if len(names) < 2 or smallest < 2:
            raise InputError(
                f"{measurement.dataset} has too few patients of the groups {', '.join(chosen)}"
                f" ({smallest} of the smallest, of {len(names)} groups); two of two groups are"
                " needed at least."
            )
        num_folds = min(MOST_FOLDS, smallest)
        judged = judge_groups(own, groups, names, num_folds)
        parts.append(judged_text(judged, groups, names, num_folds))
        found += [_finding(one, f"{len(names)} groups") for one in judged]
        codes = [cases[0].code for cases in own.values()]
        components = components_that_matter(codes, groups)
        with atomic_folder(measurement.request.folder) as partial:
            path = partial / f"traversal_{len(names)}_groups.png"
            draw_traversal(path, model, components)
    with atomic_folder(measurement.request.folder) as partial:
        draw_histogram(partial / "code_histogram.png", [case.code for case in coded])
    return Part("\n".join([*parts, *messages]), tuple(found))


def _finding(judged: Judged, groups: str) -> Finding:
    """Whether codes are right for more patients than PCA, as in the paper."""
    paper = "not measured"
    if groups == f"{len(PAPERS_GROUPS)} groups":
        paper = PAPERS_GAINS.get(judged.frames, paper)
    claim = Claim("codes", "PCA", paper, unit="points of accuracy", scale=100.0)
    where = f"{groups}, {judged.frames}"
    by_code = _scores(groups, judged.patients, judged.by_code)
    return compare(claim, by_code, _scores(groups, judged.patients, judged.by_labels), where)


def _scores(groups: str, patients: Sequence[str], is_right: np.ndarray) -> list[Score]:
    pairs = zip(patients, is_right, strict=True)
    return [Score(groups, patient, patient, float(right)) for patient, right in pairs]


def _of_groups(
    frames: dict[str, list[CodedCase]],
    groups: tuple[str, ...],
) -> dict[str, list[CodedCase]]:
    """The patients of some pathologies."""
    return {patient: own for patient, own in frames.items() if acdc_group(patient) in groups}
