"""Volumes to learn from, unpacked once into files that are mapped into memory."""

from __future__ import annotations

import functools
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pace import Pace
from SlicePropagationLib.training.contracts import Cases, Report
from SlicePropagationLib.training.preparation import prepared_on_cluster, whole_path
from SlicePropagationLib.training.slice.pseudo_objects import make_pseudo_objects
from SlicePropagationLib.training.slice.synthetic import make_phantom

MIN_SLICES = 4
PHANTOMS = "phantoms"
PSEUDO_OBJECTS = "pseudo-objects"


@dataclass(frozen=True)
class Structure:
    """One labelled structure of a volume.

    Attributes:
        volume: name of the volume's files,
        label_map: and of the label map that it is in.
        label: its value there.
        group: structures of a group are drawn as often, together, as those of any other group.
        box: ((first, last), ...) voxels along k, j and i, both included.
        spacing_mm: along k, j and i.
    """

    volume: str
    label_map: str
    label: int
    group: str
    box: tuple[tuple[int, int], ...]
    spacing_mm: tuple[float, ...]


def prepare_volumes(
    cases: Cases,
    folder: Path,
    *,
    num_pseudo: int = 0,
    num_phantoms: int = 0,
    scheduler: str | None = None,
    report: Report = None,
) -> list[Structure]:
    """Unpack the volumes of every case, make pseudo-objects and phantoms; list all structures.

    What was unpacked before stays.

    Args:
        cases: what is learnt from.
        folder: of the files; made if need be.
        num_pseudo: pseudo-objects in the image of each case.
        num_phantoms: synthetic volumes.
        scheduler: address of a Dask scheduler whose workers unpack and make them.
        report: called with a line of text now and then.

    Raises:
        OutputError: the folder cannot be written.
        SlicePropagationError: a case cannot be read.
    """
    sources = [_source_of(case, num_pseudo) for case in cases]
    sources += [
        _Source(f"phantom-{number}", {"version": __version__}) for number in range(num_phantoms)
    ]
    if scheduler:
        _unpack_on_cluster(sources, folder, scheduler, report)
    structures = []
    for number, source in enumerate(sources, 1):
        known = _remembered(folder, source)
        structures += _unpack(source, folder) if known is None else known
        if report and number % 50 == 0:
            report(f"{number} of {len(sources)} volumes unpacked")
    return structures


@dataclass(frozen=True)
class _Source:
    """What volumes are unpacked of, or made.

    Attributes:
        name: of its files.
        values: what they depend on.
        case: None of a phantom.
    """

    name: str
    values: dict
    case: TrainingCase | None = None


def _source_of(case: TrainingCase, num_pseudo: int) -> _Source:
    name = f"{case.dataset}-{zlib.crc32(f'{case.dataset}/{case.name}'.encode()):08x}"
    values = {"image": _stamp(case.image), "labels": _stamp(case.label_map)}
    values |= {"pseudo": num_pseudo, "group": case.dataset, "version": __version__}
    return _Source(name, values, case)


def _unpack_on_cluster(
    sources: Sequence[_Source], folder: Path, scheduler: str, report: Report
) -> None:
    """Have the workers of a cluster unpack what was not unpacked before."""
    waiting = [
        _with_whole_paths(source) for source in sources if _remembered(folder, source) is None
    ]
    unpack = functools.partial(_unpack, folder=folder.resolve())
    is_there = functools.partial(_is_unpacked, folder=folder)
    pace = Pace()
    done = prepared_on_cluster(unpack, waiting, scheduler, folder, is_there)
    for number, _ in enumerate(done, 1):
        if report and (number % 50 == 0 or number == len(waiting)):
            told = pace.told(number, len(waiting))
            report(f"{number} of {len(waiting)} volumes unpacked on {scheduler}, {told}")


def _is_unpacked(source: _Source, folder: Path) -> bool:
    return _remembered(folder, source) is not None


