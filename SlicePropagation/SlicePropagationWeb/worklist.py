"""The cases that a person works through: from the table of `batch`, or from a folder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.pipelines.batch import name_of_result
from SlicePropagationWeb.case_names import case_names, is_named_label_map, stem_of
from SlicePropagationWeb.folder_search import is_dicom_folder, is_image, is_result, paths_below

DEPTH = 3  # data sets lie as SET/CASE/image.nii.gz
MOST = 20_000  # cases of a list
RESULT_SUFFIXES = (".seg.nrrd", ".nii.gz")


@dataclass(frozen=True)
class Case:
    """One row of a worklist.

    Attributes:
        name: what it and its results are called; no other case has it.
        image: file or DICOM folder.
        seed: label map to begin with, or "".
        made: the result that `batch` made of it, or "".
        series: which volume of a DICOM folder, or "".
    """

    name: str
    image: str
    seed: str = ""
    made: str = ""
    series: str = ""


def read_worklist(source: Path | str, results: Sequence[Path | str] = ()) -> list[Case]:
    """The cases of a table, or of a folder.

    Args:
        source: a table with the column image and optionally seed, out, series and case, as `batch`
            takes it; or a folder.
        results: folders that `batch` may have written to.

    Raises:
        InputError: it cannot be read, or has no case.
        ConfigError: it has too many.
    """
    path = Path(source)
    folders = [Path(folder) for folder in results]
    cases = _of_folder(path, folders) if path.is_dir() else _of_table(path, folders)
    if not cases:
        raise InputError(
            f"{path} has no image in it or {DEPTH} folders below; give a folder with images, or a"
            " table with the column image."
        )
    if len(cases) > MOST:
        raise ConfigError(f"{path} has {len(cases)} cases, at most {MOST} are listed; split it.")
    return cases


def _of_table(path: Path, results: Sequence[Path]) -> list[Case]:
    rows = read_table(path, ("image",))
    beside = path.parent
    places = [*results, beside]
    given = [row.get("case") or "" for row in rows]
    images = [Path(row["image"]) for row in rows]
    names = case_names([name or image for name, image in zip(given, images, strict=True)])
    return [
        Case(
            name,
            str(beside / image),
            str(beside / row["seed"]) if row.get("seed") else "",
            _first_result(places, [row.get("out") or name_of_result(image)]),
            row.get("series") or "",
        )
        for name, image, row in zip(names, images, rows, strict=True)
    ]


def _of_folder(folder: Path, results: Sequence[Path]) -> list[Case]:
    found = list(paths_below(folder, DEPTH))
    images = [path for path in found if _is_case(path, folder)]
    names = case_names([path.relative_to(folder.parent) for path in images])
    labels: dict[Path, list[Path]] = {}
    for path in found:
        if path.name.lower().endswith(RESULT_SUFFIXES) and is_named_label_map(path.name):
            labels.setdefault(path.parent, []).append(path)
    num_images = Counter(path.parent for path in images)
    cases = []
    for name, image in zip(names, images, strict=True):
        own = _labels_of(
            image, labels.get(image.parent, ()), is_alone=num_images[image.parent] == 1
        )
        made = next((str(path) for path in own if is_result(path)), "")
        batch_names = [name_of_result(image.relative_to(folder)), name_of_result(image)]
        made = made or _first_result(results, batch_names)
        seed = next((str(path) for path in own if "seed" in path.name.lower()), "")
        cases.append(Case(name, str(image), seed, made))
    return cases


def _is_case(path: Path, folder: Path) -> bool:
    if path.is_dir():
        return path != folder and is_dicom_folder(path)
    return is_image(path) and not is_result(path)


def _labels_of(image: Path, beside: Sequence[Path], *, is_alone: bool) -> list[Path]:
    """The label maps beside an image that are of it, and of no other one there."""
    if image.is_dir():
        return []
    start = f"{stem_of(image.name)}_"
    return [path for path in beside if is_alone or path.name.startswith(start)]


def _first_result(folders: Sequence[Path], names: Sequence[str]) -> str:
    """The first result of these names that is there, or ""."""
    paths = (folder / name for folder in folders for name in names)
    return next((str(path) for path in paths if is_result(path)), "")


def save_name(case: Case, out: Path) -> str:
    """What the results of a case are called; what `batch` made is not replaced."""
    made = companion(case.made, "") if case.made else None
    return f"{case.name}-reviewed" if made == out / case.name else case.name
