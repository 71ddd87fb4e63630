"""The record beside a result: what it says, whose it is, and whether the files are those it was written with."""

import csv
import errno
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from SlicePropagationLib.errors import InputError, OutputError, in_one_line
from SlicePropagationLib.files.companions import companion, voxel_file
from SlicePropagationLib.files.ome_zarr import is_ome_zarr
from SlicePropagationLib.files.png_file import is_our_png
from SlicePropagationLib.files.table import first_line

FILES = "files"  # the entry of a record: {file name: sha256}
RECORD = ".json"
TABLE = ".slices.csv"
PICTURE = ".png"
PAGE = ".html"
PAGE_MARK = b'<meta name="generator" content="slice-propagation'
HEAD_BYTES = 1024  # of a page of ours, which hold the mark
MOST_BYTES = 1 << 30  # of a record; the longest histories have some MiB
TABLE_COLUMNS = (
    {"slice", "segment", "provenance"},
    {"frame", "distance"},
    {"case", "segment", "dice"},
    {"out", "image", "status", "error"},
)
USUAL = "use the O.json beside a result"
TOO_DEEP = "the values are nested too deeply"


def read_record(path: Path | str, what: str = "the record of a result") -> dict[str, Any]:
    """The values of a JSON file.

    Args:
        path: the file.
        what: what it should be, for the message.

    Raises:
        InputError: it cannot be read, or holds no object.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has {path.stat().st_size} bytes")
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"it holds a {type(values).__name__}")
    except (OSError, ValueError) as error:
        raise not_a_record(path, error, what) from error
    except RecursionError as error:
        raise not_a_record(path, ValueError(TOO_DEEP), what) from error
    return values


def not_a_record(path: Path | str, error: Exception, what: str, remedy: str = USUAL) -> InputError:
    """What is said of a file that should be a record, and what to do."""
    return InputError(f"{path} is not {what} ({in_one_line(error)}); {remedy}.")


def write_record(partial: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write the record of the files that are in a temporary folder; it comes last.

    Args:
        partial: the folder that `atomic_folder` gave.
        name: of the record.
        values: what it says; the hashes of the other files are added.
    """
    written = sorted(partial.iterdir())
    hashes = {path.name: sha256_of(path) for path in written}
    text = json.dumps({**values, FILES: hashes}, indent=1)
    (partial / name).write_text(text, encoding="utf-8")


