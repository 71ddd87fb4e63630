"""`simulate`: a simulated annotator on one labelled volume."""

from __future__ import annotations

import argparse

from SlicePropagationLib.commands.options import (
    DONE,
    add_engine,
    add_image_choice,
    engine_name,
    positive,
)


def add_simulate_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "simulate",
        help="a simulated annotator: seed, propagate, correct, and what each correction gains",
    )
    parser.add_argument("--image", required=True)
    add_image_choice(parser)
    parser.add_argument("--truth", required=True, help="label map with the whole structure")
    parser.add_argument("--label", type=int, required=True)
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
    parser.add_argument("--axis", default="k", choices=("i", "j", "k"))
    parser.add_argument("--out", help="write the table as JSON")
    add_engine(parser)
    parser.set_defaults(command=_simulate)


def _simulate(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.evaluation.simulated_annotator import SimulateRequest, simulate_file

    request = SimulateRequest(
        image=arguments.image,
        series=arguments.series,
        spacing_mm=arguments.spacing,
        truth=arguments.truth,
        label=arguments.label,
        pick=arguments.pick,
        correct=arguments.correct,
        budget=arguments.budget,
        axis=arguments.axis,
        engine=engine_name(arguments),
        device=arguments.device,
        out=arguments.out,
    )
    rounds = simulate_file(request)
    print("slices  Dice (annotated slices excluded)  Dice (thesis)  mm past the ends  annotated")
    for entry in rounds:
        annotated = " ".join(map(str, entry.annotated))
        print(
            f"{entry.shots:6d}  {entry.dice:33.3f}  {entry.dice_thesis:13.3f} "
            f" {entry.mm_past_ends:16.1f}  {annotated}"
        )
    return DONE
