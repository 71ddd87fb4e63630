"""Unsaved work on a large volume: masks as patches of slices, each file with what changed since the one before.

A file begins a chain with all that is drawn, or names the folder before it. Beside each stand the table
of all slices, and a record, whose history likewise has what came since the one before.
"""

import itertools
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.mapped_file import MappedImage
from SlicePropagationLib.files.nifti_forms import Placement
from SlicePropagationLib.files.record import names_file, read_record, write_record
from SlicePropagationLib.files.segmentation_file import Segmentation, write_layers
from SlicePropagationLib.files.segments import Segment, segment_fields
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.patch import EMPTY_MASK, Patch, decode_patch, encode_patch
from SlicePropagationLib.pipelines.result_files import describe, segment_tags
from SlicePropagationLib.pipelines.result_layers import session_layers
from SlicePropagationLib.pipelines.slices_table import slice_rows, write_rows
from SlicePropagationLib.session import AnnotationSession, Event, SliceState
from SlicePropagationLib.stack import SliceStack

FORMAT = 1
PATCHES = "annotation.patches.json"
TABLE = "annotation.slices.csv"
RECORD = "annotation.json"
TOLERANCE = 1e-3  # of what two files say of the same grid, in mm
LONGEST = 64  # files of a chain; the next one begins another
EVENTS_BEFORE = "events_before"  # in a record: how many events of the ones before it still count

Masks = dict[tuple[int, int], Patch]  # {(label, slice): what is drawn}, without empty ones
log = logging.getLogger(__name__)


class PatchChain:
    """Writes what changed since it wrote last, or all of it where that is no longer there.

    What is written counts once `keep` says where it lies.
    """

    def __init__(self) -> None:
        self._last: Path | None = None
        self._length = 0
        self._about: tuple[Any, ...] = ()
        self._masks: Masks = {}
        self._events: list[Event] = []
        self._next: tuple[int, tuple[Any, ...], Masks, list[Event]] = (0, (), {}, [])

    def forget(self) -> None:
        """Begin anew: what was written is gone."""
        self._last = None

    def write(
        self,
        folder: Path,
        volume: Volume,
        session: AnnotationSession,
        segments: Sequence[Segment],
        engine: Any,
        page: dict[str, Any],
    ) -> bool:
        """Write patches, table and record into a folder.

        Args:
            folder: that is there, and empty.
            volume: that the work is on.
            session: a copy that nobody else changes meanwhile.
            segments: what the session's labels mean.
            engine: what walked last.
            page: what the record says of the page.

        Returns:
            Whether it begins a chain, so that those before it are not needed any more.
        """
        written = [segment for segment in segments if segment.label in session.labels]
        masks = _masks(session)
        about = (session.stack.axis, volume.array.shape, *((s.label, s.id) for s in written))
        before = self._last if about == self._about and self._length < LONGEST else None
        if before is not None and not before.is_dir():
            before = None
        changed = masks if before is None else _changes(self._masks, masks)
        num_before = 0 if before is None else _num_same(self._events, session.history)
        values = {
            "format": FORMAT,
            "axis": session.stack.axis,
            "shape": list(volume.array.shape),
            "grid": _grid(volume),
            "segments": _described(written, segment_tags(session, engine, volume)),
            "slices": _encoded(changed),
        }
        text = json.dumps(values, separators=(",", ":"))
        (folder / PATCHES).write_text(text, encoding="utf-8")
        write_rows(folder / TABLE, slice_rows(session, segments))
        record = describe(session, segments, engine, 0.0, num_before)
        record |= {"page": page, "before": before.name if before else None}
        write_record(folder, RECORD, record | {EVENTS_BEFORE: num_before})
        length = self._length + 1 if before else 1
        self._next = length, about, masks, list(session.history)
        return before is None

    def keep(self, folder: Path) -> None:
        """What was written is on the disk, as this folder."""
        self._last = folder
        self._length, self._about, self._masks, self._events = self._next


