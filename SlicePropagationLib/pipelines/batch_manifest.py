"""`manifest.csv` in the folder of a batch: what became of every case, for other programs."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files.record import is_ours
from SlicePropagationLib.files.remote import at_hand, exists, whole_folder
from SlicePropagationLib.files.urls import is_url, joined
from SlicePropagationLib.pipelines.slices_table import write_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from SlicePropagationLib.pipelines.propagate_file import PropagateRequest
    from SlicePropagationLib.pipelines.segment_file import SegmentRequest

log = logging.getLogger(__name__)
MANIFEST = "manifest.csv"
COLUMNS = ("out", "image", "status", "error")
STATUSES = WAITING, DONE, SKIPPED, FAILED = "waiting", "done", "already done", "failed"
PAUSE_S = 5.0  # between two versions, and
PAUSE_RATIO = 20  # so many times as long as the last one took


class BatchManifest:
    """What became of the cases of a batch, in the order of the table.

    Of a case it keeps one byte, and why it failed: a longer batch takes no more memory as it goes on.

    Args:
        folder: of the results.
        cases: all of the table.

    Raises:
        OutputError: there is a file of that name which this program did not write.
    """

    def __init__(
        self, folder: Path | str, cases: Sequence[PropagateRequest] | Sequence[SegmentRequest]
    ) -> None:
        self._folder = folder
        self._cases = cases
        self._numbers = {str(case.out): number for number, case in enumerate(cases)}
        self._statuses = bytearray(len(cases))  # places in STATUSES
        self._errors: dict[int, str] = {}
        self._next = time.monotonic() + PAUSE_S
        path = joined(folder, MANIFEST)
        if not _may_replace(path):
            raise OutputError(
                f"{path} is there and was not written by this program, the manifest would replace it;"
                " give another folder, or move the file away."
            )

    def add(self, out: str, error: str | None, *, is_skipped: bool) -> None:
        """Take a case in, and write the table if the last one is old enough.

        Args:
            out: its label map.
            error: why it failed, or None.
            is_skipped: whether it had been done before.
        """
        status = FAILED if error else SKIPPED if is_skipped else DONE
        number = self._numbers[out]
        self._statuses[number] = STATUSES.index(status)
        if error:
            self._errors[number] = error
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Write the table in place of the one before, whole or not at all.

        Where it cannot be written, a warning says so: the results are what counts.
        """
        began = time.monotonic()
        try:
            with whole_folder(self._folder) as partial:
                write_rows(partial / MANIFEST, self._rows(), COLUMNS)
        except OutputError as error:
            log.warning("%s", error)
        took = time.monotonic() - began
        self._next = time.monotonic() + max(PAUSE_S, PAUSE_RATIO * took)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for number, case in enumerate(self._cases):
            status = STATUSES[self._statuses[number]]
            yield _text(str(case.out)), _text(str(case.image)), status, self._errors.get(number, "")


def _may_replace(path: str) -> bool:
    """Whether nothing is there, or what this program wrote."""
    if not is_url(path) and Path(path).is_symlink():
        return False
    if not exists(path):
        return True
    with at_hand(path) as local:
        return is_ours(local)


def _text(name: str) -> str:
    """A name as text: those of files may have bytes that are none."""
    return name.encode("utf-8", "replace").decode("utf-8")
