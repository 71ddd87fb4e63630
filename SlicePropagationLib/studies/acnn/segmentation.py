"""The networks of the ACNN paper's Table I, and form and weight of the prior (equation 1)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.files.training_cases import split_cases
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.studies.acnn.data_sets import described
from SlicePropagationLib.studies.acnn.ejection import ejection_table
from SlicePropagationLib.studies.acnn.inputs import INPUTS, STILL
from SlicePropagationLib.studies.acnn.measurement import Measurement, Subpixel
from SlicePropagationLib.studies.acnn.measures import (
    MEASURES,
    interpolator,
    mean_over_structures,
    score_segmentation,
    summary,
    wilcoxon_p,
)
from SlicePropagationLib.studies.first_page import Claim, Finding, Part, Score, findings_of
from SlicePropagationLib.studies.tables import Row, markdown_table
from SlicePropagationLib.training.acnn.degradation import DegradationConfig

if TYPE_CHECKING:
    import torch

    from SlicePropagationLib.training.acnn.shape_data import ShapeDataset

# {network: preset of `train acnn_segmentation`}; Table I but 2D-FCN
SEGMENTATIONS = {
    "3D-Seg": "plain",
    "3D-UNet": "unet",
    "AE-Seg": "cascade",
    "3D-Seg-MAug": "plain-motion",
    "AE-Seg-M": "cascade-large",
    "ACNN-Seg": "paper",
    "ACNN-Seg-MAug": "paper-motion",
}
TL = "T-L"  # the T-L network alone, section III-C
COMPARED = (
    ("ACNN-Seg", "3D-Seg"),
    ("ACNN-Seg", "AE-Seg-M"),
    ("ACNN-Seg-MAug", "3D-Seg-MAug"),
)
MM = "mean distance, mm"
HAUSDORFF_MM = "Hausdorff, mm"
# its figures are of endocardium / myocardium
CLAIMS = (
    Claim("ACNN-Seg", "3D-Seg", "+.016 / +.038"),
    Claim("ACNN-Seg", "AE-Seg-M", "+.012 / +.020"),
    Claim("ACNN-Seg", "3D-Seg", "0.40 / 0.34", "mean_mm", True, MM),
    Claim("ACNN-Seg", "AE-Seg-M", "0.22 / 0.18", "mean_mm", True, MM),
    Claim("ACNN-Seg", "3D-Seg", "2.39 / 2.84", "hausdorff_mm", True, HAUSDORFF_MM),
)
NO_PRIOR = "no prior"
EQUATION_1 = "printed 0.01"
DIVIDED = "relative 0.01"
WEIGHT_CLAIMS = (
    Claim(EQUATION_1, NO_PRIOR, "equation 1, no figure"),
    Claim(EQUATION_1, NO_PRIOR, "equation 1, no figure", "hausdorff_mm", True, HAUSDORFF_MM),
    Claim(EQUATION_1, DIVIDED, "not in the paper"),
    Claim(DIVIDED, NO_PRIOR, "not in the paper"),
    Claim(DIVIDED, NO_PRIOR, "not in the paper", "hausdorff_mm", True, HAUSDORFF_MM),
)
DISTANCES = MEASURES[:3]  # those that networks are compared by
HEADER = ("Dice", "mean distance mm", "Hausdorff mm")
PRIORS = (
    ("printed", 0.01),
    ("printed", 0.1),
    ("relative", 0.01),
    ("relative", 0.1),
    ("relative", 1.0),
)  # (form of the distance of codes, its weight)
HOLDS_OUT_EVERY = 5  # patients of the split train, for the weight of the prior
NOTABLY_OUTSIDE = 0.05

Cases = list[list[Row]]  # for each case a row for each structure
Scores = dict[str, Cases]  # {network: its cases}


class _Judged(NamedTuple):
    """What was measured on one data set.

    Attributes:
        scores: {how slices lie: {network: its cases}}.
        names: of the cases.
        outside: for each case the share of each structure that the grid does not hold.
        subpixel: the last network.
    """

    scores: dict[str, Scores]
    names: list[str]
    outside: list[tuple[float, ...]]
    subpixel: Subpixel


def measure_segmentation(measurement: Measurement) -> Part:
    """Table I on one data set: thick slices that lie still, and slices that moved."""
    judged = _judge(measurement)
    labels = judged.subpixel.labels
    parts = [
        f"### {measurement.dataset}, {measurement.judged(len(judged.names))},"
        f" labels {', '.join(map(str, labels))}, {described(judged.subpixel.grid)}\n",
        f"{measurement.placed()}{_outside_text(judged.outside)}\n",
    ]
    for title, own in judged.scores.items():
        parts += [
            f"{title}; means over the structures of a case, intervals and tests over cases:\n",
            _table(own),
        ]
        if len(labels) > 1:
            parts += _tables_by_label(title, own, labels)
    parts += _ejection_tables(judged)
    found = _findings(CLAIMS, judged.scores[STILL], judged.names, measurement.dataset)
    return Part("\n".join(parts), found)


def _findings(
    claims: tuple[Claim, ...],
    scores: Scores,
    names: list[str],
    dataset: str,
) -> tuple[Finding, ...]:
    """What was found about the paper's claims on slices that lie still."""

    def scores_of(column: str, measure: str) -> list[Score]:
        values = mean_over_structures(scores[column], measure)
        pairs = zip(names, values, strict=True)
        return [Score(dataset, patient_of(name), name, value) for name, value in pairs]

    return findings_of(claims, scores_of, scores, dataset)


