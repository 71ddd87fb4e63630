"""The measurements of the ACNN paper: trains what is missing, measures it, writes results.md.

Reproduced: the columns of Table I but 2D-FCN, with the T-L network as a segmenter (section III-C)
and, where cases have ED and ES, ejection fraction and volumes as in Table II; linear, B-spline and
super-resolution without and with prior (Table III, SSIM); pathologies of ACDC told apart by codes
against PCA, with the histogram of the codes (Figure 5). Not reproduced: 2D-FCN, SR-CNN, CETUS and
the opinion scores. Beside them: form and weight of the prior, judged on patients held out of the
split train, and whether the distance of codes tells bad masks from good ones.

Where networks are judged, grids lie where the structures of the training cases lie on average, not
about the truth; `{"task": {"place": {"by": "structure"}}}` in --config has them as before.

--config changes the settings of all trainings, those under the name of a task only the settings of
that one. With loop.epochs in it, trainings end there and not by time, so that networks are compared
after as many updates.

The split train learns, the split val is judged and says which epoch is kept. With --folds, every
case of both is judged once, by networks of its fold that have not seen its patient; nothing is
chosen by it, the weights after the last epoch count.
"""

from __future__ import annotations

from pathlib import Path

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.studies.acnn.classification import measure_classification
from SlicePropagationLib.studies.acnn.data_sets import ACDC, SMALL_SETS, hours_of
from SlicePropagationLib.studies.acnn.measurement import Measurement
from SlicePropagationLib.studies.acnn.plausibility import measure_plausibility
from SlicePropagationLib.studies.acnn.segmentation import (
    measure_prior_weight,
    measure_segmentation,
)
from SlicePropagationLib.studies.acnn.superresolution import measure_superresolution
from SlicePropagationLib.studies.first_page import Finding, FirstPage, write_first_page
from SlicePropagationLib.studies.request import Report, StudyRequest
from SlicePropagationLib.studies.updates import updates_text

EXPERIMENTS = {
    "acnn-segmentation": measure_segmentation,
    "acnn-prior-weight": measure_prior_weight,
    "acnn-plausibility": measure_plausibility,
    "acnn-superresolution": measure_superresolution,
    "acnn-classification": measure_classification,
}
CLASSIFICATION = "acnn-classification"
PLACED = ("acnn-segmentation", "acnn-prior-weight", "acnn-superresolution")  # without the truth
FOLDED = ("acnn-segmentation", "acnn-plausibility", "acnn-superresolution")  # what --folds is for
WITH_COLUMNS = ("acnn-segmentation", "acnn-prior-weight")  # what --without is for
ASKED = {
    "acnn-segmentation": (
        "Segmentation networks with and without shape prior (Oktay et al., Table I)",
        "Does a network that is held to learnt shapes segment thick slices better?",
    ),
    "acnn-prior-weight": (
        "Form and weight of the shape prior (Oktay et al., equation 1)",
        "Which form and weight of the distance of codes helps?",
    ),
    "acnn-plausibility": (
        "Plausibility of masks by a shape model",
        "Does a shape model tell bad masks from good ones?",
    ),
    "acnn-superresolution": (
        "Super-resolution with shape prior (Oktay et al., Table III)",
        "Does a network that is held to learnt shapes interpolate thick slices better?",
    ),
    "acnn-classification": (
        "Pathologies told apart by codes (Oktay et al., section III-E)",
        "Do codes tell pathologies apart better than principal components do?",
    ),
}  # {experiment: (title, question)}
PAPER = {
    "acnn-segmentation": (
        "The paper (UK Digital Heart, endocardium | myocardium; mean distance / Hausdorff mm /"
        " Dice): 3D-Seg 1.77 / 10.28 / .923 | 1.48 / 10.15 / .773, 3D-Seg-MAug 1.59 / 8.52 / .928 |"
        " 1.37 / 9.41 / .785, 3D-UNet 1.66 / 9.94 / .923 | 1.45 / 9.81 / .764, AE-Seg 1.75 / 8.42 /"
        " .926 | 1.51 / 8.52 / .779, AE-Seg-M 1.59 / 7.52 / .927 | 1.32 / 7.12 / .791, ACNN-Seg"
        " 1.37 / 7.89 / .939 | 1.14 / 7.31 / .811. T-L alone: Dice .734."
    ),
    "acnn-prior-weight": (
        "The paper: 0.01 of the squared distance of codes (equation 1). Relative is ours: that"
        " distance divided by the code's squared length."
    ),
    "acnn-plausibility": (
        "The paper has no such figures; code distance is ||f(y) - f(g(f(y)))||, misfit 1 - Dice of"
        " y and g(f(y))."
    ),
    "acnn-superresolution": (
        "The paper (SSIM, seconds): linear .777 ± .043, B-spline .779 ± .053, 3D-UNet .784 ± .045"
        " (.07 s), ACNN-SR .796 ± .041 (.06 s, GTX-1080)."
    ),
    "acnn-classification": (
        "The paper (60 patients, normal, dilated, hypertrophic; 10 folds): ED PCA 76.6 %, T-L codes"
        " 83.3 %; ED+ES PCA 86.6 %, T-L codes 91.6 %."
    ),
}


