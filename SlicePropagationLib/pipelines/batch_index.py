"""`index.html` in the folder of a batch: all cases at a glance, written again as they are finished.

What it says of a case waits in a file without a name, so that a longer batch takes no more memory.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files.companions import beside
from SlicePropagationLib.files.record import PICTURE, RECORD, TABLE, check_own
from SlicePropagationLib.files.remote import at_hand, exists, fetched_beside, whole_folder
from SlicePropagationLib.files.urls import is_url, joined
from SlicePropagationLib.pipelines.batch_case import BatchCase, doubt, read_case
from SlicePropagationLib.pipelines.batch_items import BatchItems
from SlicePropagationLib.pipelines.batch_page import BatchOverview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from SlicePropagationLib.pipelines.propagate_file import PropagateRequest
    from SlicePropagationLib.pipelines.segment_file import SegmentRequest

log = logging.getLogger(__name__)
INDEX = "index.html"
PAUSE_S = 5.0  # between two versions of the page, and
PAUSE_RATIO = 20  # so many times as long as the last one took


class BatchIndex:
    """The overview of a batch, which grows with it.

    Args:
        table: of the cases.
        folder: of the results.
        cases: all of the table.
        is_seeded: whether they are propagated through, or segmented by a model.

    Raises:
        OutputError: there is a file of that name which this program did not write.
    """

    def __init__(
        self,
        table: Path | str,
        folder: Path | str,
        cases: Sequence[PropagateRequest] | Sequence[SegmentRequest],
        *,
        is_seeded: bool = True,
    ) -> None:
        self._folder = folder
        self._cases = cases
        self._numbers = {str(case.out): number for number, case in enumerate(cases)}
        self._overview = BatchOverview(Path(table), Path(folder), len(cases), is_seeded)
        self._items = BatchItems()
        self._next = 0.0
        if not is_url(folder):
            check_own(Path(folder) / INDEX)
        elif exists(joined(folder, INDEX)):
            with at_hand(joined(folder, INDEX)) as local:
                check_own(Path(local))

    def add(self, out: str, error: str | None, *, is_skipped: bool) -> None:
        """Take a case in, and write the page if the last one is old enough.

        Args:
            out: its label map.
            error: why it failed, or None.
            is_skipped: whether it had been done before.
        """
        number = self._numbers[out]
        image = str(self._cases[number].image)
        if error:
            self._items.add_failed(self._overview.item(BatchCase(Path(out), image, error)))
        else:
            has_thumbnail = self._overview.holds_pictures
            case = _case_at(out, image, is_skipped=is_skipped, has_thumbnail=has_thumbnail)
            self._items.add_done(self._overview.item(case), doubt(case.trust), number)
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Write the page; the one before stays until it is whole.

        Where it cannot be written, a warning says so: the results are what counts.
        """
        try:
            self._write()
        except OutputError as error:
            log.warning("%s", error)

    def _write(self) -> None:
        began = time.monotonic()
        pieces = self._overview.page(self._items, time.strftime("%Y-%m-%d %H:%M"))
        with (
            whole_folder(self._folder) as partial,
            open(partial / INDEX, "w", encoding="utf-8") as file,
        ):
            file.writelines(pieces)
        took = time.monotonic() - began
        self._next = time.monotonic() + max(PAUSE_S, PAUSE_RATIO * took)


def _case_at(out: str, image: str, *, is_skipped: bool, has_thumbnail: bool) -> BatchCase:
    """A finished case, also of a URL."""
    options = {"is_skipped": is_skipped, "has_thumbnail": has_thumbnail}
    if not is_url(out):
        return read_case(out, image, **options)
    suffixes = (TABLE, RECORD, PICTURE) if has_thumbnail else (TABLE, RECORD)
    names = [Path(beside(out, suffix)).name for suffix in suffixes]
    with fetched_beside(out, names) as local:
        return replace(read_case(local, image, **options), out=Path(out))