def _judge(measurement: Measurement) -> _Judged:
    """Train what is missing and score it, on every part."""
    columns = _known([*SEGMENTATIONS, TL], measurement.request.without)
    judged = None
    for part in measurement.parts():
        networks = _networks(part, columns)
        last = list(networks.values())[-1]
        before = judged or _Judged({title: {} for title in INPUTS}, [], [], last)
        data = part.val_data(last)
        for title, config in INPUTS.items():
            for name, subpixel in networks.items():
                cases = before.scores[title].setdefault(name, [])
                cases += _score(subpixel, data, config)
        names = before.names + data.names
        judged = _Judged(before.scores, names, before.outside + data.outside, last)
    assert judged is not None
    return judged


def _named(form: str, weight: float) -> str:
    """The name of a form and a weight of the prior in tables."""
    return f"{form} {weight:g}"


def _known(known: list[str], without: tuple[str, ...]) -> list[str]:
    """The columns that are wanted.

    Raises:
        ConfigError: what is left out is none, or nothing is left.
    """
    unknown = [name for name in without if name not in known]
    if unknown:
        raise ConfigError(
            f"There is no column {', '.join(unknown)}; leave out some of {', '.join(known)}."
        )
    wanted = [name for name in known if name not in without]
    if not wanted:
        raise ConfigError("Every column is left out; give --without fewer times.")
    return wanted


def _outside_text(outside: list[tuple[float, ...]]) -> str:
    """How many cases the grid does not hold, in words."""
    most = [max(shares) for shares in outside]
    count = sum(share > NOTABLY_OUTSIDE for share in most)
    if not count:
        return f" They hold at least {1 - NOTABLY_OUTSIDE:.0%} of every structure."
    return (
        f" Of {count} of {len(most)} cases more than {NOTABLY_OUTSIDE:.0%} of a structure lies"
        f" outside (at most {max(most):.0%}), which counts as missed."
    )


def _ejection_tables(judged: _Judged) -> list[str]:
    """Table II for each structure, where cases have ED and ES."""
    parts = []
    for number, label in enumerate(judged.subpixel.labels, 1):
        table = ejection_table(judged.scores[STILL], judged.names, number)
        if table:
            parts += [f"Label {label} at ED and ES, slices that lie still:\n", table]
    return parts


