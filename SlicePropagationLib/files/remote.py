"""Files on another machine, by any URL that fsspec knows: fetched to be read, sent when they are whole."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

from SlicePropagationLib.errors import ConfigError, InputError, OutputError, in_one_line
from SlicePropagationLib.files.atomic import atomic_folder, clear_away, in_order_of_age, own_prefix
from SlicePropagationLib.files.ome_zarr import MARKS, is_ome_zarr
from SlicePropagationLib.files.reading import ReadingStopped, check_wanted, tell_stage
from SlicePropagationLib.files.unpacked import cache_folder
from SlicePropagationLib.files.urls import is_url, joined, place_of, split_url

Place = Path | str  # of a file: a path, or a URL
LOOK_S = 0.1  # between two looks at whether somebody waits for what is fetched


@contextlib.contextmanager
def at_hand(place: Place) -> Iterator[Place]:
    """A file or folder where it can be read: of a URL a copy, which is gone afterwards.

    OME-Zarr stays where it is, as its chunks are fetched when they are looked at.

    Raises:
        InputError: there is nothing at the URL, or it cannot be reached.
        ConfigError: the packages for such URLs are not installed.
    """
    if not is_url(place) or is_ome_zarr(place):
        yield place_of(place)
        return
    with _own_folder() as folder:
        local = folder / split_url(str(place))[1]
        _fetch(str(place), local)
        try:
            yield local
        except InputError as error:
            if type(error) is not InputError:
                raise
            raise InputError(str(error).replace(str(local), str(place))) from error


@contextlib.contextmanager
def whole_folder(folder: Place) -> Iterator[Path]:
    """As `atomic_folder`; the files of a URL are sent at the end, in the order of their creation.

    Raises:
        OutputError: the folder cannot be written.
    """
    if not is_url(folder):
        with atomic_folder(folder) as partial:
            yield partial
        return
    with _own_folder() as partial:
        yield partial
        send(in_order_of_age(partial), str(folder))


@contextlib.contextmanager
def staged(out: Place, beside: Sequence[str], mark: str) -> Iterator[Place]:
    """Where a result can be written: of a URL a folder of this machine, whose files are sent at the end.

    What stands beside the result there is fetched first, so that it is judged whose it is. The mark
    is taken away before anything is replaced, and sent last: where it is, all of the result is.

    Args:
        out: the label map.
        beside: names of the files that belong to it.
        mark: the name of the one that comes last.

    Raises:
        OutputError: the files cannot be sent.
    """
    if not is_url(out):
        yield out
        return
    folder, name = split_url(str(out))
    with _own_folder() as local:
        fetched = _fetch_beside(folder, local, [*beside, mark])
        if is_ome_zarr(name) and exists(out):
            (local / name).mkdir()  # stands for the one that is there
        yield local / name
        files = [each for each in in_order_of_age(local) if _state(each) != fetched.get(each.name)]
        remove(joined(folder, mark))
        send(sorted(files, key=lambda each: each.name == mark), folder)


@contextlib.contextmanager
def fetched_beside(out: Place, names: Sequence[str]) -> Iterator[Path]:
    """The files with these names beside a result, without the result itself, in a folder of this machine.

    What is yielded is the path that the result would have there.
    """
    folder, name = split_url(str(out))
    with _own_folder() as local:
        _fetch_beside(folder, local, names)
        yield local / name


def _fetch_beside(folder: str, local: Path, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Fetch files that are there; {name: (size, time)} of the copies."""
    found = {}
    for name in names:
        url = joined(folder, name)
        if exists(url):
            _fetch(url, local / name)
            found[name] = _state(local / name)
    return found


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def send(files: Sequence[Path], folder: str) -> None:
    """Send files and folders into a folder elsewhere, one after the other.

    Raises:
        OutputError: one cannot be sent.
    """
    with _told(folder, OutputError):
        system, inside = _system(folder)
        system.makedirs(inside, exist_ok=True)
        for path in files:
            target = f"{inside.rstrip('/')}/{path.name}"
            if path.is_dir() and system.exists(target):
                system.rm(target, recursive=True)
            system.put(str(path), target, recursive=path.is_dir())


def remove(url: str) -> None:
    """Take a file away, where it is."""
    with _told(url, OutputError):
        system, path = _system(url)
        if system.exists(path):
            system.rm(path)


def exists(place: Place) -> bool:
    """Whether there is a file or folder.

    Raises:
        InputError: the machine that would have it does not answer.
    """
    if not is_url(place):
        return Path(place).exists()
    with _told(str(place), InputError):
        system, path = _system(str(place))
        return system.exists(path)


def read_text(place: Place) -> str:
    """The content of a small file of text.

    Raises:
        OSError, InputError: it is not there, or cannot be read.
    """
    if not is_url(place):
        return Path(place).read_text(encoding="utf-8")
    with _told(str(place), InputError):
        system, path = _system(str(place))
        return system.cat_file(path).decode("utf-8")


def state_of(url: str) -> str:
    """What tells whether a file elsewhere is as it was: size, time and hash, as far as its store says.

    Of OME-Zarr that of its metadata.

    Raises:
        InputError: it is not there, or cannot be reached.
    """
    for each in [joined(url, mark) for mark in MARKS] if is_ome_zarr(url) else [url]:
        if exists(each):
            with _told(each, InputError):
                system, path = _system(each)
                return system.ukey(path)
    raise InputError(f"There is no file {url}; check the name.")


def _fetch(url: str, local: Path) -> None:
    with _told(url, InputError):
        system, path = _system(url)
        if not system.exists(path):
            raise InputError(f"There is no file {url}; check the name.")
        tell_stage("Fetching the file", _share(local, system.info(path).get("size")))
        _get(system, path, local)


def _get(system: Any, path: str, local: Path) -> None:
    """Fetch a file or folder, for as long as somebody waits for it."""
    is_folder = system.isdir(path)
    if not getattr(system, "async_impl", False):  # such as one in memory
        system.get(path, str(local), recursive=is_folder)
        return
    work = system._get(path, str(local), recursive=is_folder)
    coming = asyncio.run_coroutine_threadsafe(work, system.loop)
    try:
        while not coming.done():
            wait([coming], LOOK_S)  # also where nothing comes any more
            check_wanted()
    finally:
        coming.cancel()
    coming.result()


def _share(local: Path, size: int | None) -> Callable[[], float | None]:
    """How much of a file is here, as its copy grows; None where nobody says how large it is."""

    def share() -> float | None:
        try:
            return local.stat().st_size / size if size else None
        except OSError:  # nothing came yet
            return 0.0

    return share


def _system(url: str) -> tuple[Any, str]:
    """Fsspec's file system of a URL, and the path in it."""
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(url)
    except ImportError as error:
        raise ConfigError(
            f"{url} needs a package that is not installed ({error}); install that, or for https and"
            " s3 slice-propagation[remote]."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{url} is no URL that is known here ({error}); write for example s3://bucket/name."
        ) from error


@contextlib.contextmanager
def _told(url: str, kind: type[InputError] | type[OutputError]) -> Iterator[None]:
    """Whatever a store far away raises, in one sentence."""
    try:
        yield
    except (InputError, ConfigError, ReadingStopped):
        raise
    except Exception as error:  # each store has errors of its own
        raise kind(
            f"{url} cannot be reached ({in_one_line(error)}); check the name, the rights, and whether"
            " the machine that has it answers."
        ) from error


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for copies; what killed programs left beside it is removed."""
    base = cache_folder()
    base.mkdir(parents=True, exist_ok=True)
    clear_away(base)
    with tempfile.TemporaryDirectory(
        prefix=own_prefix(), dir=base, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
