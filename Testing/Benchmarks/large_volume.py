"""A volume larger than what a program may take, and the memory that it does take."""

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np

IN_SLICE = 1024
NUM_NOISES = 8  # slices of noise, which take turns
LOOK_S = 0.05  # between two looks at the memory


def disc_on(index: int) -> np.ndarray:
    """Where the structure is on a slice, which is on all of them: bool."""
    rows, columns = np.ogrid[:IN_SLICE, :IN_SLICE]
    turn = index / 300
    return np.hypot(rows - 512 - 40 * np.sin(turn), columns - 512 - 40 * np.cos(turn)) < 120


def write_volume(path: Path, num_slices: int) -> None:
    """Noise, and a disc that winds through all slices."""
    random = np.random.default_rng(0)
    noises = [
        random.normal(300, 15, (IN_SLICE, IN_SLICE)).astype(np.uint16) for _ in range(NUM_NOISES)
    ]
    slices = (
        noises[index % NUM_NOISES] + np.uint16(200) * disc_on(index) for index in range(num_slices)
    )
    write_nrrd(path, slices, num_slices, np.uint16)


def write_nrrd(path: Path, slices: Iterable[np.ndarray], num_slices: int, kind: type) -> None:
    """Slices of one (uint8) or two bytes (uint16) a voxel, one after the other, not compressed."""
    word = {np.uint8: b"uchar", np.uint16: b"ushort"}[kind]
    with open(path, "wb") as file:
        sizes = f"sizes: {IN_SLICE} {IN_SLICE} {num_slices}\n"
        file.write(b"NRRD0004\ntype: " + word + b"\ndimension: 3\n" + sizes.encode())
        file.write(b"endian: little\nencoding: raw\n\n")
        for voxels in slices:
            file.write(voxels.astype(np.dtype(kind).newbyteorder("<")).tobytes())


def private_bytes(process: int) -> int:
    """What is anonymous in a process and those that it started (Linux)."""
    children: dict[int, list[int]] = {}
    held: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # it is gone
            lines = path.read_text(encoding="utf-8").splitlines()
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            number = int(path.parent.name)
            children.setdefault(int(fields["PPid"]), []).append(number)
            held[number] = 1024 * int(fields.get("RssAnon", "0").split()[0])
    found, waiting = 0, [process]
    while waiting:
        number = waiting.pop()
        found += held.get(number, 0)
        waiting += children.get(number, [])
    return found


class MemoryWatch:
    """Looks at the memory of a process, and of those that it starts, all the time."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._most = self._highest = 0
        self._is_over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_S):
            self._most = max(self._most, private_bytes(self._process))
            self._highest = max(self._highest, self._most)

    def begin(self) -> None:
        """Print what the columns of `show` are."""
        print(f"{'private memory in MB':34s}{'seconds':>8s}{'then':>10s}{'at most':>10s}")

    def show(self, what: str, seconds: float) -> None:
        """Print what is held now, and the most since the last call."""
        now, most = private_bytes(self._process), self._most
        self._most = 0
        print(f"{what:34s}{seconds:8.1f}{now / 1e6:10.0f}{most / 1e6:10.0f}", flush=True)

    def end(self) -> None:
        """Look no more, and print the most of all."""
        print(f"{'the most':52s}{self.stop() / 1e6:10.0f}", flush=True)

    def stop(self) -> int:
        """Look no more; the most of all, in bytes."""
        self._is_over.set()
        return self._highest
