"""`StrokeJournal`: each stroke on the disk before the next act, to go on with after a crash.

One line of JSON an act, after a line that says what was drawn on. A crash may leave half a line.
"""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from SlicePropagationLib.files.atomic import flush
from SlicePropagationLib.patch import EMPTY_MASK, Patch, decode_patch, encode_patch
from SlicePropagationMRML.nodes.geometry import segmentPatches
from SlicePropagationMRML.nodes.strokes import AXIS, Strokes, labelmapState, tagOf
from SlicePropagationMRML.nodes.types import SegmentationNode, VolumeNode

FORMAT = 1
Entry: TypeAlias = dict[str, Any]


class StrokeJournal:
    """Writes what changed in the segments of a segmentation, as soon as it is told to look.

    Attributes:
        number: of the last entry.

    Args:
        path: the file; it is there while it holds something.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.number = 0
        self._header: Entry = {}
        self._entries: list[Entry] = []
        self._volume: VolumeNode = None
        self._segmentation: SegmentationNode = None
        self._known: dict[str, tuple[Entry, list[Patch]]] = {}
        self._states: dict[str, tuple] = {}
        self._saved: dict[str, tuple] | None = None
        self._isBroken = False  # whether the file is not what the entries say
        self._lock = threading.Lock()

    def begin(
        self,
        volumeNode: VolumeNode,
        segmentationNode: SegmentationNode,
        header: Entry,
        entries: list[Entry] | None = None,
        *,
        isWhole: bool = False,
        waits: bool = False,
        number: int = 0,
    ) -> None:
        """Write down what changes from now on in a segmentation.

        Args:
            volumeNode: what is drawn on.
            segmentationNode: what is drawn in.
            header: what is needed to find volume and segmentation again.
            entries: of an earlier journal that are not in files yet, though the nodes hold them.
            isWhole: whether the first entries are of all that is drawn already; otherwise files
                hold that.
            waits: whether there is nothing to write until something changes, as all is saved.
            number: of the last entry that files hold; what comes has higher ones.
        """
        with self._lock:
            self._header = {"format": FORMAT, **header}
            self._entries = list(entries or [])
            self.number = max([self.number, number, *(entry["n"] for entry in self._entries)])
            self._isBroken = bool(entries)  # a crash may have left half a line at its end
            self._volume = volumeNode
            self._segmentation = segmentationNode
            self._known = {}
            self._states = {}
            if not isWhole:
                list(self._changes())
            self._saved = self._segmentStates() if waits else None

    def end(self) -> None:
        """Look no more; what is written stays."""
        self._volume = None
        self._segmentation = None

    def note(self) -> bool:
        """Write down what changed since the last call, on the disk when this returns.

        Returns:
            Whether anything had changed.

        Raises:
            OSError: it cannot be written.
        """
        if self._segmentation is None:
            return False
        with self._lock:
            if self._saved is not None and self._saved == self._segmentStates():
                return False
            self._saved = None
            if self._isBroken:
                self._rewrite()
            changes = list(self._changes())
            if changes:
                self._append(changes)
            return bool(changes)

    def covered(self, number: int) -> None:
        """Forget the entries up to a number: files hold them."""
        with self._lock:
            left = [entry for entry in self._entries if entry["n"] > number]
            if len(left) == len(self._entries):
                return
            self._entries = left
            if left:
                self._rewrite()
            else:
                self.path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Drop all that is written."""
        self.covered(self.number)
        self.path.unlink(missing_ok=True)

    # Below

    def _segmentStates(self) -> dict[str, tuple]:
        segmentation = self._segmentation.GetSegmentation()
        return {
            segmentID: labelmapState(segmentation.GetSegment(segmentID))
            for segmentID in segmentation.GetSegmentIDs()
        }

    def _changes(self) -> Iterator[Entry]:
        """An entry for each segment that is not as it was."""
        segmentation = self._segmentation.GetSegmentation()
        ids = list(segmentation.GetSegmentIDs())
        for segmentID in ids:
            state = labelmapState(segmentation.GetSegment(segmentID))
            if state != self._states.get(segmentID):
                self._states[segmentID] = state
                change = self._changeOf(segmentID)
                if change is not None:
                    yield change
        for segmentID in set(self._states) - set(ids):
            del self._states[segmentID]
            self._known.pop(segmentID, None)
            yield {"segment": segmentID, "gone": True}

    def _changeOf(self, segmentID: str) -> Entry | None:
        """What is other in a segment; None where only segments that share its voxels changed."""
        segment = self._segmentation.GetSegmentation().GetSegment(segmentID)
        patches = segmentPatches(self._segmentation, segmentID, self._volume, AXIS)
        about = {
            "name": segment.GetName() or "",  # none yet, as when its adding is done again
            "color": list(segment.GetColor()),
            "tag": tagOf(segment),
        }
        before = self._known.get(segmentID, ({}, [EMPTY_MASK] * len(patches)))
        self._known[segmentID] = about, patches
        pairs = enumerate(zip(patches, before[1], strict=True))
        changed = {index: encode_patch(now) for index, (now, old) in pairs if not now.equals(old)}
        if not changed and about == before[0]:
            return None
        return {"segment": segmentID, **about, "slices": changed}

    def _append(self, changes: list[Entry]) -> None:
        numbered = [
            {"n": number, **change} for number, change in enumerate(changes, self.number + 1)
        ]
        self.number += len(numbered)
        self._entries += numbered
        self._isBroken = True  # until all of it is on the disk
        isNew = not self.path.exists()
        if isNew:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as file:
            lines = [self._header, *self._entries] if isNew else numbered
            file.writelines(_line(values) for values in lines)
            file.flush()
            os.fsync(file.fileno())
        if isNew:
            flush(self.path.parent)
        self._isBroken = False

    def _rewrite(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".partial-{self.path.name}")
        lines = [_line(values) for values in (self._header, *self._entries)]
        partial.write_text("".join(lines), encoding="utf-8")
        flush(partial)
        os.replace(partial, self.path)
        self._isBroken = False


