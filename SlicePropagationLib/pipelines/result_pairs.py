"""Which file of one annotator belongs to which file of the other, and to which image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import RECORD
from SlicePropagationLib.files.segmentation_file import is_segmentation
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.volume import SUFFIXES
from SlicePropagationLib.pipelines.batch import name_of_result

SOFT = ".soft-"  # in the names of probabilities beside a label map


class ResultPair(NamedTuple):
    """The results of two annotators of one case.

    Attributes:
        name: of the case.
        first, second: their files.
    """

    name: str
    first: Path
    second: Path


class Pairs(NamedTuple):
    """What two annotators have in common.

    Attributes:
        both: the cases that both have, by name.
        only_first, only_second: names of those that one of them has.
    """

    both: list[ResultPair]
    only_first: list[str]
    only_second: list[str]


def pair_results(first: Path, second: Path) -> Pairs:
    """The results of two annotators: of two files, or of all below two folders with equal names.

    Raises:
        InputError: one is a folder and the other a file, one is not there, or no case is in both.
    """
    for path in (first, second):
        if not path.exists():
            raise InputError(f"{path} does not exist; give a label map, or a folder of results.")
    if first.is_dir() != second.is_dir():
        folder, file = (first, second) if first.is_dir() else (second, first)
        raise InputError(f"{folder} is a folder and {file} is a file; give two of one kind.")
    if not first.is_dir():
        return Pairs([ResultPair(_case_of(Path(first.name)), first, second)], [], [])
    found = [dict(_results_below(folder)) for folder in (first, second)]
    names = [sorted(own) for own in found]
    both = [
        ResultPair(name, found[0][name], found[1][name]) for name in names[0] if name in found[1]
    ]
    if not both:
        raise InputError(
            f"{first} and {second} have no case in common ({len(names[0])} and {len(names[1])}"
            " results); the results of a case have the same name in both folders."
        )
    only = [[name for name in names[n] if name not in found[1 - n]] for n in (0, 1)]
    return Pairs(both, *only)


def _results_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """(case, file) of the segmentations below a folder, and of the label maps that have a record.

    Where none is such a result, all images count, as other programs write label maps.
    """
    files = [path for path in sorted(folder.rglob("*")) if _may_be_labels(path, folder)]
    results = [path for path in files if is_segmentation(path) or companion(path, RECORD).is_file()]
    for path in results or files:
        yield _case_of(path.relative_to(folder)), path


def _may_be_labels(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder)
    is_hidden = any(part.startswith(".") for part in inside.parts)
    is_image = path.name.lower().endswith(SUFFIXES) and SOFT not in path.name
    return is_image and not is_hidden and path.is_file()


def _case_of(path: Path) -> str:
    """What a file is called without its ending, in capitals and small letters as it is."""
    name = path.name.lower()
    ending = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), path.suffix)
    return path.with_name(path.name[: len(path.name) - len(ending)]).as_posix()


def images_of_cases(table: Path) -> dict[str, Path]:
    """{case: image} of a table of cases, by each name that a result of it may have.

    Raises:
        InputError: the table cannot be read, or has no column image.
    """
    images = {}
    for row in read_table(table, ("image",)):
        named = [row.get("case"), row.get("out"), name_of_result(Path(row["image"])), row["image"]]
        for name in filter(None, named):
            images.setdefault(_case_of(Path(name)), table.parent / row["image"])
    for image in list(images.values()):  # a page calls CASE/image.nii.gz by its folder
        images.setdefault(image.parent.name, image)
    return images
