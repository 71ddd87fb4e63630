"""Whether a shape model tells good masks from bad ones: damaged truths, whole propagated masks, and single slices beside the confidence."""

import numpy as np
from scipy import ndimage, stats

from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice, dice_per_slice
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.segmenters.acnn.fine_grid import place_on_structure, to_classes
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.studies.pnet.jump import BAD_DICE, area_under_curve

ENGINES = (
    "copy",
    "interpolation",
    "registration",
)  # from useless to good, so that there is something to tell apart
SHOTS = (1, 3)
SHIFT_MM = 4.0
HOLE_SHARE = 0.3
NUM_SLICES = 3
BOOTSTRAPS = 500
SLICE_SIGNALS = {
    "confidence": lambda row: 1 - row["confidence"],
    "decoded shape": lambda row: 1 - row["agreement"],
    "both": lambda row: (1 - row["confidence"] + 1 - row["agreement"]) / 2,
}


def damages(classes, spacing_mm):
    """Copies of a shape with one damage each, as an annotation that went wrong has it.

    Args:
        classes: (D, H, W) class numbers with a structure.
        spacing_mm: along D, H, W.

    Returns:
        {"missing slices": three middle slices empty, "shifted slices": those moved by 4 mm, "hole":
        a ball of 0.3 of the structure's equivalent
        radius at its deepest voxel empty, "cut end": the last quarter of the extent empty}, each
            (D, H, W).
    """
    shown = np.flatnonzero(classes.any(axis=(1, 2)))
    middle = slice(
        shown[len(shown) // 2] - NUM_SLICES // 2,
        shown[len(shown) // 2] + NUM_SLICES // 2 + 1,
    )
    made = {
        name: classes.copy() for name in ("missing slices", "shifted slices", "hole", "cut end")
    }
    made["missing slices"][middle] = 0
    made["shifted slices"][middle] = np.roll(
        classes[middle],
        int(round(SHIFT_MM / spacing_mm[1])),
        axis=1,
    )
    depth = ndimage.distance_transform_edt(classes > 0, spacing_mm)
    deepest = np.unravel_index(depth.argmax(), depth.shape)
    radius = (3 * np.count_nonzero(classes) * np.prod(spacing_mm) / (4 * np.pi)) ** (1 / 3)
    axes = np.ogrid[tuple(slice(size) for size in classes.shape)]
    away = sum(
        ((axis - centre) * step) ** 2 for axis, centre, step in zip(axes, deepest, spacing_mm)
    )
    made["hole"][away <= (HOLE_SHARE * radius) ** 2] = 0
    made["cut end"][shown[-1] - len(shown) // 4 + 1 :] = 0
    return made


def judged(model, classes):
    """{"code distance": the implausibility, "misfit": 1 - Dice of the structures with what their code decodes to} of a shape on the model's grid."""
    return {
        "code distance": model.implausibility(classes),
        "misfit": model.reconstruction_error(classes),
    }


def damage_rows(model, names_and_classes):
    """A row {"case", "what", "code distance", "misfit"} for every truth and every damage of it."""
    rows = []
    for name, classes in names_and_classes:
        for what, shape in {"truth": classes, **damages(classes, model.grid.spacing_mm)}.items():
            rows.append({"case": name, "what": what, **judged(model, shape)})
    return rows


def propagated_rows(model, cases, report=None):
    """(rows of whole masks, rows of slices) that the engines propagate from SHOTS evenly spread slices of each case; slices are of the best engine from one."""
    whole = []
    slices = []
    for case in cases:
        volume = read_volume(case.image)
        labels, _ = read_labels(case.label_map, volume)
        stack = SliceStack.from_volume(volume.array, volume.spacing_mm, 0)
        truth = to_classes(stack.from_volume_array(labels), model.labels)
        if not truth.any():
            continue
        for name in ENGINES:
            for shots in SHOTS:
                session = _propagated(stack, truth, choose_engine(name, "cpu"), shots)
                found = session.label_map()
                whole.append(
                    {
                        "case": case.name,
                        "engine": name,
                        "shots": shots,
                        "dice": _mean_dice(found, truth),
                        **_judged_on_grid(model, found, stack, case.name),
                    }
                )
                if (name, shots) == (ENGINES[-1], 1):
                    slices += [
                        {"case": case.name, **row}
                        for row in _slice_rows(model, session, found, truth)
                    ]
        if report:
            report(f"{case.dataset} {case.name} propagated")
    if not whole:
        raise InputError(
            f"No case of split val has a label of the model ({', '.join(map(str, model.labels))});"
            " choose other data sets with --datasets."
        )
    return whole, slices


def _propagated(stack, truth, engine, shots):
    """A session in which evenly spread slices of every structure were annotated and propagated."""
    session = AnnotationSession(stack, tuple(int(number) for number in np.unique(truth) if number))
    for number in session.labels:
        shown = np.flatnonzero((truth == number).any(axis=(1, 2)))
        for index in sorted(
            {int(round(place)) for place in np.linspace(shown[0], shown[-1], 2 * shots + 1)[1::2]}
        ):
            session.annotate(number, index, (truth == number)[index])
    for _ in propagate(session, engine, plan_session(session)):
        pass
    return session


def _mean_dice(found, truth):
    return float(
        np.mean([dice(found == number, truth == number) for number in np.unique(truth) if number])
    )


def _judged_on_grid(model, found, stack, name):
    placement = place_on_structure(model.grid, found, stack.spacing_mm, name, must_fit=False)
    return judged(model, placement.read_classes(found, len(model.labels) + 1))


def _slice_rows(model, session, found, truth):
    """A row for each slice on which a structure was predicted: its Dice, its confidence, and its Dice with the shape that the code of all stands for."""
    placement = place_on_structure(
        model.grid,
        found,
        session.stack.spacing_mm,
        "the prediction",
        must_fit=False,
    )
    probabilities = model.probabilities(
        model.code(placement.read_classes(found, len(model.labels) + 1))
    )
    spread = np.stack([placement.write_image(values, found.shape) for values in probabilities])
    spread[0] = 1 - spread[1:].sum(axis=0)
    decoded = spread.argmax(axis=0)
    rows = []
    for row, number in enumerate(session.labels):
        mask = found == number
        scores = dice_per_slice(mask, truth == number)
        agreement = dice_per_slice(mask, decoded == number)
        chosen = np.flatnonzero(
            (session.provenance[row] == Provenance.PROPAGATED) & mask.any(axis=(1, 2))
        )
        rows += [
            {
                "label": number,
                "slice": int(index),
                "dice": float(scores[index]),
                "confidence": float(session.confidence[row, index]),
                "agreement": float(agreement[index]),
            }
            for index in chosen
        ]
    return rows


def plausibility_text(damaged, whole, slices):
    """The three tables, each number with its 95 % bootstrap interval over cases."""
    kinds = [what for what in dict.fromkeys(row["what"] for row in damaged) if what != "truth"]
    lines = [
        (
            "Truths against damaged truths, area under the ROC curve (0.5 is chance); in brackets"
            " the share of cases whose damaged mask scores worse than its own truth:\n"
        ),
        "| damage | code distance | misfit |",
        "| --- | --- | --- |",
    ]
    for what in kinds:
        own = [row for row in damaged if row["what"] in ("truth", what)]
        lines.append(
            f"| {what} | "
            + " | ".join(
                f"{_interval(own, lambda rows, of=of: area_under_curve([row[of] for row in rows], [row['what'] != 'truth' for row in rows]))}"
                f" [{_share_worse(own, of):.0%}]"
                for of in ("code distance", "misfit")
            )
            + " |"
        )
    lines += [
        "",
        (
            f"Propagated masks ({', '.join(ENGINES)}; {' and '.join(map(str, SHOTS))} annotated"
            f" slices), {len(whole)} masks of {len({row['case'] for row in whole})} cases, mean"
            f" Dice {np.mean([row['dice'] for row in whole]):.3f}:\n"
        ),
        "| | code distance | misfit |",
        "| --- | --- | --- |",
    ]
    measures = {
        "rank correlation with Dice (Spearman; -1 is best)": lambda rows, of: float(
            stats.spearmanr([row[of] for row in rows], [row["dice"] for row in rows]).statistic
        ),
        f"area under the ROC curve, Dice below {BAD_DICE}": lambda rows, of: area_under_curve(
            [row[of] for row in rows],
            [row["dice"] < BAD_DICE for row in rows],
        ),
    }
    for engine in (None, *ENGINES):
        own = [row for row in whole if engine in (None, row["engine"])]
        for title, measure in measures.items():
            lines.append(
                f"| {engine or 'all'}: {title} | "
                + " | ".join(
                    _interval(own, lambda rows, of=of: measure(rows, of))
                    for of in ("code distance", "misfit")
                )
                + " |"
            )
    bad = [row["dice"] < BAD_DICE for row in slices]
    lines += [
        "",
        (
            f"Slices of {ENGINES[-1]} with one annotated slice, {sum(bad)} bad (Dice below"
            f" {BAD_DICE}) of {len(bad)}; area under the ROC curve:\n"
        ),
        "| signal | area | gain over confidence |",
        "| --- | --- | --- |",
    ]
    for name, signal in SLICE_SIGNALS.items():
        lines.append(
            f"| {name} | {_interval(slices, lambda rows: _slice_area(rows, signal))} | "
            f"{_interval(slices, lambda rows: _slice_area(rows, signal) - _slice_area(rows, SLICE_SIGNALS['confidence'])) if name != 'confidence' else ''} |"
        )
    return "\n".join(lines) + "\n"


def _slice_area(rows, signal):
    return area_under_curve([signal(row) for row in rows], [row["dice"] < BAD_DICE for row in rows])


def _share_worse(rows, of):
    """Share of the cases whose damaged mask scores worse than its truth."""
    truths = {row["case"]: row[of] for row in rows if row["what"] == "truth"}
    return np.mean([row[of] > truths[row["case"]] for row in rows if row["what"] != "truth"])


def _interval(rows, measure):
    """ "number (low to high)": a measure of rows with its 95 % bootstrap interval over cases.

    Draws in which it is not defined are left out.
    """
    value = measure(rows)
    if not np.isfinite(value):
        return "-"
    by_case = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    groups = list(by_case.values())
    random = np.random.default_rng(0)
    draws = [
        measure(
            [row for place in random.integers(0, len(groups), len(groups)) for row in groups[place]]
        )
        for _ in range(BOOTSTRAPS)
    ]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
