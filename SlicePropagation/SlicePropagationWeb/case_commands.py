"""Working through many cases: which one is open, what became of it, and which one comes next."""

import contextlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.claims import ClaimedError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.pipelines.batch_case import BatchCase, read_case
from SlicePropagationWeb.case_claims import CaseClaims, holder_text, saved_text
from SlicePropagationWeb.case_clock import CaseClock
from SlicePropagationWeb.case_order import Row, next_row, place_of
from SlicePropagationWeb.case_records import read_state, write_state
from SlicePropagationWeb.case_watch import CaseWatch
from SlicePropagationWeb.recovery import SUFFIXES
from SlicePropagationWeb.worklist import Case, save_name

if TYPE_CHECKING:
    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.case_list import CaseList
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.file_commands import FileCommands
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.workflow import Workflow

PAUSE_S = 20.0  # between two versions of the file of records, while nothing but time changes

log = logging.getLogger(__name__)


class CaseCommands:
    """What the list of cases and the buttons beside it ask for.

    Args:
        cases: the worklist.
        out: folder of results.
        files: the FileCommands, which open and save.
        autosave: the Autosave, which knows the case that is open.
        workflow: the Workflow.
        loop: the EventLoop.
        data: the PanelState that the browser shows.
        claims: the CaseClaims; None where every case is free.

    Attributes:
        cases: {name: Case}, as they were given.
        state: the WorklistState.
        made: {name: what `batch` made}, where that is known.
        claims: the CaseClaims; watch: the CaseWatch, which looks at those of others.
        list: the CaseList that shows them; set by the one who makes both.
    """

    list: "CaseList"

    def __init__(
        self,
        cases: Sequence[Case],
        out: Path,
        files: "FileCommands",
        autosave: "Autosave",
        workflow: "Workflow",
        loop: "EventLoop",
        data: "PanelState",
        claims: CaseClaims | None = None,
    ) -> None:
        self.cases = {case.name: case for case in cases}
        self.state = read_state(out).without_lost_files(out)
        self.made: dict[str, BatchCase] = {}
        self._by_image = {Path(case.image).resolve(): case for case in reversed(cases)}
        self._out = out
        self._files = files
        self._autosave = autosave
        self._flow = workflow
        self._loop = loop
        self._data = data
        self._clock = CaseClock()
        self._written = time.monotonic()
        self._goes_on = False
        self._opening = ""
        self.claims = claims or CaseClaims()
        self._note_unsaved(data.offer)
        autosave.on_leave = self._left
        autosave.check = self.claims.check
        autosave.is_lost = self.claims.is_lost
        files.on_saved = self._saved
        self.watch = CaseWatch(self, self.claims, workflow, loop, out)
        files.before_save = self.watch.check

    def _note_unsaved(self, offer: dict[str, Any] | None) -> None:
        """A case whose work a crash left is one that was started."""
        name = (offer or {}).get("case", "")
        if name in self.cases:
            self.state.change(name, is_opened=True)
            self.state.current = name

    @property
    def open_name(self) -> str:
        """Name of the case that is open, or ""."""
        name = self._autosave.case
        return name if name in self.cases else ""

    def rows(self) -> list[Row]:
        """All cases, as they were given."""
        others, saved = self.claims.others, self.claims.saved
        return [
            Row(
                case,
                self.state.of(name),
                self.made.get(name),
                holder_text(others.get(name)),
                saved_text(saved.get(name)),
            )
            for name, case in self.cases.items()
        ]

    def read_made(self, names: Sequence[str]) -> dict[str, BatchCase]:
        """What `batch` made of cases, without pictures; runs in a thread."""
        return {
            name: read_case(
                self.cases[name].made,
                self.cases[name].image,
                is_skipped=True,
                has_thumbnail=False,
            )
            for name in names
        }

    # Opening

    def open(self, name: str, series: str | None = None) -> None:
        """Open a case: what is unsaved of it, else what was saved, what `batch` made, or its seed.

        Raises:
            InputError: there is no such case.
            ClaimedError: another annotator has it, and the list is not shown, which would say so.
        """
        if name not in self.cases:
            raise InputError(f"There is no case '{name}'; choose one in the list.")
        if self._data.loading:
            return
        try:
            self.claims.take(name)
        except ClaimedError as error:
            if not self._data.is_cases:
                raise
            self.list.refuse(str(error))
            return
        self._data.is_cases = False
        self._loop.begin(self._open(self.cases[name], series))

    def load(self, text: str, series: str | None = None) -> None:
        """Open an image by its path; one of the worklist is opened as its case."""
        case = self._by_image.get(Path(text).resolve())
        if case is None:
            self._files.load(text, series)
        else:
            self.open(case.name, series)

    async def _open(self, case: Case, series: str | None) -> None:
        self._opening = case.name
        try:
            series = series or case.series or None
            await self._files.load_volume(Path(case.image), series, case.name)
        finally:
            self._opening = ""
        if self._autosave.case != case.name:  # why, the page says
            self.claims.release(case.name)
            return
        path = self.begins_with(case)
        if path is not None:
            await self._files.load_segmentation(path)
        self.arrived(case.name)

    def begins_with(self, case: Case) -> Path | None:
        """The segmentation that work on a case goes on with, or None."""
        record = self.state.of(case.name)
        named = [self._out / name for name in (record.draft, record.result) if name]
        given = [Path(name) for name in (case.made, case.seed) if name]
        return next((path for path in [*named, *given] if path.is_file()), None)

    def arrived(self, name: str) -> None:
        """A case is open, also one that a crash left."""
        case = self.cases.get(name)
        if case is None:
            return
        why = self.claims.keep(name)
        if why:
            self._flow.say(why, is_error=True)
        self._data.is_cases = False
        self.state.current = name
        self._clock.rest()
        self._note_work(name)
        self._data.save_name = save_name(case, self._out)
        self._keep()
        self.list.refresh()

    # Going on

    def next(self) -> None:
        """Open the next case that is not done; what is unsaved of this one is kept."""
        for _ in self.cases:
            row = next_row(self.list.ordered(), self._data.case.get("name", ""))
            if row is None:
                break
            self._data.is_cases = False
            try:
                self.open(row.case.name)
            except ClaimedError:  # somebody else was faster, which the next look knows
                continue
            return
        rest = " or open elsewhere" if self.claims.others else ""
        self._flow.say(f"All other cases are saved{rest}; choose one in the list, or export them.")
        self.list.show()

    def save_and_next(self) -> None:
        """Save the case that is open, then open the next one."""
        if not self._autosave.case:
            raise InputError("No case of the list is open; choose one under Cases, or use Save.")
        self._goes_on = self._files.save()  # which is done later

    def toggle_reviewed(self) -> None:
        """Say that the case that is open is reviewed, or is not."""
        name = self._autosave.case
        if name:
            self.state.change(name, is_reviewed=not self.state.of(name).is_reviewed)
            self._keep()
            self.list.refresh()

    def _saved(self, path: Path | None) -> None:
        """A result was written, or could not be (None)."""
        name = self._autosave.case
        goes_on, self._goes_on = self._goes_on, False
        if path is None or not name:
            return
        self._remove_draft(self.state.of(name).draft)
        self.state.change(name, result=path.name, draft="")
        self._note_work(name)
        self._keep()
        self.claims.release(name, is_saved=True)
        self.list.refresh()
        if goes_on:
            self.next()

    def _remove_draft(self, draft: str) -> None:
        """Remove unsaved work of a case that was gone on with, and is saved by now."""
        if draft:
            for suffix in SUFFIXES:
                with contextlib.suppress(OSError):
                    companion(self._out / draft, suffix).unlink(missing_ok=True)

    def _left(self, name: str, unsaved: str | None) -> None:
        """What is open gives way to something else.

        Args:
            name: of the case, or "".
            unsaved: name of the file that its unsaved work became, or None.
        """
        if name in self.cases:
            self._note_work(name)
            if unsaved:
                self.state.change(name, draft=unsaved)
            self._keep()
            if name != self._opening:
                self.claims.release(name)
        self._clock.rest()

    # What a case took

    def act(self) -> None:
        """A person did something."""
        now = time.monotonic()
        self._clock.act(now)
        if self._autosave.case and now - self._written > PAUSE_S:
            self._note_work(self._autosave.case)
            self._keep()

    def _note_work(self, name: str) -> None:
        record = self.state.of(name)
        seconds = record.seconds + self._clock.take(time.monotonic())
        count = self._num_annotated()
        self.state.change(name, seconds=round(seconds, 1), num_annotated=count, is_opened=True)

    def _num_annotated(self) -> int:
        document = self._flow.session.document
        if document is None:
            return 0
        session = document.session
        return len({index for label in session.labels for index in session.anchors(label)})

    def flush(self) -> None:
        """Have the browser see what changed by now, in the middle of something that takes long."""
        self._files.flush()

    def is_annotated(self) -> bool:
        """Whether a case is open, and something is drawn on it."""
        return bool(self.open_name) and self._num_annotated() > 0

    def _keep(self) -> None:
        self._written = time.monotonic()
        try:
            write_state(self._out, self.state)
        except OSError as error:
            log.warning("The state of the worklist cannot be kept (%s)", error)

    def place(self) -> tuple[int, int]:
        """(place of the case that is open in the list, from 1; number of cases)."""
        place = place_of(self.list.ordered(), self._autosave.case)
        return (0 if place is None else place + 1), len(self.cases)

    def close(self) -> None:
        """The program ends."""
        name = self._autosave.case
        if name in self.cases:
            self._note_work(name)
            self._keep()

    def end(self) -> None:
        """The work is kept: others may have what is open here."""
        self.claims.end()
