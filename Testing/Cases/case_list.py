"""What a development case is, and the list that every module of cases adds to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "A": "SimpleITK trusted without checking",
    "B": "grid compared by header instead of lattice",
    "C": "silence on the page",
    "D": "identity by name or wrong defaults in files",
    "E": "dependence on what should not matter",
    "R": "reliability",
    "S": "security",
}
CASES: dict[str, "DevelopmentCase"] = {}


@dataclass(frozen=True)
class DevelopmentCase:
    """A small input and what is right for it.

    Attributes:
        name: of the case and of its folder.
        kind: a key of `KINDS`.
        what: what is special about the input.
        expected: what a right program does with it.
        do: what to run in the folder, or to do at the page.
        write: writes the input files into a folder.
    """

    name: str
    kind: str
    what: str
    expected: str
    do: str
    write: Callable[[Path], None]


def development_case(
    name: str,
    kind: str,
    *,
    what: str,
    expected: str,
    do: str,
) -> Callable:
    """Put the function that writes a case's files on the list."""

    def add(write: Callable[[Path], None]) -> Callable[[Path], None]:
        CASES[name] = DevelopmentCase(name, kind, what, expected, do, write)
        return write

    return add


def propagate_command(
    image: str,
    seed: str,
    out: str = "out.nii.gz",
    options: str = "",
) -> str:
    """The usual run, as a line for a shell."""
    line = f"slice-propagation propagate --image {image} --seed {seed} --out {out}"
    return " ".join([line, "--engine registration --quiet", *options.split()])
