"""The volumes that were opened last, in a small file beside the unsaved work."""

import json
import logging
import os
from pathlib import Path
from typing import Any

NAME = "recent.json"
MOST = 8

log = logging.getLogger(__name__)


class RecentFiles:
    """Paths of volumes, the last one first; what is wrong with the file costs the list only.

    Args:
        folder: where it stands.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def read(self) -> list[Path]:
        """Those that are still there."""
        try:
            written = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [Path(each) for each in _texts(written)[:MOST] if Path(each).exists()]

    def add(self, path: Path) -> None:
        """Put a path to the front."""
        rest = [each for each in self.read() if each != path]
        texts = [str(each) for each in [path, *rest][:MOST]]
        partial = self._path.with_name(f".{NAME}-partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(texts), encoding="utf-8")
            os.replace(partial, self._path)
        except OSError as error:
            log.warning("The list of recent files cannot be kept (%s)", error)


def _texts(written: Any) -> list[str]:
    if not isinstance(written, list):
        return []
    return [each for each in written if isinstance(each, str) and "\0" not in each]
