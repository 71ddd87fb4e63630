"""Make weights to be released of a training: the weights and the model card beside them.

Usage: python -m SlicePropagationLib.training.release_weights FOLDER OUT.pt --command "..."
--figures figures.json --limits limits.txt [--segmenter segmenter.json] [--last]
"""

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from SlicePropagationLib.training.permitted_data import PERMITTED
from SlicePropagationLib.training.record import RECORD

# what a card says of a model that needs no seed, as `segmenters.catalogue` reads it
SEGMENTER_KEYS = ("title", "structures", "images", "quality", "plane")
REFINER_KEYS = ("title", "refines", "images", "quality", "plane")  # for `superresolve`
# settings of a training -> what they add to the data
MADE = {
    "phantoms": "synthetic phantoms",
    "pseudo_objects": "pseudo-objects in the images above",
}
LICENCE = "CC BY-SA 4.0"
ARRAYS = ".npz"
CHOSEN_BY = {
    "presence_rnn": "Dice of the slices believed in with the true ones, on the split val of the same data sets",
    "outline_unet": "Dice of windows about what was found, on the split val of the same data sets",
    "unet2d": "Dice of single slices on the split val of the same data sets",
    "acnn.segmentation": "Dice on the fine grid on the split val of the same data sets",
    "voxelmorph": (
        "Dice of masks warped between neighbouring slices and between frames of one patient, on the"
        " split val of the same data sets"
    ),
}
LAST = "nothing: the weights after the last epoch"
WALKS = "Dice of unvaried walks on the split val of the same data sets"


def release_weights(
    folder: Path | str,
    out: Path | str,
    command: str,
    figures: dict[str, Any],
    limits: str,
    segmenter: dict[str, Any] | None = None,
    *,
    is_last: bool = False,
) -> dict[str, Any]:
    """Write the best weights of a training to `out`, and `out` with .json as its card.

    Args:
        folder: where `train` wrote best.pt, last.pt and config.json.
        out: the model file: .pt with 16-bit weights, or .npz of a network that NumPy computes.
        command: the command that made the training.
        figures: {what: number} with the commands that measured them.
        limits: what the model is not good at, in words.
        segmenter: of a model that needs no seed, {key: value} of `SEGMENTER_KEYS`; of one that
            refines, of `REFINER_KEYS`.
        is_last: release the weights after the last epoch in place of the best ones, where the score
            of an epoch does not tell how good they are.

    Returns:
        The card.

    Raises:
        InputError: the training used data whose licence does not permit shipping, or what is said
            of a segmenter is not all that there is to say.
        CheckpointError: the weights cannot be read.
    """
    folder = Path(folder)
    out = Path(out)
    known = [sorted(SEGMENTER_KEYS), sorted(REFINER_KEYS)]
    if segmenter is not None and sorted(segmenter) not in known:
        raise InputError(f"Of a segmenter {', '.join(SEGMENTER_KEYS)} are to be said, all of them.")
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    left_out = set(filter(None, record.get("leave_out", "").split(",")))
    datasets = [name for name in (record["datasets"] or "").split(",") if name not in left_out]
    _check_licences(folder, datasets)
    checkpoint = load_checkpoint(folder / ("last.pt" if is_last else "best.pt"))
    write_weights(out, checkpoint)
    card = {
        "name": out.stem,
        "family": checkpoint.family,
        **(segmenter or {}),
        "licence": LICENCE,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "data": _data_of(record, datasets),
        "chosen_by": LAST if is_last else CHOSEN_BY.get(checkpoint.family, WALKS),
        "command": command,
        "seed": record["training"]["loop"]["seed"],
        "preset": record["preset"],
        "versions": record["versions"],
        "training": _progress(folder, is_last=is_last),
        "figures": figures,
        "limits": limits,
    }
    with atomic_folder(out.parent) as partial:
        (partial / f"{out.stem}.json").write_text(
            json.dumps(card, indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )
    return card


def write_weights(out: Path, checkpoint: Checkpoint) -> None:
    """Write the weights of a checkpoint: with 16 bits, or as arrays where `out` is an .npz file."""
    if out.suffix == ARRAYS:
        with atomic_folder(out.parent) as partial:
            arrays: dict[str, Any] = {
                name: value.numpy() for name, value in checkpoint.weights.items()
            }
            np.savez(partial / out.name, **arrays)
        return
    save_checkpoint(
        out,
        checkpoint.family,
        checkpoint.config,
        checkpoint.weights,
        metrics=checkpoint.metrics,
        is_half=True,
    )


def _check_licences(folder: Path, datasets: Sequence[str]) -> None:
    """Refuse weights of data sets that may not be released."""
    foreign = sorted(set(datasets) - set(PERMITTED))
    if foreign:
        raise InputError(
            f"The weights in {folder} were trained on"
            f" {', '.join(foreign) or 'all data sets of the table'}; only {', '.join(PERMITTED)}"
            " may be shipped from."
        )


def _data_of(record: dict[str, Any], datasets: Sequence[str]) -> dict[str, dict[str, str]]:
    """What was learnt from, with licences and citations."""
    data = {name: {**PERMITTED[name]._asdict(), "split": "train"} for name in datasets}
    for setting, words in MADE.items():
        if record["training"].get(setting):
            data[words] = {"licence": "generated by this project"}
    return data


def _progress(folder: Path, *, is_last: bool) -> dict[str, Any]:
    with open(folder / "log.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    best = max(rows, key=lambda row: float(row["dice"]))
    progress = {
        "epochs": int(rows[-1]["epoch"]),
        "hours": float(rows[-1]["hours"]),
        "best_epoch": int(best["epoch"]),
        "validation_dice": round(float(best["dice"]), 4),
    }
    if is_last:
        progress["last_dice"] = round(float(rows[-1]["dice"]), 4)
    return progress


def main(argv: Sequence[str] | None = None) -> int:
    """Run it from a shell; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", help="folder of a finished `train`")
    parser.add_argument("out", help="Resources/Models/NAME.pt, or .npz of presence_rnn")
    parser.add_argument("--command", required=True)
    parser.add_argument("--figures", required=True, metavar="FILE.json")
    parser.add_argument("--limits", required=True, metavar="FILE.txt")
    parser.add_argument("--segmenter", metavar="FILE.json")
    parser.add_argument("--last", action="store_true", help="the weights after the last epoch")
    arguments = parser.parse_args(argv)
    release_weights(
        arguments.folder,
        arguments.out,
        arguments.command,
        json.loads(Path(arguments.figures).read_text(encoding="utf-8")),
        Path(arguments.limits).read_text(encoding="utf-8").strip(),
        arguments.segmenter and json.loads(Path(arguments.segmenter).read_text(encoding="utf-8")),
        is_last=arguments.last,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