def _masks(session: AnnotationSession) -> Masks:
    count = len(session.stack)
    found = {
        (label, index): session.state(label, index).patch
        for label, index in itertools.product(session.labels, range(count))
    }
    return {place: patch for place, patch in found.items() if not patch.is_empty}


def _changes(before: Masks, now: Masks) -> Masks:
    """What is other than before; what is gone is empty."""
    changed = {}
    for place in before.keys() | now.keys():
        old, new = before.get(place, EMPTY_MASK), now.get(place, EMPTY_MASK)
        if old is not new and not old.equals(new):
            changed[place] = new
    return changed


def _num_same(before: Sequence[Event], now: Sequence[Event]) -> int:
    """How many events two histories begin with alike: after an undo, fewer than there were."""
    pairs = itertools.takewhile(lambda pair: _is_same(*pair), zip(before, now, strict=False))
    return sum(1 for _ in pairs)


def _is_same(before: Event, now: Event) -> bool:
    """Whether two events say the same; masks are mostly the same object, and are not compared then."""
    if before.keys() != now.keys():
        return False
    for name, old in before.items():
        new = now[name]
        if isinstance(old, Patch) and isinstance(new, Patch):
            is_same = old is new or old.equals(new)
        else:
            is_same = type(old) is type(new) and old == new
        if not is_same:
            return False
    return True


def _encoded(masks: Masks) -> dict[str, dict[str, Any]]:
    """{label: {slice: patch}}, as JSON has it."""
    slices: dict[str, dict[str, Any]] = {}
    for (label, index), patch in sorted(masks.items(), key=lambda item: item[0]):
        slices.setdefault(str(label), {})[str(index)] = encode_patch(patch)
    return slices


def _grid(volume: Volume) -> dict[str, list[float]]:
    image = volume.image
    return {
        "spacing_mm": list(image.GetSpacing()),
        "origin_mm": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
    }


def _described(segments: Sequence[Segment], tags: Any) -> list[dict[str, Any]]:
    return [
        {
            "label": segment.label,
            "name": segment.name,
            "id": segment.id,
            "color": list(segment.color),
            "tags": segment_fields(segment, tags)["Tags"],
            "layer": segment.layer,
            "value": segment.value,
            "kept": [list(pair) for pair in segment.kept],
        }
        for segment in segments
    ]


# Reading


@dataclass(frozen=True)
class KeptMasks:
    """The masks that a chain makes, as `session_layers` asks a session for them.

    Attributes:
        labels: ascending.
        stack: the slices, without an image.
        masks: what is drawn.
        segments: what the labels mean.
        volume: the grid, without voxels.
    """

    labels: tuple[int, ...]
    stack: SliceStack
    masks: Masks
    segments: tuple[Segment, ...]
    volume: Volume

    def state(self, label: int, index: int) -> SliceState:
        """The mask of a label on a slice."""
        return SliceState(self.masks.get((label, index), EMPTY_MASK))

    def on(self, volume: Volume) -> Segmentation:
        """The same as layers on the grid of a volume.

        Raises:
            GeometryMismatchError: they are of another grid.
        """
        ours, theirs = (_grid(each) for each in (self.volume, volume))
        is_same = all(np.allclose(ours[name], theirs[name], atol=TOLERANCE) for name in ours)
        if self.volume.array.shape != volume.array.shape or not is_same:
            raise GeometryMismatchError(
                "The unsaved work is on an image of another grid; put the image back that it is on."
            )
        return self.segmentation()

    def segmentation(self) -> Segmentation:
        """The same as layers."""
        layers, placed = session_layers(self, self.segments)  # type: ignore[arg-type]
        return Segmentation(tuple(layers), tuple(placed), is_described=True)


