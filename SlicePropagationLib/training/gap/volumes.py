"""Volumes to learn from, unpacked once into files that are mapped into memory."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.training.contracts import Cases, Report
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
    report: Report = None,
) -> list[Structure]:
    """Unpack the volumes of every case, make pseudo-objects and phantoms; list all structures.

    What was unpacked before stays.

    Args:
        cases: what is learnt from.
        folder: of the files; made if need be.
        num_pseudo: pseudo-objects in the image of each case.
        num_phantoms: synthetic volumes.
        report: called with a line of text now and then.

    Raises:
        OutputError: the folder cannot be written.
        SlicePropagationError: a case cannot be read.
    """
    structures = []
    for number, case in enumerate(cases, 1):
        name = f"{case.dataset}-{zlib.crc32(f'{case.dataset}/{case.name}'.encode()):08x}"
        values = {"image": _stamp(case.image), "labels": _stamp(case.label_map)}
        values |= {"pseudo": num_pseudo, "group": case.dataset, "version": __version__}
        structures += _remembered(folder, name, values) or _unpack(case, folder, name, values)
        if report and number % 50 == 0:
            report(f"{number} of {len(cases)} cases unpacked")
    for number in range(num_phantoms):
        name = f"phantom-{number}"
        values = {"version": __version__}
        structures += _remembered(folder, name, values) or _unpack_phantom(folder, name, values)
    return structures


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


def _remembered(folder: Path, name: str, values: dict) -> list[Structure] | None:
    """The structures of a volume that was unpacked in the same way; None where none was."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    if known["from"] != _fingerprint(values):
        return None
    return [_structure_of(entry) for entry in known["structures"]]


def _structure_of(entry: dict) -> Structure:
    """A Structure as JSON has it, whose tuples became lists."""
    box = tuple(tuple(ends) for ends in entry["box"])
    return Structure(**{**entry, "box": box, "spacing_mm": tuple(entry["spacing_mm"])})


def _fingerprint(values: dict) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _unpack(case, folder: Path, name: str, values: dict) -> list[Structure]:
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
    _write(folder, name, values, arrays, found)
    return found


def _unpack_phantom(folder: Path, name: str, values: dict) -> list[Structure]:
    phantom = make_phantom(np.random.default_rng(zlib.crc32(name.encode())))
    labels = phantom.mask.astype(np.uint8)
    arrays = {name: phantom.volume.astype(np.float32), f"{name}-labels": labels}
    found = list(_structures(labels, name, f"{name}-labels", PHANTOMS, phantom.spacing_mm))
    _write(folder, name, values, arrays, found)
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


def _write(folder: Path, name: str, values: dict, arrays: dict, found: list[Structure]) -> None:
    content = {"from": _fingerprint(values), "structures": [asdict(entry) for entry in found]}
    with atomic_folder(folder) as partial:
        for file, array in arrays.items():
            np.save(partial / f"{file}.npy", array)
        (partial / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