def sha256_of(path: Path) -> str:
    """The hash of a file's content; of a folder that of the names and hashes of all files in it."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        lines = [f"{sha256_of(each)}  {each.relative_to(path).as_posix()}\n" for each in files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(record: Path) -> bool:
    """Whether the files beside a record are those that it was written with.

    One of an earlier version, which names no files, counts as whole.
    """
    hashes = _hashes(read_record(record))
    return all(_has_hash(record.with_name(name), stated) for name, stated in hashes.items())


def names_file(record: Mapping[str, Any], path: Path) -> bool:
    """Whether a record names a file beside it, and the file is the one that it names."""
    stated = _hashes(record).get(path.name)
    return stated is not None and _has_hash(path, stated)


def files_named(record: Mapping[str, Any]) -> set[str]:
    """The names of the files that a record says were written with it."""
    return set(_hashes(record))


def check_whole(*paths: Path | str) -> None:
    """Refuse files of a result that are not of the run that its record tells of.

    Args:
        paths: files that are about to be used together; those without a record beside them, or
            that it does not name, are not judged.

    Raises:
        InputError: a run was killed between them, or one was changed since.
    """
    for path in map(Path, paths):
        record = _record_of(path)
        if record is None or record == path:
            continue
        hashes = _hashes(read_record(record))
        for name, stated in hashes.items():
            beside = path.with_name(name)
            if name == path.name and not _has_hash(beside, stated):
                raise InputError(
                    f"{path} is not the file that {record.name} beside it was written with (sha256"
                    f" {sha256_of(path)[:12]}…, stated {stated[:12]}…): a run was killed while it"
                    " wrote, or the file was changed since. Do the run again; or give the changed"
                    " file another name, and use it without the record."
                )


def _record_of(path: Path) -> Path | None:
    """The record beside a file of a result; None where there is none."""
    try:
        is_table = path.name.endswith(TABLE)
        stem = path.name.removesuffix(TABLE) + RECORD
        record = path.with_name(stem) if is_table else companion(path, RECORD)
    except InputError:
        return None
    return record if record.is_file() and is_ours(record) else None


def _hashes(record: Mapping[str, Any]) -> dict[str, str]:
    """The files that a record names; those of other kinds than ours are left out."""
    files = record.get(FILES, {})
    if not isinstance(files, dict):
        return {}
    return {
        name: stated
        for name, stated in files.items()
        if isinstance(stated, str) and Path(name).name == name
    }


def _has_hash(path: Path, stated: str) -> bool:
    try:
        return sha256_of(path) == stated
    except OSError:
        return False


def is_ours(path: Path | str) -> bool:
    """Whether a record, a table, a picture or a page was written by this program."""
    path = Path(path)
    if path.suffix == PICTURE:
        return is_our_png(path)
    if path.suffix == PAGE:
        return _is_our_page(path)
    try:
        if path.suffix == RECORD:
            values = read_record(path)
            versions = values.get("versions")
            states_us = isinstance(versions, dict) and "slice-propagation" in versions
            return states_us or "fingerprint" in values
        with open(path, newline="", encoding="utf-8") as file:
            heading = set(next(csv.reader([first_line(file, sys.maxsize)]), ()))
        return any(columns <= heading for columns in TABLE_COLUMNS)
    except (OSError, ValueError, csv.Error, InputError):
        return False


def check_places(
    out: Path | str,
    suffixes: Sequence[str] = (TABLE, RECORD),
    others: Sequence[Path] = (),
) -> None:
    """Refuse to write a result over files that no run wrote, or through a link.

    Args:
        out: the file that is named; it may replace another one.
        suffixes: of the files that come beside it.
        others: further files that come there; only an earlier result of that name has such.

    Raises:
        OutputError: one of them is a link, or something else's file, or its name is too long.
    """
    out = Path(out)
    beside = [companion(out, suffix) for suffix in suffixes]
    _check_length(out, max(suffixes, key=len))
    voxels = voxel_file(out)
    further = [*others, *([voxels] if voxels else [])]
    for path in (out, *beside, *further):
        if path != out or not is_ome_zarr(out):
            _check_is_file(path)
    _check_is_labels(out)
    foreign = [path for path in beside if path.exists() and not is_ours(path)]
    foreign += [path for path in further if path.exists() and not _is_of_result(path, out)]
    for path in foreign:
        raise OutputError(
            f"{path} is there and was not written by this program, the result would replace"
            f" it; give --out another name than {out.name}, or move the file away."
        )


def check_own(path: Path) -> None:
    """Refuse to write a file of a fixed name over one that this program did not write.

    Raises:
        OutputError: it is a link, a folder, or something else's file.
    """
    _check_is_file(path)
    if path.exists() and not is_ours(path):
        raise OutputError(
            f"{path} is there and was not written by this program, an overview would replace it;"
            " give another folder, move the file away, or give --no-pictures."
        )


def _check_is_file(path: Path) -> None:
    """Refuse a link and a folder where a file is to be written."""
    if path.is_symlink():
        raise OutputError(
            f"{path} is a link to {os.readlink(path)}, which a result would replace or write"
            " through; give --out the name of the file itself, or another name."
        )
    if path.is_dir():
        raise OutputError(
            f"{path} is a folder; give --out the name of a file that can be written there."
        )


def _check_is_labels(out: Path) -> None:
    """Refuse to write OME-Zarr labels in the place of anything else."""
    if not is_ome_zarr(out) or not (out.exists() or out.is_symlink()):
        return
    record = companion(out, RECORD)
    is_of_run = record.is_file() and is_ours(record) and out.name in _hashes(read_record(record))
    if out.is_symlink() or not is_of_run:
        raise OutputError(
            f"{out} is there and is no result with a record beside it, the labels would replace it;"
            " give --out another name, or move it away."
        )


def _is_our_page(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return PAGE_MARK in file.read(HEAD_BYTES)
    except OSError:
        return False


def _is_of_result(path: Path, out: Path) -> bool:
    """Whether a file was written with a result, or beside one, whose record is there."""
    record = companion(out, RECORD)
    if not (record.is_file() and is_ours(record)):
        return False
    hashes = _hashes(read_record(record))
    return not hashes or path.name in hashes or path != voxel_file(out)


def _check_length(out: Path, suffix: str) -> None:
    """Refuse a name that a file system cannot hold, also not with the longest suffix beside it."""
    try:
        for path in (out, companion(out, suffix)):
            path.is_symlink()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise OutputError(
            f"The name {out.name[:40]}… has {len(out.name)} characters, which is too long with the"
            f" {suffix} beside it; give --out a shorter name."
        ) from error
