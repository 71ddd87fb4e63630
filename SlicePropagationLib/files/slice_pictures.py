"""Stacks of pictures: a folder of TIFF or PNG files, or one TIFF file with several pages.

A picture does not say how large its pixels are, nor how far the next slice is, so a person does.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.codecs import CodecError, read_pixels, unpacking
from SlicePropagationLib.files.nifti_forms import Placement
from SlicePropagationLib.files.reading import tell_count

SUFFIXES = (".tif", ".tiff", ".png")
NUMBER = r"\d+(?:[.,]\d+)?(?!\d)"
PNG_END = b"IEND\xaeB`\x82"  # the last piece of every PNG file, with its checksum
NUM_NAMED = 3  # pictures that are named one by one


def is_picture(path: Path | str) -> bool:
    """Whether a name is that of a picture."""
    return str(path).lower().endswith(SUFFIXES)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by their numbers: slice2 comes before slice10."""
    found = [path for path in folder.iterdir() if is_picture(path) and _is_shown(path)]
    return sorted(found, key=lambda path: _by_number(path.name))


def read_pictures(
    path: Path, spacing_mm: Sequence[float] | None
) -> tuple[np.ndarray, Placement, tuple[str, ...]]:
    """Read a folder of pictures, or one file with several pages, as slices.

    Args:
        path: folder or file.
        spacing_mm: along I (columns), J (rows) and K (slices).

    Returns:
        ((K, J, I) voxels, where they lie, [sentence about them]).

    Raises:
        InputError: no spacing is given, the pictures differ in size or type, are in colour, or
            their names are of several stacks.
    """
    files = pictures_in(path) if path.is_dir() else [path]
    _check_one_stack(path, files)
    if not spacing_mm:
        raise InputError(
            f"{path} holds {len(files)} picture(s) ({_some(files)}), which do not say how large"
            " their pixels are; give --spacing I,J,K in millimetres, such as --spacing 0.5,0.5,2,"
            " or save them as NIfTI or NRRD and open that."
        )
    remarks: list[str] = []
    with unpacking():
        slices = [
            page for file in tell_count(files, "Reading pictures") for page in _pages(file, remarks)
        ]
    _check_sizes(path, files, slices)
    remarks += _gaps(path, files)
    remarks.append(
        f"{path}: {len(slices)} slices from {_some(files)}, in the order of their numbers."
    )
    placement = Placement(tuple(float(size) for size in spacing_mm), (0.0, 0.0, 0.0), np.eye(3))
    return np.stack(slices), placement, tuple(dict.fromkeys(remarks))


def _check_one_stack(path: Path, files: Sequence[Path]) -> None:
    """Refuse pictures whose names are of several stacks: A1, A2, B1, B2, or z1_c1, z1_c2, z2_c1."""
    kinds = {re.sub(NUMBER, "#", file.name.lower()): file for file in files}
    if 1 < len(kinds) < len(files):
        named = [file.name for file in kinds.values()]
        raise InputError(
            f"{path} has pictures of {len(kinds)} kinds of names, such as {named[0]} and"
            f" {named[1]}; keep those of one stack in a folder of their own."
        )
    most = max((len(set(column)) for column in _numbers(files)), default=len(files))
    if most < len(files):
        raise InputError(
            f"The names of the {len(files)} pictures in {path} count {most} slices and something"
            f" else, such as channels or times ({_some(files)}); keep those of one stack in a"
            " folder of their own."
        )


def _numbers(files: Sequence[Path]) -> list[list[float]]:
    """The numbers in names, each as a list over the files; none where names are not alike."""
    found = [re.findall(NUMBER, file.stem) for file in files]
    if len({len(numbers) for numbers in found}) > 1:
        return []
    values = [[float(number.replace(",", ".")) for number in numbers] for numbers in found]
    return [list(column) for column in zip(*values, strict=True)]


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file()


def _by_number(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts the numbers in a name as numbers."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _pages(file: Path, remarks: list[str]) -> list[np.ndarray]:
    """The (J, I) pictures of one file."""
    if file.suffix.lower() == ".png" and PNG_END not in file.read_bytes():
        raise InputError(f"{file} is cut off (a PNG file ends in IEND); copy it again.")
    try:
        array, num_dimensions = read_pixels(file)
    except CodecError as error:
        raise InputError(
            f"{file} cannot be read as a picture; it may be truncated or of another kind. ({error})"
        ) from error
    if array.ndim > num_dimensions:
        array = _grey(array, file, remarks)
    return list(array) if array.ndim == 3 else [array]


def _grey(
    array: np.ndarray,
    file: Path,
    remarks: list[str],
) -> np.ndarray:
    """The one value of pictures that are stored in colour and are grey; InputError otherwise."""
    colours = array[..., : 3 if array.shape[-1] > 2 else 1]
    if (colours != colours[..., :1]).any():
        raise InputError(
            f"{file} has {array.shape[-1]} values per pixel (a colour picture), a volume has 1;"
            " convert it to grey values."
        )
    remarks.append(f"Pictures in {file.parent} are grey but stored as colours; they are read.")
    return np.ascontiguousarray(array[..., 0])


def _check_sizes(path: Path, files: Sequence[Path], slices: Sequence[np.ndarray]) -> None:
    kinds = sorted({picture.dtype.name for picture in slices})
    if len(kinds) > 1:
        raise InputError(
            f"{path} has pictures with values of unequal types, {kinds[0]} and {kinds[-1]}"
            f" ({_some(files)}), so that their greys do not compare; save them alike."
        )
    sizes = sorted({picture.shape for picture in slices})
    if len(sizes) > 1:
        said = [f"{width}x{height}" for height, width in (sizes[0], sizes[-1])]
        raise InputError(
            f"{path} has pictures of unequal size, {said[0]} and {said[1]} ({_some(files)}); keep"
            " those of one stack in a folder of their own."
        )


def _gaps(path: Path, files: Sequence[Path]) -> list[str]:
    """A remark on numbers that the names skip."""
    counting = [column for column in _numbers(files) if len(set(column)) == len(files)]
    if len(files) < 2 or not counting:
        return []
    steps = np.diff(counting[-1])
    usual = float(np.median(steps))
    skipped = np.flatnonzero(steps > 1.001 * usual)
    if usual <= 0 or not skipped.size:
        return []
    first = int(skipped[0])
    return [
        f"{path} has no picture between {files[first].name} and {files[first + 1].name}"
        f" ({len(skipped)} gap(s) in the numbers); the slices are stacked without a gap."
    ]


def _some(files: Sequence[Path]) -> str:
    names = [file.name for file in files]
    if len(names) <= NUM_NAMED:
        return ", ".join(names)
    return f"{names[0]} to {names[-1]}"
