"""How much nearer to the truth `superresolve` brings the annotation of thick slices than its stair steps: Dice, mean surface distance, Hausdorff.

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
            dict(
                zip(
                    MEASURES,
                    (
                        dice(prediction, wanted),
                        surface_distances(prediction, wanted, spacing_mm).mean,
                        hausdorff(prediction, wanted, spacing_mm),
                    ),
                )
            )
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


def main(argv=None):
    """Run it from a shell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
        cases = [
            case
            for case in read_training_cases(arguments.cases, [name])
            if case.split == arguments.split
        ]
        pairs = [
            score_case(case, int(factor), [int(label) for label in labels.split(".")])
            for case in cases
        ]
        means = [
            {measure: mean_over_structures(rows, measure) for measure in MEASURES}
            for rows in zip(*pairs)
        ]
        for title, own in zip((f"every {factor}th slice, stair steps", "superresolve"), means):
            print(
                f"| {name} | {len(cases)} | {title} | "
                + " | ".join(summary(own[measure]) for measure in MEASURES)
                + " |"
            )
        print(
            f"| {name} | {len(cases)} | p (Wilcoxon) | "
            + " | ".join(
                f"{wilcoxon_p(means[1][measure], means[0][measure]):.3g}" for measure in MEASURES
            )
            + " |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
