"""Writing files so that there is always all of them or none."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from SlicePropagationLib.errors import OutputError

PREFIX = ".partial-"
# Windows refuses to replace a file while a virus scanner or a viewer has it open; most let go soon.
PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8) if os.name == "nt" else ()


@contextlib.contextmanager
def atomic_folder(folder: Path | str) -> Iterator[Path]:
    """A temporary folder beside the results.

    What is written there is renamed into `folder` at the end, or never.

    Files appear in the order of their creation, so the last one written marks the set as complete.

    Raises:
        OutputError: the folder cannot be made or written (read-only, full).
    """
    folder = Path(folder)
    partial = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        yield partial
        in_order = sorted(partial.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in in_order:
            _replace(path, folder / path.name)
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"The results cannot be written to {folder} ({error}); free space there or choose"
            " another folder."
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


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


def clear_away(folder: Path | str) -> None:
    """Remove what a killed program left half written in a folder."""
    for partial in Path(folder).glob(f"{PREFIX}*"):
        shutil.rmtree(partial, ignore_errors=True)
