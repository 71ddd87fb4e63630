"""How good a model that needs no seed is on the cases of a split.

    python Testing/Benchmarks/score_models.py MODEL --cases cases.csv --datasets A,B [--split val]
        [--truth 3:1]

Prints, for each structure, the mean Dice of whole volumes over the patients that show it, its 95 %
interval (bootstrap over the volumes, seed 1), and the volumes below .5. `--truth` says which label of
the cases is which of the model.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import read_training_cases
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.orientation import letters_of, order_of
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.stack import SliceStack

SAMPLES = 2000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--cases", required=True)
    parser.add_argument("--datasets", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--truth", help="LABEL:LABEL,… of the cases and of the model")
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.model, "cpu")
    cases = [
        case
        for case in read_training_cases(arguments.cases, arguments.datasets.split(","))
        if case.split == arguments.split
    ]
    own = dict(
        tuple(map(int, pair.split(":"))) for pair in (arguments.truth or "").split(",") if pair
    )
    scores = {}
    for case in cases:
        for label, score in scores_of(segmenter, case, own).items():
            scores.setdefault(label, []).append(score)
    print(f"{arguments.model} on {arguments.datasets}, {arguments.split}: {len(cases)} volumes")
    for label, values in sorted(scores.items()):
        print(f"  label {label}: {summary(np.array(values))}")


def scores_of(segmenter, case, own):
    """{label of the model: Dice of the volume}, of the structures that the truth shows."""
    volume = read_volume(case.image)
    truth, _ = read_labels(case.label_map, volume)
    order = order_of(letters_of(volume.directions), segmenter.grid.orientation)
    towards = letters_of(volume.directions)
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, order[0], towards=towards)
    found = stack.to_volume(segmenter.segment(stack))
    pairs = own or {int(label): int(label) for label in np.unique(truth) if label}
    return {
        label: dice(found == label, truth == theirs)
        for theirs, label in pairs.items()
        if (truth == theirs).any()
    }


def summary(values):
    """Mean, interval and failures, as text."""
    rng = np.random.default_rng(1)
    means = rng.choice(values, (SAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    failed = int((values < 0.5).sum())
    return (
        f"Dice {values.mean():.3f} ({low:.3f} to {high:.3f}), {len(values)} volumes,"
        f" {failed} below .5"
    )


if __name__ == "__main__":
    main()
