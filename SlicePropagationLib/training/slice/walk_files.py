"""Walks of many cases, recorded once and kept in files: what networks of walks learn from."""

import functools
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.orientation import letters_of
from SlicePropagationLib.pace import Pace
from SlicePropagationLib.training.contracts import Report
from SlicePropagationLib.training.preparation import prepared_on_cluster, whole_path
from SlicePropagationLib.training.slice.pseudo_objects import make_pseudo_objects
from SlicePropagationLib.training.slice.synthetic import make_phantom
from SlicePropagationLib.training.slice.walks import Walk, record_walks
from SlicePropagationLib.workers import in_order

MARK = "walks.json"
Arrays = dict[str, Any]  # what is kept of a source: {name: array}


@dataclass(frozen=True)
class Source:
    """Something to record walks of: a case, pseudo-objects in the image of a case, or phantoms.

    Attributes:
        name: file name of its walks.
        group: sources of a group are drawn as often, together, as those of any other group.
        image, label_map: files; without a label map pseudo-objects are made, without an image
            phantoms.
        config: which walks.
        num_made: how many pseudo-objects or phantoms to make.
    """

    name: str
    group: str
    image: str | None
    label_map: str | None
    config: Any
    num_made: int = 0


Record = Callable[[Source, np.random.Generator], Arrays]


def prepare_walks(
    sources: Sequence[Source],
    folder: Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    report: Report = None,
    record: Record | None = None,
) -> list[tuple[Path, str]]:
    """Record the walks of every source into `folder`.

    What was recorded before with the same configuration stays.

    Args:
        sources: what is recorded.
        folder: of the files; made if need be.
        workers: processes that record.
        scheduler: address of a Dask scheduler whose workers record, in place of processes.
        report: called with a line of text now and then.
        record: what is kept of a source, nothing where it has no walk; without it what
            `walks.record_walks` gives. It is called in other processes.

    Returns:
        [(path, group)] of the files that hold at least one walk.

    Raises:
        OutputError: the folder cannot be written.
        SlicePropagationError: a case cannot be read.
    """
    folder = Path(folder)
    waiting = [source for source in sources if not _is_done(folder, source)]
    if waiting and report:
        report(f"recording the walks of {len(waiting)} cases in {folder}")
    pace = Pace()
    recorded = _record_all(waiting, folder, workers, scheduler, record or guided_arrays)
    for done, _ in enumerate(recorded, 1):
        if report and (done % 20 == 0 or done == len(waiting)):
            told = pace.told(done, len(waiting))
            report(f"walks of {done} of {len(waiting)} cases recorded, {told}")
    paths = [(folder / f"{source.name}.npz", source.group) for source in sources]
    return [(path, group) for path, group in paths if path.is_file()]


def _record_all(
    sources: Sequence[Source],
    folder: Path,
    workers: int,
    scheduler: str | None,
    record: Record,
) -> Iterator[object]:
    keep = functools.partial(_record, folder=folder.resolve(), record=record)
    if scheduler:
        there = [_with_whole_paths(source) for source in sources]
        yield from prepared_on_cluster(
            keep, there, scheduler, folder, lambda source: _is_done(folder, source)
        )
        return
    if workers == 1:
        for source in sources:
            yield keep(source)
        return
    yield from in_order(keep, sources, workers)


def _with_whole_paths(source: Source) -> Source:
    return replace(
        source,
        image=source.image and whole_path(source.image),
        label_map=source.label_map and whole_path(source.label_map),
    )


def _record(source: Source, folder: Path, record: Record) -> None:
    """Write the walks of one source and the mark that it is done."""
    rng = np.random.default_rng(zlib.crc32(source.name.encode()))
    arrays = record(source, rng)
    with atomic_folder(folder) as partial:
        if arrays:
            np.savez(partial / f"{source.name}.npz", **arrays)
        (partial / f"{source.name}.{MARK}").write_text(_fingerprint(source), encoding="utf-8")


def guided_arrays(source: Source, rng: np.random.Generator) -> Arrays:
    """The walks of a source, for a network that registration guides."""
    walks = []
    for volume, spacing_mm, mask, towards in structures_of(source, rng):
        walks += record_walks(volume, spacing_mm, mask, source.config, rng, towards)
    return _arrays_of(walks) if walks else {}


def _arrays_of(walks: Sequence[Walk]) -> dict[str, Any]:
    """What is stored of walks, one behind the other; the names are those of earlier files."""
    return {
        "lengths": np.array([len(walk.maps) for walk in walks]),
        "seeds": np.stack([walk.seed for walk in walks]),
        "maps": np.concatenate([walk.maps for walk in walks]),
        "facts": np.concatenate([walk.scalar_features for walk in walks]),
        "squares": np.concatenate([walk.squares for walk in walks]),
        "truth": np.concatenate([walk.truth for walk in walks]),
    }


def structures_of(
    source: Source, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, Sequence[float], np.ndarray, str]]:
    """Yield (volume, spacing_mm, mask, where K, J, I count towards) of all structures."""
    if source.image is None:
        for _ in range(source.num_made):
            phantom = make_phantom(rng)
            yield phantom.volume, phantom.spacing_mm, phantom.mask, ""
        return
    volume = read_volume(source.image)
    towards = letters_of(volume.directions)
    if source.label_map is None:
        for mask in make_pseudo_objects(volume.array, volume.spacing_mm, source.num_made, rng):
            yield volume.array, volume.spacing_mm, mask, towards
        return
    labels, segments = read_labels(source.label_map, volume)
    for segment in segments:
        yield volume.array, volume.spacing_mm, labels == segment.label, towards


def _fingerprint(source: Source) -> str:
    values = {**asdict(source), "version": __version__, "slices": "upright"}
    for name in ("image", "label_map"):
        if values[name]:
            state = Path(values[name]).stat()
            values[name] = (Path(values[name]).name, state.st_size, state.st_mtime_ns)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _is_done(folder: Path, source: Source) -> bool:
    mark = folder / f"{source.name}.{MARK}"
    return mark.is_file() and mark.read_text(encoding="utf-8") == _fingerprint(source)
