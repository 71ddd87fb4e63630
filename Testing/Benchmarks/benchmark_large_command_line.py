"""Private memory of the command line with a volume of 4.2 GB, and a structure on all of its slices.

    python Testing/Benchmarks/benchmark_large_command_line.py [--slices 2000] [--image FILE.nrrd]
        [--engine registration] [--budget 3] [--folder FOLDER]

As `benchmark_large.py`, by commands, each in a process of its own: `propagate` from a seed in the
middle slice; from that result with three slices corrected (`--anchors`); the whole again from its
record (`--history`), as `.seg.nrrd`; and `simulate`, which corrects by itself. The seed is packed,
as an editor writes it, so that it is unpacked into the folder for caches.

The structure is on all slices, which no engine believes from one outline: a walk beyond the outermost
annotated slice ends after so many radii of the structure (1.8 with one annotated slice, 1 with several;
`TaperConfig`). The Dice is that of the slices where it was found.

Needs about 13 GB on the disk with 2000 slices (at least 182), in `--folder`, which is cleared of them
at the end.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from large_volume import MemoryWatch, disc_on, write_nrrd, write_volume

from SlicePropagationLib.files.segmentation_file import read_segmentation
from SlicePropagationLib.files.unpacked import FOLDER
from SlicePropagationLib.files.volume import Volume, read_volume

FURTHER = (30, 60, 90)  # so many slices behind the seed are corrected
LABEL = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=2000)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--engine", default="registration")
    parser.add_argument("--budget", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        os.environ[FOLDER] = str(Path(name) / "cache")
        image = arguments.image or Path(name) / "image.nrrd"
        if not image.is_file():
            write_volume(image, arguments.slices)
        print(f"{image.stat().st_size / 1e9:.1f} GB; engine {arguments.engine}")
        print(f"{'private memory in MB':34s}{'seconds':>8s}{'at most':>10s}")
        Person(image, Path(name), arguments.slices, arguments.engine).annotate(arguments.budget)


class Person:
    """Somebody at a terminal.

    Args:
        image: the volume.
        folder: of everything else.
        num_slices: of the volume.
        engine: what walks.
    """

    def __init__(self, image: Path, folder: Path, num_slices: int, engine: str) -> None:
        self._image = image
        self._folder = folder
        self._num_slices = num_slices
        self._engine = engine

    def annotate(self, budget: int) -> None:
        """Propagate, correct, propagate again, do all of it again from the record, simulate."""
        middle = self._num_slices // 2
        truth = self._folder / "truth.nrrd"
        write_nrrd(truth, map(disc_on, range(self._num_slices)), self._num_slices, np.uint8)
        seed = self._write_seed(middle)
        first, second, third = (
            self._folder / name for name in ("first.nrrd", "second.nrrd", "third.seg.nrrd")
        )
        self._do("propagated", "propagate", "--seed", seed, "--out", first)
        table = self._correct(first, [middle + step for step in FURTHER])
        corrected = [table.with_name("corrected.nrrd"), "--anchors", table]
        self._do("corrected, propagated again", "propagate", "--seed", *corrected, "--out", second)
        record = second.with_suffix(".json")
        self._do("from its record, to .seg.nrrd", "propagate", "--history", record, "--out", third)
        self._compare(second, third)
        words = ["--truth", truth, "--label", LABEL, "--budget", budget]
        self._do(f"simulated, {budget} annotated slices", "simulate", *words)

    def _do(self, what: str, command: str, *words: object) -> None:
        """Run a command, and print how long it took and the most that it held."""
        line = [command, "--image", self._image, *words, "--engine", self._engine, "--quiet"]
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "SlicePropagationLib", *map(str, line)],
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            watch = MemoryWatch(process.pid)
            said, _ = process.communicate()
        seconds = time.perf_counter() - began
        print(f"{what:34s}{seconds:8.1f}{watch.stop() / 1e6:10.0f}", flush=True)
        print(said, end="")
        assert process.returncode == 0, line

    # What a person's editor would do

    def _write_seed(self, index: int) -> Path:
        """The structure on one slice, packed."""
        import SimpleITK as sitk

        labels = np.zeros((self._num_slices, *disc_on(0).shape), np.uint8)
        labels[index] = disc_on(index)
        path = self._folder / "seed.nrrd"
        sitk.WriteImage(sitk.GetImageFromArray(labels), str(path), True)
        return path

    def _correct(self, result: Path, corrected: list[int]) -> Path:
        """A result with the structure as it is on some slices, and its table, which is returned."""
        labels = self._labels(result)

        def slices() -> Iterator[np.ndarray]:
            for index, found in enumerate(labels):
                yield LABEL * disc_on(index) if index in corrected else found

        path = self._folder / "corrected.nrrd"
        write_nrrd(path, slices(), self._num_slices, np.uint8)
        with open(result.with_suffix(".slices.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self._tell(labels)
        for row in rows:
            if int(row["slice"]) in corrected:
                row["provenance"] = "correction"
        table = path.with_suffix(".slices.csv")
        with open(table, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return table

    def _labels(self, result: Path) -> np.ndarray:
        return read_segmentation(result, self._volume()).labels

    def _volume(self) -> Volume:
        return read_volume(self._image, may_map=True)

    def _tell(self, labels: np.ndarray) -> None:
        """Print where the structure was found, and the overlap with what was drawn there."""
        shown = []
        shared = total = 0
        for index, found in enumerate(labels):
            mask, truth = found > 0, disc_on(index)
            if mask.any():
                shown.append(index)
                shared += np.count_nonzero(mask & truth)
                total += np.count_nonzero(mask) + np.count_nonzero(truth)
        print(
            f"  found on {len(shown)} slices, {shown[0]} to {shown[-1]}, Dice {2 * shared / total:.3f}"
            " there"
        )

    def _compare(self, second: Path, third: Path) -> None:
        """The result and the one from its record have the same voxels."""
        labels = self._labels(second)
        pairs = zip(labels, self._labels(third), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)
        self._tell(labels)


if __name__ == "__main__":
    main()