def _with_whole_paths(source: _Source) -> _Source:
    case = source.case
    if case is None:
        return source
    there = replace(case, image=whole_path(case.image), label_map=whole_path(case.label_map))
    return replace(source, case=there)


def stored_structures(folder: Path) -> list[Structure]:
    """All structures of the volumes that were unpacked into a folder, wherever they came from."""
    structures = []
    for path in sorted(folder.glob("*.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        structures += map(_structure_of, known["structures"])
    return structures


def load(folder: Path, name: str) -> np.ndarray:
    """A (K, J, I) array that was unpacked, read-only and in its file until it is used."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def _stamp(path: str) -> list[int | str]:
    state = Path(path).stat()
    return [Path(path).name, state.st_size, state.st_mtime_ns]


def _remembered(folder: Path, source: _Source) -> list[Structure] | None:
    """The structures of a volume that was unpacked in the same way; None where none was."""
    path = folder / f"{source.name}.json"
    if not path.is_file():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    if known["from"] != _fingerprint(source.values):
        return None
    return [_structure_of(entry) for entry in known["structures"]]


def _structure_of(entry: dict) -> Structure:
    """A Structure as JSON has it, whose tuples became lists."""
    box = tuple(tuple(ends) for ends in entry["box"])
    return Structure(**{**entry, "box": box, "spacing_mm": tuple(entry["spacing_mm"])})


def _fingerprint(values: dict) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _unpack(source: _Source, folder: Path) -> list[Structure]:
    if source.case is None:
        return _make_phantom(source, folder)
    case, name, values = source.case, source.name, source.values
    volume = read_volume(case.image)
    labels, _ = read_labels(case.label_map, volume)
    arrays = {name: _compact(volume.array), f"{name}-labels": labels}
    spacing = tuple(float(value) for value in volume.spacing_mm)
    found = list(_structures(labels, name, f"{name}-labels", case.dataset, spacing))
    if values["pseudo"]:
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        made = np.zeros(labels.shape, np.uint8)
        masks = make_pseudo_objects(volume.array, spacing, values["pseudo"], rng)
        for label, mask in enumerate(masks, 1):
            made[mask] = label
        arrays[f"{name}-pseudo"] = made
        found += _structures(made, name, f"{name}-pseudo", PSEUDO_OBJECTS, spacing)
    _write(folder, source, arrays, found)
    return found


def _make_phantom(source: _Source, folder: Path) -> list[Structure]:
    name = source.name
    phantom = make_phantom(np.random.default_rng(zlib.crc32(name.encode())))
    labels = phantom.mask.astype(np.uint8)
    arrays = {name: phantom.volume.astype(np.float32), f"{name}-labels": labels}
    found = list(_structures(labels, name, f"{name}-labels", PHANTOMS, phantom.spacing_mm))
    _write(folder, source, arrays, found)
    return found


def _compact(array: np.ndarray) -> np.ndarray:
    """The same values with 16 bits where these hold them."""
    small = array.astype(np.int16)
    return small if np.array_equal(small, array) else array.astype(np.float32)


def _structures(
    labels: Labels, volume: str, label_map: str, group: str, spacing_mm: Sequence[float]
) -> Iterator[Structure]:
    for label in np.unique(labels):
        if label == 0:
            continue
        mask = labels == label
        box = []
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            shown = np.flatnonzero(mask.any(axis=others))
            box.append((int(shown[0]), int(shown[-1])))
        if max(last - first for first, last in box) + 1 >= MIN_SLICES:
            yield Structure(volume, label_map, int(label), group, tuple(box), tuple(spacing_mm))


def _write(folder: Path, source: _Source, arrays: dict, found: list[Structure]) -> None:
    content = {
        "from": _fingerprint(source.values),
        "structures": [asdict(entry) for entry in found],
    }
    with atomic_folder(folder) as partial:
        for file, array in arrays.items():
            np.save(partial / f"{file}.npy", array)
        (partial / f"{source.name}.json").write_text(json.dumps(content), encoding="utf-8")
