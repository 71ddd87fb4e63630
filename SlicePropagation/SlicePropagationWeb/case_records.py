"""What became of each case, in a small file in the folder of results; it is there after a restart."""

import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

NAME = "worklist.json"
NEW, STARTED, SAVED, REVIEWED = STATUSES = ("new", "started", "saved", "reviewed")
DONE = (SAVED, REVIEWED)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaseRecord:
    """What is known of a case.

    Attributes:
        result: name of the file that it was saved as, in the folder of results; "" where it is not.
        draft: name of the file of work on it that was not saved, or "".
        num_annotated: slices that a person vouches for.
        seconds: that a person worked on it.
        is_opened: whether a person opened it.
        is_reviewed: whether a person said that it is done.
    """

    result: str = ""
    draft: str = ""
    num_annotated: int = 0
    seconds: float = 0.0
    is_opened: bool = False
    is_reviewed: bool = False

    @property
    def status(self) -> str:
        """One of `STATUSES`; work that was not saved makes any case a started one."""
        if self.draft:
            return STARTED
        if self.result:
            return REVIEWED if self.is_reviewed else SAVED
        return STARTED if self.is_opened else NEW


BLANK = CaseRecord()


@dataclass
class WorklistState:
    """Where a person is in a worklist.

    Attributes:
        current: name of the case that was opened last, or "".
        records: {name of a case: what is known of it}.
    """

    current: str = ""
    records: dict[str, CaseRecord] = field(default_factory=dict)

    def of(self, name: str) -> CaseRecord:
        """What is known of a case."""
        return self.records.get(name, BLANK)

    def change(self, name: str, **values: Any) -> None:
        """Note something about a case."""
        self.records[name] = replace(self.of(name), **values)

    def without_lost_files(self, out: Path) -> "WorklistState":
        """The same, where files that are gone from the folder of results do not count."""
        records = {
            name: replace(
                record,
                result=_there(out, record.result),
                draft=_there(out, record.draft),
            )
            for name, record in self.records.items()
        }
        return WorklistState(self.current, records)


def _there(out: Path, name: str) -> str:
    return name if name and (out / name).is_file() else ""


def read_state(folder: Path) -> WorklistState:
    """The state of the worklist of a folder of results; what is damaged in it counts as new."""
    try:
        written = json.loads((folder / NAME).read_text(encoding="utf-8"))
        current, cases = written["current"], written["cases"]
        records = {str(name): _record(values) for name, values in cases.items()}
    except FileNotFoundError:
        return WorklistState()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s cannot be read (%s); the worklist begins anew", folder / NAME, error)
        return WorklistState()
    return WorklistState(current if isinstance(current, str) else "", records)


def _record(values: Any) -> CaseRecord:
    """A record as it was written; a value of another kind is left out."""
    if not isinstance(values, Mapping):
        return BLANK
    defaults = asdict(BLANK)
    known = {each.name: values.get(each.name, defaults[each.name]) for each in fields(BLANK)}
    usable = {name: value for name, value in known.items() if _is_like(value, defaults[name])}
    return replace(BLANK, **usable)


def _is_like(value: Any, default: Any) -> bool:
    if isinstance(default, float):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and value >= 0
    if isinstance(default, str):
        return isinstance(value, str) and Path(value).name == value
    return type(value) is type(default)


def write_state(folder: Path, state: WorklistState) -> None:
    """Write the state in place of the one before, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    text = json.dumps(
        {
            "version": 1,
            "current": state.current,
            "cases": {name: asdict(record) for name, record in state.records.items()},
        },
        indent=1,
    )
    partial = folder / f".{NAME}-partial"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, folder / NAME)