def measure_prior_weight(measurement: Measurement) -> Part:
    """ACNN-Seg with several forms and weights of the prior.

    Judged on every fifth patient of the split train, which no other measurement is about.
    """
    chosen = _known([_named(*prior) for prior in PRIORS], measurement.request.without)
    train_cases, _ = split_cases(measurement.cases())
    patients = sorted({case.patient for case in train_cases})
    held_out = set(patients[::HOLDS_OUT_EVERY])
    inner = []
    for case in train_cases:
        split = "val" if case.patient in held_out else "train"
        inner.append(replace(case, split=split))
    inside = measurement.inside("weights", inner)
    prior = inside.tl_prior()
    plain = inside.network("acnn_segmentation", "plain")  # all are compared with it
    data = inside.val_data(plain)
    scores = {NO_PRIOR: _score(plain, data, INPUTS[STILL])}
    for form, weight in PRIORS:
        name = _named(form, weight)
        if name in chosen:
            subpixel = _weighted(inside, form, weight, prior)
            scores[name] = _score(subpixel, data, INPUTS[STILL])
    lines = [[name, *_summaries(cases, DISTANCES)] for name, cases in scores.items()]
    head = (
        f"### {measurement.dataset}, {len(data.samples)} cases of {len(held_out)} patients held out"
        f" of the split train, {described(plain.grid)}\n\n{inside.placed()}\n\n"
    )
    text = head + markdown_table(["distance of codes, its weight", *HEADER], lines)
    return Part(text, _findings(WEIGHT_CLAIMS, scores, data.names, measurement.dataset))


def _networks(part: Measurement, columns: list[str]) -> dict[str, Subpixel]:
    """The networks that are compared, trained unless that was done."""
    networks = {}
    for name in columns:
        if name == TL:
            networks[name] = load_tl(part.tl_prior())
            continue
        preset = SEGMENTATIONS[name]
        prior = part.tl_prior() if preset.startswith("paper") else None
        networks[name] = part.network("acnn_segmentation", preset, prior)
    return networks


def load_tl(weights: Path) -> Subpixel:
    """The T-L network in a file of weights: thick slices are interpolated for its predictor.

    Raises:
        CheckpointError: it holds none.
    """
    model = load_shape_model(weights, needs_predictor=True)
    rise = interpolator(model.grid, 1)

    def find(thick: torch.Tensor) -> torch.Tensor:
        assert model.predictor is not None
        return model.autoencoder.decode(model.predictor(rise(thick)))

    return Subpixel(find, model.grid, tuple(model.labels))


def _weighted(
    inside: Measurement,
    form: str,
    weight: float,
    prior: Path,
) -> Subpixel:
    """A network with a form and a weight of the prior."""
    return inside.network(
        "acnn_segmentation",
        "default",
        prior,
        changes={"task": {"code_weight": weight, "code_form": form}},
        suffix=f"-{form}-{weight:g}",
    )


def _score(
    subpixel: Subpixel,
    data: ShapeDataset,
    config: DegradationConfig,
) -> Cases:
    cases = []
    pairs = zip(data.samples, data.outside, strict=True)
    for seed, ((image, classes), outside) in enumerate(pairs):
        network = subpixel.network
        rows = score_segmentation(network, image, classes, subpixel.grid, config, seed, outside)
        cases.append(rows)
    return cases


def _tables_by_label(
    title: str,
    scores: Scores,
    labels: tuple[int, ...],
) -> list[str]:
    """The same table for each structure alone."""
    parts = []
    for number, label in enumerate(labels, 1):
        own = {name: _of_class(cases, number) for name, cases in scores.items()}
        parts += [f"{title}, label {label}:\n", _table(own)]
    return parts


def _of_class(cases: Cases, number: int) -> Cases:
    own = []
    for rows in cases:
        own.append([row for row in rows if row["class"] == number])
    return own


def _table(scores: Scores) -> str:
    """A line for each network, and one for each comparison."""
    lines = [[name, *_summaries(cases, MEASURES)] for name, cases in scores.items()]
    for first, second in COMPARED:
        if first not in scores or second not in scores:
            continue
        tests = []
        for measure in DISTANCES:
            of_first = mean_over_structures(scores[first], measure)
            of_second = mean_over_structures(scores[second], measure)
            tests.append(f"{wilcoxon_p(of_first, of_second):.3g}")
        lines.append([f"p of {first} against {second}", *tests, ""])
    return markdown_table(["network", *HEADER, "seconds"], lines)


def _summaries(cases: Cases, measures: tuple[str, ...]) -> list[str]:
    return [summary(mean_over_structures(cases, measure)) for measure in measures]
