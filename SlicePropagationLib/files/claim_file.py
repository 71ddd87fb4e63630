"""One file that says who has a case: made whole or not at all, also on a shared folder (NFS, SMB)."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from SlicePropagationLib.files.atomic import own_prefix
from SlicePropagationLib.processes import is_alive, namespace

LARGEST_BYTES = 1 << 16
PARTIAL = ".new"


@dataclass(frozen=True)
class Claim:
    """Who has a case, or saved it.

    Attributes:
        owner: the annotator's name.
        host: the machine.
        since: when it was claimed, by that machine's clock: only ever shown, never compared.
        where, process: the process there, as `processes` counts them.
        token: what no other claim has.
    """

    owner: str = "somebody"
    host: str = "another machine"
    since: str = "an unknown time"
    where: str = ""
    process: int = 0
    token: str = ""

    @classmethod
    def of_this_process(cls, owner: str) -> Claim:
        """A new claim."""
        return cls(
            owner=owner,
            host=platform.node(),
            since=time.strftime("%Y-%m-%d %H:%M"),
            where=namespace(),
            process=os.getpid(),
            token=os.urandom(8).hex(),
        )

    @property
    def is_of_dead_process(self) -> bool:
        """Whether it is of a process of this machine that is gone; of another one nobody knows."""
        return self.where == namespace() and not is_alive(self.process)

    def __str__(self) -> str:
        """Who and where, for a sentence."""
        return f"{self.owner} (on {self.host}, process {self.process})"


UNREADABLE = Claim()


class Seen(NamedTuple):
    """A claim as its file shows it.

    Attributes:
        claim: what it says.
        stamp: what changes with every sign of life; equal stamps tell nothing of any clock.
    """

    claim: Claim
    stamp: tuple[str, int, int]


def read_claim(path: Path) -> Seen | None:
    """The claim of a file; None where there is none.

    The file is opened before its time is asked for: NFS asks the server then, not its memory.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_BYTES)
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    claim = _claim_of(text)
    return Seen(claim, (claim.token, status.st_mtime_ns, status.st_ino))


def _claim_of(text: bytes) -> Claim:
    """What is written; of a file that is not whole (yet) somebody's."""
    try:
        values = json.loads(text)
        known = {each.name: values[each.name] for each in fields(Claim)}
    except (ValueError, KeyError, TypeError):
        return UNREADABLE
    kinds = {name: type(value) for name, value in asdict(UNREADABLE).items()}
    is_whole = isinstance(values, Mapping) and all(
        type(known[name]) is kind for name, kind in kinds.items()
    )
    return Claim(**known) if is_whole else UNREADABLE


def create_claim(path: Path, claim: Claim) -> bool:
    """Make the file of a claim, with all that it says, unless there is one.

    By a link, which is atomic on every version of NFS; where a folder knows no links (FAT, some
    SMB), by a file that is only made where there is none.

    Returns:
        Whether it was made.

    Raises:
        OSError: the folder cannot be written.
    """
    partial = _written(path, claim)
    try:
        os.link(partial, path)
    except FileExistsError:
        # a server may have made the link, and its answer been lost
        return partial.stat().st_nlink > 1
    except OSError:
        return _create_exclusively(path, claim)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return True


def _create_exclusively(path: Path, claim: Claim) -> bool:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_text(claim))
    return True


def replace_claim(path: Path, claim: Claim) -> None:
    """Put a claim in the place of another one, at once.

    Raises:
        OSError: the folder cannot be written.
    """
    os.replace(_written(path, claim), path)


def _written(path: Path, claim: Claim) -> Path:
    """A file beside it that holds a claim, on the disk."""
    partial = path.with_name(f"{own_prefix()}{claim.token}{PARTIAL}")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(_text(claim))
        file.flush()
        os.fsync(file.fileno())
    return partial


def _text(claim: Claim) -> str:
    return json.dumps(asdict(claim), indent=1)


def beat(path: Path, claim: Claim) -> bool:
    """Give a sign of life: the file's own time goes on.

    Returns:
        Whether the claim still stands there.

    Raises:
        OSError: that cannot be found out, or not be written.
    """
    try:
        with open(path, "rb") as file:
            if _claim_of(file.read(LARGEST_BYTES)).token != claim.token:
                return False
            # of the file that was read, so that no sign is given for whoever took over meanwhile
            os.utime(file.fileno() if os.utime in os.supports_fd else path)
    except FileNotFoundError:
        return False
    return True


@dataclass
class Watched:
    """How long a claim has shown no sign of life, by this machine's clock alone.

    Attributes:
        stamp: of the claim when it was looked at last.
        looked_at: when that was.
        quiet_s: for how long it has not changed.
    """

    stamp: tuple[str, int, int] | None = None
    looked_at: float = 0.0
    quiet_s: float = field(default=0.0)

    def look(self, stamp: tuple[str, int, int], now: float, most_s: float) -> float:
        """Look again: how long it has been quiet.

        Args:
            stamp: of the claim now.
            now: of a clock that only goes forward.
            most_s: what counts of the time since the last look; a machine that slept saw nothing.
        """
        is_quiet = stamp == self.stamp
        self.quiet_s = self.quiet_s + min(now - self.looked_at, most_s) if is_quiet else 0.0
        self.stamp, self.looked_at = stamp, now
        return self.quiet_s
