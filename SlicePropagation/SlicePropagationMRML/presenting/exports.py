"""Files beside the scene: the table of slices, sample data that was generated, and what the weights' card says."""

import json
from collections.abc import Iterable
from pathlib import Path

from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.files.shipped_weights import find_model
from SlicePropagationLib.pipelines.slices_table import write_rows


def writeTable(path: Path | str, rows: Iterable[tuple]) -> None:
    """Write rows of `review.sliceTable` as CSV, with the columns of the command line's table.

    Args:
        path: the file.
        rows: in the order of the library's `COLUMNS`.

    Raises:
        OSError: the file cannot be written.
    """
    write_rows(path, rows)


def modelCard(weightsName: str) -> dict[str, str] | None:
    """{path, name, version, licence, data} of shipped weights as text, or None when they are not installed."""
    try:
        path = Path(find_model(weightsName))
    except CheckpointError:
        return None
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return {
        "path": str(path),
        "name": path.name,
        "version": card["sha256"][:12],
        "licence": card["licence"],
        "data": ", ".join(card["data"]),
    }


def downloadedFiles(folder: Path | str) -> list[str]:
    """Names of the files that the extension keeps in its folder."""
    return sorted(path.name for path in Path(folder).glob("*") if path.is_file())


def removeDownloadedFiles(folder: Path | str) -> int:
    """Delete what the extension keeps in its folder; returns how many files went."""
    names = downloadedFiles(folder)
    for name in names:
        (Path(folder) / name).unlink()
    return len(names)
