"""Names of files that are on another machine."""

from __future__ import annotations

import re
from pathlib import Path

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter would be a drive of Windows


def is_url(name: Path | str) -> bool:
    """Whether a name is that of something elsewhere, such as https://host/image.ome.zarr."""
    return isinstance(name, str) and URL.match(name) is not None


def place_of(name: Path | str) -> Path | str:
    """A name as a path; of a URL, which a path would change, as it is."""
    return name if is_url(name) else Path(name)


def joined(folder: Path | str, name: str) -> str:
    """A name in a folder, as text; a name that is a URL or begins at the root is what it is."""
    if is_url(name):
        return name
    return f"{str(folder).rstrip('/')}/{name}" if is_url(folder) else str(Path(folder) / name)


def split_url(url: str) -> tuple[str, str]:
    """(folder, name) of a URL."""
    folder, _, name = url.rstrip("/").rpartition("/")
    return folder, name
