"""`compare`: how far two annotators agree, on one case or on folders of cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.errors import ConfigError, OutputError, SlicePropagationError
from SlicePropagationLib.files.atomic import atomic_folder, check_writable
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import RECORD, is_ours, read_record
from SlicePropagationLib.files.two_results import Pair, TwoResults, read_two_results
from SlicePropagationLib.files.volume import AXES
from SlicePropagationLib.pipelines.agreement import agreement
from SlicePropagationLib.pipelines.compare_tables import (
    NAME,
    SLICES,
    TABLE,
    ComparedSegment,
    Comparison,
    write_tables,
)
from SlicePropagationLib.pipelines.result_pairs import (
    Pairs,
    ResultPair,
    images_of_cases,
    pair_results,
)

PICTURE = ".compare.png"  # behind the name of a case


@dataclass(frozen=True)
class CompareRequest:
    """Whose results to compare, and where to write what is found.

    Attributes:
        first, second: a label map or segmentation each, or a folder of results each.
        out: folder of tables and pictures.
        image: that both were drawn on; for two files.
        cases: table with the column image, as `batch` takes it; for two folders.
        axis: "auto", "i", "j" or "k", the voxel axis that slices run along; "auto" for what the
            record of the first result says, or k.
        has_pictures: whether a montage of each case is written.

    Raises:
        ConfigError: the axis is none, or both an image and a table are given.
    """

    first: Path | str
    second: Path | str
    out: Path | str
    image: Path | str | None = None
    cases: Path | str | None = None
    axis: str = "auto"
    has_pictures: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no axis, and two ways to name images."""
        check_choice("axis", self.axis, ("auto", *AXES))
        if self.image and self.cases:
            raise ConfigError("--image is for two files and --cases for two folders; give one.")


def compare_results(
    request: CompareRequest, on_case: Callable[[int, int], object] | None = None
) -> Comparison:
    """Compare the results of two annotators.

    Writes compare.csv (a row for each structure of each case), compare.slices.csv (a row for each
    slice that shows it), compare.json (both, and what was compared), and a picture of each case.

    Args:
        request: what to compare.
        on_case: called with (number, count) when a case is done.

    Raises:
        SlicePropagationError: nothing can be compared, or the folder cannot be written. What is
            wrong with one case of a folder is among the failures.
    """
    pairs = pair_results(Path(request.first), Path(request.second))
    images = _images(request)
    out = Path(request.out)
    check_writable(out)
    _check_places(out, [NAME, TABLE, SLICES, *map(picture_name, _names(pairs))])
    found = Comparison(only_first=pairs.only_first, only_second=pairs.only_second)
    for number, pair in enumerate(pairs.both, 1):
        _compare(request, pair, request.image or images.get(pair.name), found)
        if on_case:
            on_case(number, len(pairs.both))
    with atomic_folder(out) as partial:
        write_tables(partial, found, a=str(request.first), b=str(request.second))
    return found


def _names(pairs: Pairs) -> list[str]:
    return [pair.name for pair in pairs.both]


def picture_name(case: str) -> str:
    """The name of the picture of a case, also of one that is in a folder of its own."""
    return case.replace("/", "_") + PICTURE


def _images(request: CompareRequest) -> dict[str, Path]:
    if request.image and Path(request.first).is_dir():
        raise ConfigError("--image is of one case; give --cases, a table with the column image.")
    return images_of_cases(Path(request.cases)) if request.cases else {}


def _check_places(out: Path, names: Sequence[str]) -> None:
    for name in names:
        path = out / name
        if path.is_symlink() or (path.exists() and not is_ours(path)):
            raise OutputError(
                f"{path} is there and was not written by this program, the comparison would replace"
                " it; give --out another folder, or move the file away."
            )


def _compare(
    request: CompareRequest, pair: ResultPair, image: Path | str | None, found: Comparison
) -> None:
    """Add what is found of a case; an error of the only case is raised."""
    try:
        results = read_two_results(pair.first, pair.second, image)
        axis = _axis(request.axis, pair.first)
        found.segments.extend(compare_case(pair.name, results, axis))
        if request.has_pictures:
            _write_picture(Path(request.out), pair.name, results, axis)
    except OutputError:
        raise
    except SlicePropagationError as error:
        if not Path(request.first).is_dir():
            raise
        found.failures.append((pair.name, str(error)))


def compare_case(name: str, results: TwoResults, axis: int = 0) -> list[ComparedSegment]:
    """The structures of one case.

    Args:
        name: of the case.
        results: both annotators'.
        axis: of the (K, J, I) arrays, that slices run along.
    """
    return [_compare_segment(name, results, pair, axis) for pair in results.pairs]


def _compare_segment(case: str, results: TwoResults, pair: Pair, axis: int) -> ComparedSegment:
    first, second = (np.moveaxis(mask, axis, 0) for mask in results.masks(pair))
    along = [axis, *(other for other in range(3) if other != axis)]
    slice_mm, row_mm, column_mm = (results.volume.spacing_mm[other] for other in along)
    name = next(segment.name for segment in pair if segment)
    labels = tuple(segment.label if segment else None for segment in pair)
    found = agreement(first, second, (slice_mm, row_mm, column_mm))
    return ComparedSegment(case, name, (labels[0], labels[1]), found)


def _axis(axis: str, result: Path) -> int:
    """The array axis (0, 1, 2 for K, J, I) that slices run along."""
    if axis == "auto":
        record = companion(result, RECORD)
        stated = read_record(record).get("axis") if record.is_file() else None
        axis = stated if stated in AXES else "k"
    return 2 - AXES.index(axis)


def _write_picture(out: Path, case: str, results: TwoResults, axis: int) -> None:
    from SlicePropagationLib.pipelines.compare_picture import compare_picture

    with atomic_folder(out) as partial:
        write_png(partial / picture_name(case), compare_picture(results, axis))
