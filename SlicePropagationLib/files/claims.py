"""Who has which case of a list that several annotators work through: never two at a time.

A case is claimed before it is opened for writing, by a file in a folder that all share. Its owner
gives a sign of life every few seconds. Where there is none for two minutes, or its process is known
to be gone, another one may take the case over; whoever lost it finds out before it writes.

Clocks of two machines are never compared: a claim is dead when its file has not changed while this
machine looked on.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.atomic import PREFIX, owner_of
from SlicePropagationLib.files.claim_file import (
    PARTIAL,
    Claim,
    Seen,
    Watched,
    beat,
    create_claim,
    read_claim,
    replace_claim,
)
from SlicePropagationLib.processes import is_alive

BEAT_S = 15.0
DEAD_S = 120.0  # without a sign of life
LOOK_S = 20.0  # counts at most of the time between two looks
HELD = ".claim"
TAKING = ".taking"  # held while a dead claim is replaced, by one at a time
SAVED = ".saved"  # who saved a case last


def claims_beside(cases: Path | str) -> Path:
    """The folder of claims of a list of cases: beside a table, hidden in a folder of images."""
    path = Path(cases)
    return path / ".claims" if path.is_dir() else path.with_name(f"{path.name}.claims")


class ClaimedError(SlicePropagationError):
    """A case cannot be opened: somebody else has it."""


class LostClaimError(SlicePropagationError):
    """Work on a case cannot be written: somebody else has it by now, or saved it."""


class Claims:
    """The claims of one annotator's program, and what it knows of those of others.

    Its functions may be called from several threads.

    Args:
        folder: that all annotators share; it is made when the first case is claimed.
        owner: what this annotator is called.
        dead_s: seconds without a sign of life after which a claim is dead.
        now: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        folder: Path | str,
        owner: str,
        *,
        dead_s: float = DEAD_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = Path(folder)
        self.owner = owner
        self._dead_s = dead_s
        self._now = now
        self._held: dict[str, Claim] = {}
        self._lost: dict[str, str] = {}
        self._saved: dict[str, str] = {}  # {case: token of the claim that it was saved with}
        self._known: dict[str, Claim] = {}  # {case: who saved it}
        self._watched: dict[str, Watched] = {}
        self._guard = threading.RLock()

    # Having a case

    def take(self, case: str) -> None:
        """Claim a case to open it.

        Raises:
            ClaimedError: somebody else has it.
            OSError: the folder cannot be written.
        """
        with self._guard:
            if self.has(case):
                return
            self._lost.pop(case, None)
            self._saved.pop(case, None)
            self._claim(case)

    def _claim(self, case: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        claim = Claim.of_this_process(self.owner)
        for _ in range(2):  # it may be released between the two questions
            if create_claim(self._path(case), claim):
                break
            found = read_claim(self._path(case))
            if found is not None:
                self._take_over(case, found, claim)
                break
        else:
            raise ClaimedError(f"{case} is being claimed by somebody else; try again.")
        self._held[case] = claim

    def _take_over(self, case: str, found: Seen, claim: Claim) -> None:
        """Put a claim in the place of one that is dead."""
        path = self._path(case)
        refusal = ClaimedError(_refusal(case, found.claim))
        if not self._is_dead(path, found) or not self._may_replace(path, claim):
            raise refusal
        try:
            if read_claim(path) != found:  # a sign of life, or another one was faster
                raise refusal
            replace_claim(path, claim)
        finally:
            _taking(path).unlink(missing_ok=True)
        standing = read_claim(path)
        if standing is None or standing.claim.token != claim.token:
            raise refusal

    def _may_replace(self, path: Path, claim: Claim) -> bool:
        """Whether this program is the one that replaces a dead claim; who died at it is no hindrance."""
        taking = _taking(path)
        if create_claim(taking, claim):
            return True
        found = read_claim(taking)
        if found is not None and self._is_dead(taking, found):
            taking.unlink(missing_ok=True)
        return create_claim(taking, claim)

    def _is_dead(self, path: Path, found: Seen) -> bool:
        watched = self._watched.setdefault(path.name, Watched())
        quiet_s = watched.look(found.stamp, self._now(), LOOK_S)
        return found.claim.is_of_dead_process or quiet_s > self._dead_s

    def has(self, case: str) -> bool:
        """Whether this program has a case, as far as it knows."""
        with self._guard:
            return case in self._held

    def check(self, case: str) -> None:
        """Have a case, or refuse to write work on it: called before every write.

        One that was released when it was saved is claimed again.

        Raises:
            LostClaimError: somebody else has it, or saved it, since.
        """
        with self._guard:
            if case in self._lost:
                raise LostClaimError(self._lost[case])
            try:
                if case not in self._held:
                    self._claim_again(case)
                elif not beat(self._path(case), self._held[case]):
                    self._lose(case)
            except OSError as error:
                raise LostClaimError(
                    f"Whether {case} is still yours cannot be found out ({error}); see that"
                    f" {self.folder} can be reached, or save under another name."
                ) from error

    def _claim_again(self, case: str) -> None:
        """Claim a case that was released when it was saved, unless it went on since."""
        before = self._saved.get(case)
        found = read_claim(self._path(case, SAVED)) if before else None
        if found is not None and found.claim.token != before:
            self._lose(case)
        try:
            self._claim(case)
        except ClaimedError as error:
            self._lost[case] = _loss(case, str(error).partition(";")[0])
            raise LostClaimError(self._lost[case]) from error

    def _lose(self, case: str) -> None:
        self._held.pop(case, None)
        self._lost[case] = _loss(case, self._who_has(case))
        raise LostClaimError(self._lost[case])

    def _who_has(self, case: str) -> str:
        found = read_claim(self._path(case))
        if found is not None:
            return (
                f"{found.claim} has had {case} since {found.claim.since}, as this program gave no"
                " sign of life"
            )
        saved = read_claim(self._path(case, SAVED))
        if saved is not None:
            return f"{saved.claim} saved {case} at {saved.claim.since}"
        return f"The claim of {case} was removed"

    def release(self, case: str, *, is_saved: bool = False) -> None:
        """Let others have a case.

        Args:
            case: that this program has; of another one nothing changes.
            is_saved: whether it is done, which others are told.
        """
        with self._guard:
            claim = self._held.pop(case, None)
            if claim is None:
                return
            path = self._path(case)
            with contextlib.suppress(OSError):
                if beat(path, claim):
                    if is_saved:
                        now = Claim.of_this_process(self.owner)
                        self._saved[case] = now.token
                        self._known[case] = now
                        replace_claim(self._path(case, SAVED), now)
                    path.unlink()

    def give_up(self, case: str, why: str) -> None:
        """Have every write of work on a case refused, as somebody else had it first."""
        with self._guard:
            self._lost[case] = _loss(case, why)

    def release_all(self) -> None:
        """The program ends."""
        with self._guard:
            for case in list(self._held):
                self.release(case)

    def renew(self) -> None:
        """Give a sign of life for every case that this program has."""
        with self._guard:
            for case, claim in list(self._held.items()):
                with contextlib.suppress(OSError, LostClaimError):  # a folder may come back
                    if not beat(self._path(case), claim):
                        self._lose(case)

    @property
    def lost(self) -> dict[str, str]:
        """{case: why} of the cases that somebody else took over."""
        with self._guard:
            return dict(self._lost)

    # What others have

    def others(self) -> dict[str, Claim]:
        """{case: claim} of the living claims of others; looking often is how dead ones are found."""
        with self._guard:
            found = {}
            for path in self._files(HELD):
                seen = _read(path)
                case = unquote(path.name.removesuffix(HELD))
                if seen is None or case in self._held or self._is_dead(path, seen):
                    continue
                found[case] = seen.claim
            return found

    def saved(self) -> dict[str, Claim]:
        """{case: who saved it last, and when} of the cases that anybody saved."""
        with self._guard:
            for path in self._files(SAVED):
                case = unquote(path.name.removesuffix(SAVED))
                found = None if case in self._known else _read(path)  # one file each, not all again
                if found is not None:
                    self._known[case] = found.claim
            return dict(self._known)

    def clear_away(self) -> None:
        """Remove what programs of this machine left half made when they were killed."""
        for path in self.folder.glob(f"{PREFIX}*{PARTIAL}"):
            owner = owner_of(path.name)
            if owner is not None and not is_alive(owner):
                path.unlink(missing_ok=True)

    def _files(self, ending: str) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(path for path in self.folder.iterdir() if path.name.endswith(ending))
        return []

    def _path(self, case: str, ending: str = HELD) -> Path:
        return self.folder / f"{quote(case, safe=' ')}{ending}"


def _taking(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(HELD) + TAKING)


def _read(path: Path) -> Seen | None:
    with contextlib.suppress(OSError):
        return read_claim(path)
    return None


def _refusal(case: str, claim: Claim) -> str:
    return (
        f"{claim} has had {case} open since {claim.since}; open another case. It is free when it is"
        f" saved or closed there, or {DEAD_S / 60:.0f} minutes after that program ended."
    )


def _loss(case: str, why: str) -> str:
    return (
        f"{why}; what you draw here is not written over theirs. Save it under another name than"
        f" {case}, or open another case."
    )


class Heartbeat:
    """Renews claims in a thread of its own, so that nothing that takes long holds it up.

    Args:
        claims: the Claims.
        every_s: between two signs of life.
    """

    def __init__(self, claims: Claims, every_s: float = BEAT_S) -> None:
        self._claims = claims
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="claims", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self._claims.renew()

    def end(self) -> None:
        """End, and let others have the cases."""
        self._ended.set()
        self._claims.release_all()
