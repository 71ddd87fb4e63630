"""The window of each volume on the disk, so that it is there again after the program was restarted."""

import json
import logging
import math
import os
from pathlib import Path
from typing import Any

NAME = "windows.json"
MOST = 200  # volumes whose windows are kept: the latest ones

log = logging.getLogger(__name__)


class KeptWindows:
    """A small file beside the unsaved work; what is wrong with it costs a window, and nothing else.

    Args:
        folder: where it stands.
    """

    def __init__(self, folder: Path | str) -> None:
        self._path = Path(folder) / NAME

    def read(self) -> dict[str, tuple[float, float]]:
        """{what a volume was read from: (width, level)}."""
        try:
            written = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(written, dict):
            return {}
        return {source: tuple(pair) for source, pair in written.items() if _is_window(pair)}

    def write(self, windows: dict[str, tuple[float, float]]) -> None:
        """Write the latest ones, in place of those that are there."""
        latest = dict(list(windows.items())[-MOST:])
        partial = self._path.with_name(f".{NAME}-partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(latest), encoding="utf-8")
            os.replace(partial, self._path)
        except OSError as error:
            log.warning("Window and level cannot be kept (%s)", error)


def _is_window(pair: Any) -> bool:
    """Whether a value of the file is a width above 0 and a level."""
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    are_numbers = all(isinstance(each, (int, float)) and math.isfinite(each) for each in pair)
    return are_numbers and pair[0] > 0
