"""How much nearer to the truth `superresolve` brings the annotation of thick slices.

Against its stair steps: Dice, mean surface distance, Hausdorff.

Usage: python Testing/Benchmarks/benchmark_superresolution.py --cases cases.csv --datasets
    la2018_UNK:8:1,msd_hippocampus:4:1.2 [--split val] [--model M]

With a model its results are compared with those of interpolated shapes, too.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from picture_superresolution import thicken

from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.metrics import dice, hausdorff, surface_distances
from SlicePropagationLib.pipelines.superresolve_file import SuperresolveRequest, superresolve_file
from SlicePropagationLib.studies.acnn.measures import mean_over_structures, summary, wilcoxon_p

MEASURES = ("dice", "mean_mm", "hausdorff_mm")


def scores(found, truth, spacing_mm):
    """A row of MEASURES for each label of the truth."""
    rows = []
    for label in np.unique(truth[truth > 0]):
        prediction = found == label
        wanted = truth == label
        rows.append(
            {
                "dice": dice(prediction, wanted),
                "mean_mm": surface_distances(prediction, wanted, spacing_mm).mean,
                "hausdorff_mm": hausdorff(prediction, wanted, spacing_mm),
            }
        )
    return rows


def score_case(case, factor, labels, models):
    """Rows of the stair steps and of superresolve with each model, of one case's every `factor`-th slice."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        thicken(case.image, factor, folder / "image.nii.gz")
        truth, spacing_mm = thicken(case.label_map, factor, folder / "labels.nii.gz")
        drawn = sitk.ReadImage(str(folder / "labels.nii.gz"))
        thick = np.where(
            np.isin(sitk.GetArrayFromImage(drawn), labels),
            sitk.GetArrayFromImage(drawn),
            0,
        ).astype(np.uint8)
        kept = sitk.GetImageFromArray(thick)
        kept.CopyInformation(drawn)
        sitk.WriteImage(kept, str(folder / "labels.nii.gz"))
        request = SuperresolveRequest(
            image=folder / "image.nii.gz",
            labels=folder / "labels.nii.gz",
            out=folder / "fine.nii.gz",
            axis="k",
            factor=factor,
        )
        fine = [superresolve_file(replace(request, model=model)) for model in models]
    truth = np.where(np.isin(truth, labels), truth, 0)
    thin_mm = (spacing_mm[0] / factor, *spacing_mm[1:])
    found = [np.repeat(thick, factor, axis=0), *fine]
    return [scores(one, truth, thin_mm) for one in found]


def table_rows(name, cases, factor, labels, model):
    """The rows of a data set: stair steps, `superresolve`, and how likely each gain is chance."""
    wanted = [int(label) for label in labels]
    models = [None, model] if model else [None]
    scored = [score_case(case, factor, wanted, models) for case in cases]
    titles = [f"every {factor}th slice, stair steps", "superresolve"]
    titles += [f"superresolve --model {Path(one).stem}" for one in models[1:]]
    cells = {}
    before = None
    for number, title in enumerate(titles):
        own = means_of([rows[number] for rows in scored])
        cells[title] = {of: summary(own[of]) for of in MEASURES}
        if before:
            chances = {of: f"{wilcoxon_p(own[of], before[of]):.3g}" for of in MEASURES}
            cells["p (Wilcoxon)" + " against superresolve" * (number > 1)] = chances
        before = own
    rows = [[name, str(len(cases)), title, *values.values()] for title, values in cells.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def means_of(rows):
    """{measure: mean over the structures of each case}."""
    return {measure: mean_over_structures(rows, measure) for measure in MEASURES}


def main(argv=None):
    """Run it from a shell."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cases", required=True)
    parser.add_argument(
        "--datasets",
        required=True,
        help="NAME:FACTOR:LABEL.LABEL of each data set, separated by commas",
    )
    parser.add_argument("--split", default="val")
    parser.add_argument("--model", help="of superresolve, beside interpolated shapes")
    arguments = parser.parse_args(argv)
    print(
        "| data set | cases | annotation | Dice | mean distance mm | Hausdorff mm |\n| --- | --- |"
        " --- | --- | --- | --- |"
    )
    for entry in arguments.datasets.split(","):
        name, factor, labels = entry.split(":")
        cases = read_training_cases(arguments.cases, [name])
        chosen = [case for case in cases if case.split == arguments.split]
        print(table_rows(name, chosen, int(factor), labels.split("."), arguments.model), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
