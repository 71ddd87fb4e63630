"""Which cases other annotators have open or saved, and which one is claimed here."""

import getpass
import logging
from pathlib import Path

from SlicePropagationLib.files.claim_file import Claim
from SlicePropagationLib.files.claims import ClaimedError, Claims, Heartbeat, claims_beside

LOOK_MS = 5000  # between two looks at what others have

log = logging.getLogger(__name__)


def annotator_name() -> str:
    """What the person at this account is called, where nobody says it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"


def claims_of(cases: Path | str | None, annotator: str | None) -> Claims | None:
    """The claims of a worklist, shared by all who open it; None without a worklist."""
    if cases is None:
        return None
    claims = Claims(claims_beside(cases), (annotator or "").strip() or annotator_name())
    claims.clear_away()
    return claims


class CaseClaims:
    """The claims of a page; where there is no worklist, every case is free.

    Args:
        claims: of the worklist, or None.

    Attributes:
        others: {case: claim} of what others have open, when it was looked at last.
        saved: {case: claim} of what others saved.
        remark: why others cannot see what is open here; "" where they can.
    """

    def __init__(self, claims: Claims | None = None) -> None:
        self._claims = claims
        self._heartbeat: Heartbeat | None = None
        self._told: set[str] = set()
        self._is_remarked = False
        self.others: dict[str, Claim] = {}
        self.saved: dict[str, Claim] = {}
        self.remark = ""

    @property
    def is_shared(self) -> bool:
        """Whether others may have cases of the worklist."""
        return self._claims is not None

    def take(self, case: str) -> None:
        """Claim a case to open it.

        Raises:
            ClaimedError: somebody else has it.
        """
        if self._claims is None:
            return
        self._told.discard(case)
        try:
            self._claims.take(case)
            self.remark = ""
        except ClaimedError:
            self.look()
            raise
        except OSError as error:  # such as a list that may only be read
            self.remark = (
                f"Other annotators cannot see which case you have open ({error}); see that"
                f" {self._claims.folder} can be written."
            )
            log.warning("%s", self.remark)
        if self._heartbeat is None:
            self._heartbeat = Heartbeat(self._claims)

    def keep(self, case: str) -> str:
        """Claim a case that is open already, as after a crash.

        Returns:
            Why it cannot be written, or "".
        """
        try:
            self.take(case)
        except ClaimedError as error:
            if self._claims is not None:
                self._claims.give_up(case, str(error).partition(";")[0])
                self._told.add(case)
                return self._claims.lost[case]
        return ""

    def check(self, case: str) -> None:
        """Refuse to write work on a case that somebody else has by now; in any thread.

        Raises:
            LostClaimError: it is somebody else's.
        """
        if self._claims is not None and not self.remark:
            self._claims.check(case)

    def release(self, case: str, *, is_saved: bool = False) -> None:
        """Let others have a case."""
        if self._claims is not None:
            self._claims.release(case, is_saved=is_saved)

    def is_lost(self, case: str) -> bool:
        """Whether somebody else took a case over."""
        return self._claims is not None and case in self._claims.lost

    def look(self) -> bool:
        """See what others have; whether that changed."""
        if self._claims is None:
            return False
        before = (self.others, self.saved)
        self.others = self._claims.others()
        saved = self._claims.saved()
        self.saved = {case: by for case, by in saved.items() if by.owner != self._claims.owner}
        return before != (self.others, self.saved)

    def news(self, case: str) -> str:
        """What a person has to know of the case that is open, when it is asked for first; else ""."""
        if self.remark and not self._is_remarked:
            self._is_remarked = True
            return self.remark
        if self._claims is None or case in self._told or case not in self._claims.lost:
            return ""
        self._told.add(case)
        return self._claims.lost[case]

    def end(self) -> None:
        """The page ends: others may have what is open here."""
        if self._heartbeat is not None:
            self._heartbeat.end()


def holder_text(claim: Claim | None) -> str:
    """Who has a case, as a sentence; "" for nobody."""
    return f"{claim} has it open since {claim.since}." if claim else ""


def saved_text(claim: Claim | None) -> str:
    """Who saved a case, as a sentence; "" for nobody."""
    return f"{claim.owner} (on {claim.host}) saved it at {claim.since}." if claim else ""
