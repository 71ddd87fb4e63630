"""How much nearer to the truth `superresolve` brings the annotation of thick slices.

Against its stair steps: Dice, mean surface distance, Hausdorff.

Usage: python Testing/Benchmarks/benchmark_superresolution.py --cases cases.csv --datasets
    la2018_UNK:8:1,msd_hippocampus:4:1.2 [--split val]
"""

import argparse
import sys
import tempfile
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


def score_case(case, factor, labels):
    """(rows of the stair steps, rows of superresolve) of one case, thinned to every `factor`-th slice."""
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
        fine = superresolve_file(request)
    truth = np.where(np.isin(truth, labels), truth, 0)
    thin_mm = (spacing_mm[0] / factor, *spacing_mm[1:])
    return scores(np.repeat(thick, factor, axis=0), truth, thin_mm), scores(fine, truth, thin_mm)


def table_rows(name, cases, factor, labels):
    """The rows of a data set: stair steps, `superresolve`, and how likely the gain is chance."""
    wanted = [int(label) for label in labels]
    pairs = [score_case(case, factor, wanted) for case in cases]
    steps = means_of([before for before, _ in pairs])
    fine = means_of([after for _, after in pairs])
    chances = {of: f"{wilcoxon_p(fine[of], steps[of]):.3g}" for of in MEASURES}
    cells = {
        f"every {factor}th slice, stair steps": {of: summary(steps[of]) for of in MEASURES},
        "superresolve": {of: summary(fine[of]) for of in MEASURES},
        "p (Wilcoxon)": chances,
    }
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
    arguments = parser.parse_args(argv)
    print(
        "| data set | cases | annotation | Dice | mean distance mm | Hausdorff mm |\n| --- | --- |"
        " --- | --- | --- | --- |"
    )
    for entry in arguments.datasets.split(","):
        name, factor, labels = entry.split(":")
        cases = read_training_cases(arguments.cases, [name])
        chosen = [case for case in cases if case.split == arguments.split]
        print(table_rows(name, chosen, int(factor), labels.split(".")), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
