"""`simulate`: a simulated annotator on one labelled volume."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import (
    DONE,
    add_axis,
    add_engine,
    add_image_choice,
    engine_name,
    positive,
)
from SlicePropagationLib.commands.progress import ProgressLine

if TYPE_CHECKING:
    from SlicePropagationLib.evaluation.simulated_annotator import Round

HEADER = ("K", "Dice", "Dice (whole)", "Dice (thesis)", "mm past the ends", "annotated slices")
TERMS = (
    "K: number of annotated slices. Dice: of the whole volume, annotated slices excluded; (whole):"
    " with them; (thesis): with them, and only where the structure is, as in the slice-propagation"
    " thesis. mm past the ends: how far the prediction runs past both ends of the structure,"
    " together."
)


def add_simulate_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "simulate",
        "a simulated annotator: seed, propagate, correct, and what each correction gains",
        "simulate --image image.nii.gz --truth truth.nii.gz --label 1",
        "simulate --image image.nii.gz --truth truth.nii.gz --label 1 --budget 8 --out rounds.json",
    )
    parser.add_argument("--image", required=True, help="a volume, or a DICOM folder")
    add_image_choice(parser)
    parser.add_argument("--truth", required=True, help="label map with the whole structure")
    parser.add_argument("--label", type=int, required=True, help="the structure in --truth")
    parser.add_argument(
        "--pick",
        default="largest",
        choices=("largest", "middle"),
        help="slice that is annotated first",
    )
    parser.add_argument(
        "--correct",
        default="suggested",
        choices=("worst", "suggested", "uniform", "steps"),
        help="slices that are corrected",
    )
    parser.add_argument(
        "--budget",
        type=positive,
        default=5,
        metavar="K",
        help="number of annotated slices",
    )
    parser.add_argument(
        "--keep",
        default="new",
        choices=("new", "better"),
        help=(
            "what a correction leaves of slices predicted before: the new prediction, blended"
            " between annotated slices, or of old and new the one that is trusted more"
        ),
    )
    add_axis(parser)
    parser.add_argument(
        "--out",
        metavar="ROUNDS.json",
        help="write the table there as JSON (default: it is printed only)",
    )
    add_engine(parser)
    parser.set_defaults(command=_simulate)


def _simulate(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.evaluation.simulated_annotator import SimulateRequest, simulate_file
    from SlicePropagationLib.evaluation.summary import aligned

    request = SimulateRequest(
        image=arguments.image,
        series=arguments.series,
        spacing_mm=arguments.spacing,
        truth=arguments.truth,
        label=arguments.label,
        pick=arguments.pick,
        correct=arguments.correct,
        budget=arguments.budget,
        keep=arguments.keep,
        axis=arguments.axis,
        engine=engine_name(arguments),
        device=arguments.device,
        out=arguments.out,
    )
    with ProgressLine(arguments.quiet) as line:
        rounds = simulate_file(request, partial(_tell, line, request.budget))
    print(aligned(HEADER, [_cells(entry) for entry in rounds]))
    print(f"\n{TERMS}")
    if request.out:
        print(f"The table is in {request.out}, too.")
    return DONE


def _tell(line: ProgressLine, budget: int, entry: Round) -> None:
    line.step(entry.shots / budget, f"{entry.shots} of {budget} slices annotated")


def _cells(entry: Round) -> tuple[str, ...]:
    """A round as a line of the table."""
    scores = (f"{score:.3f}" for score in (entry.dice, entry.dice_whole, entry.dice_thesis))
    annotated = " ".join(map(str, entry.annotated))
    return (str(entry.shots), *scores, f"{entry.mm_past_ends:.1f}", annotated)
