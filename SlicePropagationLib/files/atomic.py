"""Writing files so that there is always all of them or none."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from SlicePropagationLib.errors import OutputError

PREFIX = ".partial-"


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
            os.replace(path, folder / path.name)
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"The results cannot be written to {folder} ({error}); free space there or choose"
            " another folder."
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def clear_away(folder: Path | str) -> None:
    """Remove what a killed program left half written in a folder."""
    for partial in Path(folder).glob(f"{PREFIX}*"):
        shutil.rmtree(partial, ignore_errors=True)
