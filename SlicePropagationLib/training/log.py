"""What a training writes down about every epoch.

That is metrics.jsonl, log.csv and, where it is installed, TensorBoard's events.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from SlicePropagationLib.errors import OutputError
from SlicePropagationLib.files.atomic import atomic_folder

LINES = "metrics.jsonl"


class EpochLog:
    """One line per epoch, in three forms.

    Args:
        folder: where the files are; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = folder / LINES
        self._writer: Any = None

    def add(self, values: dict[str, float]) -> None:
        """Write {"epoch": number, name: number, ...} down.

        Raises:
            OutputError: the folder is full or can no longer be written.
        """
        try:
            with open(
                self._lines,
                "a",
                encoding="utf-8",
                newline="\n",
            ) as file:
                file.write(json.dumps(values) + "\n")
            self._add_to_tensorboard(values)
        except OSError as error:
            raise OutputError(
                f"The log cannot be written to {self.folder} ({error}); free space there, and the"
                " same command goes on."
            ) from error
        self._write_table()

    def keep_until(self, epoch: int) -> None:
        """Forget lines of later epochs, and one that was cut short.

        A training that was killed before it wrote its state does them again.
        """
        if not self._lines.is_file():
            return
        lines = self._lines.read_text(encoding="utf-8").splitlines()
        kept = "".join(line + "\n" for line in lines if _epoch_of(line) <= epoch)
        with atomic_folder(self.folder) as partial:
            (partial / self._lines.name).write_text(kept, encoding="utf-8", newline="\n")

    def _write_table(self) -> None:
        rows = [json.loads(line) for line in self._lines.read_text(encoding="utf-8").splitlines()]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (
            atomic_folder(self.folder) as partial,
            open(
                partial / "log.csv",
                "w",
                newline="",
                encoding="utf-8",
            ) as file,
        ):
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(rows)

    def _add_to_tensorboard(self, values: dict[str, float]) -> None:
        writer = self._tensorboard()
        if writer:
            for name, value in values.items():
                writer.add_scalar(name, value, values["epoch"])
            writer.flush()

    def _tensorboard(self) -> Any:
        """TensorBoard's writer; False where it is not installed."""
        if self._writer is None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                self._writer = False
            else:
                self._writer = SummaryWriter(self.folder / "tensorboard")
        return self._writer


def epoch_line(
    values: dict[str, float],
    seconds: float,
    *,
    is_better: bool,
) -> str:
    """What is told of an epoch: its losses and metrics, the time so far, and a star for the best.

    Args:
        values: losses and metrics by name.
        seconds: training time so far.
        is_better: whether none was better.
    """
    listed = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
    mark = " *" if is_better else ""
    return f"{listed}, {seconds / 60:.1f} min{mark}"


def updates_of(folder: Path) -> int | None:
    """How many updates the training in a folder has had; None where its log does not say."""
    path = folder / LINES
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    return json.loads(lines[-1]).get("updates") if lines else None


def _epoch_of(line: str) -> float:
    """The epoch of a line of metrics.jsonl; later than any for a line that is not whole."""
    try:
        return json.loads(line)["epoch"]
    except ValueError:
        return float("inf")