def chain_of(folder: Path) -> list[Path] | None:
    """The folders that make the masks of one together, the first one first.

    None where one of them is gone, or is not as it was written.
    """
    chain: list[Path] = []
    try:
        while True:
            record = read_record(folder / RECORD)
            if folder in chain or not names_file(record, folder / PATCHES):
                raise InputError(f"{folder / PATCHES} is not as it was written.")
            chain.insert(0, folder)
            before = record["before"]
            if before is None:
                return chain
            folder = folder.with_name(before)
    except (InputError, KeyError, TypeError, ValueError) as error:
        log.warning("What was kept in %s cannot be used: %s", folder, error)
        return None


def read_patches(path: Path | str) -> KeptMasks:
    """The masks of a file of patches, and of those before it.

    Raises:
        InputError: one of them is gone, or cannot be read.
    """
    path = Path(path)
    chain = chain_of(path.parent)
    if chain is None:
        raise InputError(f"{path} is of work whose earlier parts are gone; it cannot be shown.")
    masks: Masks = {}
    values: dict[str, Any] = {}
    try:
        for folder in chain:
            values = read_record(folder / PATCHES, "a file of patches")
            shape = tuple(values["shape"])
            in_slice = (*shape[: values["axis"]], *shape[values["axis"] + 1 :])
            for label, slices in values["slices"].items():
                for index, patch in slices.items():
                    masks[int(label), int(index)] = decode_patch(patch, in_slice)
        return _kept(values, masks)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); discard it.") from error


def _history(folder: Path) -> list[Any]:
    """The events of the work that a folder is the last one of, as records have them.

    Raises:
        InputError: a record has none.
    """
    events: list[Any] = []
    try:
        for each in chain_of(folder) or []:
            record = read_record(each / RECORD)
            # records of earlier versions have all of it each, and do not say how much came before
            events = events[: record.get(EVENTS_BEFORE, 0)] + record["history"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / RECORD} cannot be read ({error}); discard it.") from error
    return events


def _kept(values: dict[str, Any], masks: Masks) -> KeptMasks:
    segments = tuple(
        Segment(
            each["label"],
            each["name"],
            each["id"],
            tuple(each["color"]),
            each["tags"],
            each["layer"],
            each["value"],
            tuple((name, text) for name, text in each["kept"]),
        )
        for each in values["segments"]
    )
    nothing = np.broadcast_to(np.uint8(0), values["shape"])
    grid = values["grid"]
    direction = np.reshape(grid["direction"], (3, 3))
    placement = Placement(tuple(grid["spacing_mm"]), tuple(grid["origin_mm"]), direction)
    volume = Volume(nothing, MappedImage(nothing, placement), Path(PATCHES))  # type: ignore[arg-type]
    stack = _Slices(np.moveaxis(nothing, values["axis"], 0), values["axis"])
    labels = tuple(sorted(segment.label for segment in segments))
    return KeptMasks(labels, stack, masks, segments, volume)


class _Slices(SliceStack):
    """Slices whose image is not there: nothing is checked, and nothing copied."""

    def __init__(self, images: np.ndarray, axis: int) -> None:
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "axis", axis)


def write_whole(path: Path | str, folder: Path, stem: str) -> None:
    """Make result files of a file of patches, and of those before it.

    Args:
        path: of the patches.
        folder: where the result goes.
        stem: of its files.

    Raises:
        InputError: it cannot be read.
        OutputError: the folder cannot be written.
    """
    path = Path(path)
    kept = read_patches(path)
    found = kept.segmentation()
    record = read_record(path.with_name(RECORD)) | {"history": _history(path.parent)}
    with atomic_folder(folder) as partial:
        write_layers(partial / f"{stem}.seg.nrrd", found.layers, kept.volume, found.segments)
        table = path.with_name(TABLE).read_text(encoding="utf-8")
        (partial / f"{stem}.slices.csv").write_text(table, encoding="utf-8")
        own = ("before", EVENTS_BEFORE, "files")
        rest = {name: value for name, value in record.items() if name not in own}
        write_record(partial, f"{stem}.json", rest)
