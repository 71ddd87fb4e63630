"""What the tests of `evaluate` share: the command on tiny cases, and its tables."""

import csv

from SlicePropagationLib.commands.evaluate import evaluate_request
from SlicePropagationLib.commands.main import main, make_parser


def evaluate(
    cases,
    out,
    *options,
):
    """Score cases with two engines and one or two slices, unless the options say otherwise."""
    few = ("--engines", "copy,interpolation", "--shots", "1,2")
    return main(["evaluate", *files(cases, out), *few, "--quiet", *options])


def files(cases, out):
    return ["--cases", str(cases), "--out", str(out)]


def read(path, without=()):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for column in without:
            del row[column]
    return rows


def rows_in(out, without=()):
    return read(out / "rows.csv", without)


def results_in(out):
    return (out / "results.md").read_text(encoding="utf-8")


def mark(out):
    """Make every Dice one that no engine reaches, so that it shows whether it was scored again."""
    rows = rows_in(out)
    with open(
        out / "rows.csv",
        "w",
        newline="",
        encoding="utf-8",
    ) as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(row | {"dice": "0.125"} for row in rows)


def request(*options, cases="cases.csv"):
    """The request that a command line describes, of the engine "copy" and one or three slices."""
    few = ("--engines", "copy", "--shots", "1,3")
    arguments = ["evaluate", *files(cases, "out"), *few, *options]
    return evaluate_request(make_parser().parse_args(arguments))
