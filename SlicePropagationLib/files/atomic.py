"""Writing files so that there is always all of them or none."""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.processes import is_alive, namespace

# .partial-WHERE-PROCESS-…: a folder that a process writes into, or left when it was killed.
PREFIX = ".partial-"
LONGEST_WRITE_S = 24 * 3600
# Windows refuses to replace a file while a virus scanner or a viewer has it open; most let go soon.
PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8) if os.name == "nt" else ()


@contextlib.contextmanager
def atomic_folder(folder: Path | str) -> Iterator[Path]:
    """A temporary folder beside the results.

    What is written there is renamed into `folder` at the end, or never.

    Files appear in the order of their creation, so the last one written marks the set as complete;
    of files of one moment a record (`.json`) comes last. The disk has them before they appear.
    What killed programs left in `folder` is removed.

    Raises:
        OutputError: the folder cannot be made or written (read-only, full).
    """
    folder = Path(folder)
    partial = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clear_away(folder)
        # named before it is made: a Ctrl-C between the two leaves nothing
        partial = folder / f"{own_prefix()}{os.urandom(8).hex()}"
        partial.mkdir(mode=0o700)
        yield partial
        for path in in_order_of_age(partial):
            for file in path.rglob("*") if path.is_dir() else ():
                flush(file)
            flush(path)
            _put_aside(folder / path.name, partial)
            _replace(path, folder / path.name)
        flush(folder)
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"The results cannot be written to {folder} ({error}); free space there or choose"
            " another folder."
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def in_order_of_age(folder: Path) -> list[Path]:
    """What is in a folder, in the order of its creation; of one moment a record comes last."""
    return sorted(folder.iterdir(), key=_age)


def _put_aside(target: Path, partial: Path) -> None:
    """Move a folder that stands in the way of a new one into the one that is removed at the end."""
    if target.is_dir() and not target.is_symlink():
        _replace(target, partial / f"before-{os.urandom(4).hex()}")


def _replace(source: Path, target: Path) -> None:
    """Put a file in the place of another, in more than one try where that can help."""
    for pause in PAUSES_SECONDS:
        try:
            os.replace(source, target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(source, target)


def check_writable(folder: Path | str) -> None:
    """Refuse a folder that results cannot be written to, before anything is computed.

    Nothing is left there; a folder that is not there yet is not made.

    Raises:
        OutputError: it cannot be made or written.
    """
    there = Path(folder).absolute()
    try:
        while not there.exists():
            there = there.parent
        os.rmdir(tempfile.mkdtemp(prefix=own_prefix(), dir=there))
    except OSError as error:
        raise OutputError(
            f"Results cannot be written to {folder} ({error}); choose another folder, or change the"
            " permissions of that one."
        ) from error


def own_prefix() -> str:
    """How the names of temporary folders of this process begin."""
    return f"{PREFIX}{own_process_name()}-"


def own_process_name() -> str:
    """What tells this process apart in names of files, also from those of other machines."""
    return f"{namespace()}-{os.getpid()}"


def clear_away(folder: Path | str, *, is_ours: bool = False) -> None:
    """Remove what killed programs left half written in a folder.

    Whether a program of another machine that shares the folder lives cannot be asked; what it left
    goes after a day, as results are computed first and written in minutes.

    Args:
        folder: where they wrote.
        is_ours: nobody else writes there now, so that what does not say whose it is goes, too.
    """
    for partial in Path(folder).glob(f"{PREFIX}*"):
        owner = owner_of(partial.name)
        is_left = not is_alive(owner) if owner is not None else is_ours or _is_old(partial)
        if is_left:
            shutil.rmtree(partial, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    """Whether nothing in a folder was written for a day."""
    try:
        latest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # someone writes, or clears away
        return False
    return time.time() - latest > LONGEST_WRITE_S


def owner_of(name: str) -> int | None:
    """The process of this machine that a file or folder is of; None where it does not say."""
    where, _, rest = name.removeprefix(PREFIX).partition("-")
    pid = re.split("[-.]", rest)[0]
    return int(pid) if where == namespace() and pid.isdecimal() else None


def _age(path: Path) -> tuple[int, bool]:
    """By what files are put in order; a coarse clock gives several one time."""
    return path.stat().st_mtime_ns, path.suffix == ".json"


def flush(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder; left out where a system cannot."""
    with contextlib.suppress(OSError):
        # Windows flushes what can be written only, and no folders.
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
