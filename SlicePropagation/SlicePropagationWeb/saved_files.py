"""What came of saving, written in any thread."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from SlicePropagationWeb.opening import collected_warnings


@dataclass
class Saved:
    """What came of saving.

    Attributes:
        remarks: sentences about it.
        exports: the files beside it, for other programs.
    """

    remarks: list[str] = field(default_factory=list)
    exports: list[Path] = field(default_factory=list)

    def write(self, write: Callable[[], list[Path]]) -> None:
        """Write, in any thread, and keep what is to be said about it."""
        with collected_warnings() as warnings:
            self.exports = write()
        self.remarks = warnings