def run(request: StudyRequest, report: Report | None = None) -> str:
    """Train what is missing, measure, write results.md.

    Args:
        request: the experiment and its cases.
        report: called with a line of text now and then; None to be silent.

    Returns:
        The report as Markdown.

    Raises:
        SlicePropagationError: something about the request, the cases or the folder.
    """
    if request.name not in EXPERIMENTS:
        raise ConfigError(
            f"There is no experiment '{request.name}'; choose one of {', '.join(EXPERIMENTS)}."
        )
    if request.folds and request.name not in FOLDED:
        raise ConfigError(
            f"--folds is for {', '.join(FOLDED)}, not for {request.name}; leave it out."
        )
    if request.without and request.name not in WITH_COLUMNS:
        raise ConfigError(
            f"--without is for {' and '.join(WITH_COLUMNS)}, not for {request.name}; leave it out."
        )
    measure = EXPERIMENTS[request.name]
    datasets = _datasets(request)
    limits = _limits(request)
    how = f"Scale {request.scale}{limits}, seed {request.seed}. {PAPER[request.name]}"
    parts = []
    found: list[Finding] = []
    trained: dict[str, list[Path]] = {}
    for dataset in datasets:
        is_placed = request.name in PLACED
        measurement, left_out = Measurement(request, dataset, report, is_placed).that_fit()
        part = measure(measurement)
        for name, paths in measurement.trained.items():
            trained.setdefault(name, []).extend(paths)
        parts.append(part.text)
        found += part.findings
        parts += [f"\nLeft out: {message}\n" for message in left_out]
    page = FirstPage(*ASKED[request.name], how, tuple(found), updates_text(trained))
    text = "\n".join([page.text(), *parts])
    with atomic_folder(request.folder) as partial:
        write_first_page(partial, page)
        (partial / "results.md").write_text(text, encoding="utf-8")
    return text


def _datasets(request: StudyRequest) -> list[str]:
    """The data sets that are asked for, or those of the table whose grid is known.

    Pathologies are ACDC's, all else is measured on the other data sets.
    """
    known = sorted({case.dataset for case in read_training_cases(request.cases)})
    if request.datasets:
        return list(request.datasets)
    is_about_groups = request.name == CLASSIFICATION
    datasets = [name for name in known if name in SMALL_SETS and (name == ACDC) == is_about_groups]
    if not datasets:
        raise ConfigError(
            f"The table has none of the data sets {', '.join(SMALL_SETS)}; name data sets with"
            " --datasets and their labels and grid with --config."
        )
    return datasets


def _limits(request: StudyRequest) -> str:
    """How long trainings are, in words; nothing where that is the preset's own."""
    hours = hours_of(request)
    if hours:
        return f", at most {60 * hours:.0f} minutes a training"
    loop = request.changes().get("loop", {})
    return f", {loop['epochs']} epochs" if "epochs" in loop else ""
