"""Files that stand beside a result under its name: the table of slices, the record, soft labels."""

import os
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.file_names import check_name
from SlicePropagationLib.files.ome_zarr import SUFFIXES as ZARR_SUFFIXES
from SlicePropagationLib.files.ome_zarr import check_packages, is_ome_zarr
from SlicePropagationLib.files.urls import is_url, joined, split_url
from SlicePropagationLib.files.volume import SUFFIXES

VOXEL_SUFFIXES = {".mhd": ".zraw", ".nhdr": ".raw.gz"}  # of what ITK writes beside a header


def companion(path: Path | str, suffix: str) -> Path:
    """The file beside an output: `out.nii.gz` and ".slices.csv" give `out.slices.csv`.

    Raises:
        InputError: the output's name has no known ending.
    """
    path = Path(path)
    for known in (*SUFFIXES, *ZARR_SUFFIXES):
        if path.name.lower().endswith(known):
            return path.with_name(path.name[: -len(known)] + suffix)
    raise InputError(
        f"{path} does not end in a kind of image that is written here; use one of"
        f" {', '.join((*SUFFIXES, *ZARR_SUFFIXES))}."
    )


def beside(out: Path | str, suffix: str) -> str:
    """As `companion`, as text, also of a URL."""
    if not is_url(out):
        return str(companion(out, suffix))
    folder, name = split_url(str(out))
    return joined(folder, companion(name, suffix).name)


def voxel_file(path: Path | str) -> Path | None:
    """Where the voxels of an output go whose header is a file of its own; None for other kinds."""
    suffix = VOXEL_SUFFIXES.get(Path(path).suffix.lower())
    return companion(path, suffix) if suffix else None


def check_output(
    out: Path | str,
    *,
    may_be_zarr: bool = False,
    **sources: Path | str | None,
) -> None:
    """Refuse an output of an unknown kind, and one in the place of a file that it is made from.

    Args:
        out: the file to be written.
        may_be_zarr: whether it may be OME-Zarr.
        sources: file, or None, by what it is called in the message.

    Raises:
        InputError: it is either.
        ConfigError: it is OME-Zarr, and what writes that is not installed.
    """
    check_name(out)
    stem = companion(out, "")
    if is_ome_zarr(out):
        _check_zarr(out, stem.name, may_be_zarr=may_be_zarr)
    ending = Path(out).name[len(stem.name) :]
    if ending.lower() in (".nii", ".nii.gz") and ending != ending.lower():
        raise InputError(
            f"{out} cannot be written: a NIfTI file ends in small letters; name it"
            f" {stem.name}{ending.lower()}."
        )
    for kind, path in sources.items():
        if path and is_same_file(path, out):
            raise InputError(
                f"{out} is the {kind} itself, which the result would replace; give --out another"
                " name."
            )


def _check_zarr(out: Path | str, stem: str, *, may_be_zarr: bool) -> None:
    if not may_be_zarr:
        raise InputError(
            f"{out} is OME-Zarr, which is written of labels of volumes alone; name the output"
            f" {stem}.nii.gz, for example."
        )
    check_packages(out)


def is_same_file(path: Path | str, other: Path | str) -> bool:
    """Whether two names are of one file: by links, or where a system takes capitals as small."""
    try:
        return os.path.samefile(path, other)
    except OSError:  # one is not there
        return Path(path).resolve() == Path(other).resolve()


def soft_label_path(path: Path | str, label: int) -> Path:
    """Where the probabilities of a label stand: `labels.nii.gz` -> `labels.soft-1.nii.gz`."""
    path = Path(path)
    stem = companion(path, "").name
    ending = path.name[len(stem) :]
    return path.with_name(f"{stem}.soft-{label}{ending}")


def soft_label_paths(path: Path | str) -> dict[int, Path]:
    """{label: file} of the probabilities that stand beside a label file."""
    path = Path(path)
    stem = companion(path, "").name
    found = {}
    for beside in path.parent.iterdir() if path.parent.is_dir() else ():
        label = beside.name.removeprefix(f"{stem}.soft-").removesuffix(path.name[len(stem) :])
        if label.isdecimal() and beside == soft_label_path(path, int(label)):
            found[int(label)] = beside
    return dict(sorted(found.items()))