def readJournal(path: Path | str) -> tuple[Entry, list[Entry]] | None:
    """(header, entries) of a journal that a program left; None where there is none, or nothing in it.

    What a crash left half written at its end is left out.
    """
    lines = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
            lines.append(json.loads(line))
    if not lines or not _isHeader(lines[0]):
        return None
    entries = []
    for entry in lines[1:]:
        if not _isEntry(entry):
            break
        entries.append(entry)
    return (lines[0], entries) if entries else None


def strokesOf(entries: list[Entry], shape: tuple[int, ...]) -> dict[str, Strokes | None]:
    """{segment ID: what its last entries say, or None where it was removed}.

    Args:
        entries: as `readJournal` returns them.
        shape: (K, J, I) of the volume.

    Raises:
        ValueError: an entry is on no slice of the volume.
    """
    found: dict[str, Strokes | None] = {}
    for entry in entries:
        segmentID = entry["segment"]
        if entry.get("gone"):
            found[segmentID] = None
            continue
        before = found.get(segmentID)
        slices = dict(before.slices) if before else {}
        slices |= {
            _index(text, shape): decode_patch(patch, shape[1:]) for text, patch in _of(entry)
        }
        found[segmentID] = Strokes(entry["name"], tuple(entry["color"]), entry["tag"], slices)
    return found


def _of(entry: Entry) -> list[tuple[str, Any]]:
    return list(entry["slices"].items())


def _index(text: str, shape: tuple[int, ...]) -> int:
    if not 0 <= int(text) < shape[0]:
        raise ValueError(f"slice {text} is none of 0 to {shape[0] - 1}")
    return int(text)


def _line(values: Entry) -> str:
    return json.dumps(values, separators=(",", ":")) + "\n"


def _isHeader(values: Any) -> bool:
    return isinstance(values, dict) and values.get("format") == FORMAT


def _isEntry(values: Any) -> bool:
    if not isinstance(values, dict) or type(values.get("n")) is not int:
        return False
    kinds = {"segment": str, "name": str, "color": list, "slices": dict}
    isChange = all(isinstance(values.get(name), kind) for name, kind in kinds.items())
    return isChange or (isinstance(values.get("segment"), str) and values.get("gone") is True)
