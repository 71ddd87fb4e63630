"""Walks of many cases, recorded once and kept in files: what the `default` preset learns from."""

import hashlib
import json
import multiprocessing
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.training.slice.pseudo_objects import make_pseudo_objects
from SlicePropagationLib.training.slice.synthetic import make_phantom
from SlicePropagationLib.training.slice.walks import WalksConfig, record_walks

MARK = "walks.json"


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
    config: WalksConfig
    num_made: int = 0


def prepare_walks(sources, folder, *, workers=1, report=None):
    """Record the walks of every source into `folder`, unless that was done before with the same configuration.

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
    for done, _ in enumerate(_record_all(waiting, folder, workers), 1):
        if report and (done % 20 == 0 or done == len(waiting)):
            report(f"walks of {done} of {len(waiting)} cases recorded")
    paths = [(folder / f"{source.name}.npz", source.group) for source in sources]
    return [(path, group) for path, group in paths if path.is_file()]


def _record_all(sources, folder, workers):
    if workers == 1:
        yield from (_record(source, folder) for source in sources)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_record, sources, [folder] * len(sources))


def _record(source, folder):
    """Write the walks of one source and the mark that it is done."""
    rng = np.random.default_rng(zlib.crc32(source.name.encode()))
    walks = [
        walk
        for volume, spacing_mm, mask in _structures(source, rng)
        for walk in record_walks(volume, spacing_mm, mask, source.config, rng)
    ]
    with atomic_folder(folder) as partial:
        if walks:
            np.savez(
                partial / f"{source.name}.npz",
                lengths=[len(walk.maps) for walk in walks],
                seeds=np.stack([walk.seed for walk in walks]),
                **{
                    name: np.concatenate([getattr(walk, name) for walk in walks])
                    for name in ("maps", "facts", "squares", "truth")
                },
            )
        (partial / f"{source.name}.{MARK}").write_text(_fingerprint(source), encoding="utf-8")


def _structures(source, rng):
    """Yield (volume, spacing_mm, mask) of every structure of a source."""
    if source.image is None:
        for _ in range(source.num_made):
            phantom = make_phantom(rng)
            yield phantom.volume, phantom.spacing_mm, phantom.mask
        return
    volume = read_volume(source.image)
    if source.label_map is None:
        for mask in make_pseudo_objects(volume.array, volume.spacing_mm, source.num_made, rng):
            yield volume.array, volume.spacing_mm, mask
        return
    labels, segments = read_labels(source.label_map, volume)
    for segment in segments:
        yield volume.array, volume.spacing_mm, labels == segment.label


def _fingerprint(source):
    values = {**asdict(source), "version": __version__}
    for name in ("image", "label_map"):
        if values[name]:
            state = Path(values[name]).stat()
            values[name] = (Path(values[name]).name, state.st_size, state.st_mtime_ns)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _is_done(folder, source):
    mark = folder / f"{source.name}.{MARK}"
    return mark.is_file() and mark.read_text(encoding="utf-8") == _fingerprint(source)
