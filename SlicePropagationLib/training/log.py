"""What a training writes down about every epoch: metrics.jsonl, log.csv and, where it is installed, TensorBoard."""

import csv
import json
import os


class EpochLog:
    """One line per epoch, in three forms.

    Args:
        folder: where the files are; made if need be.
    """

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = folder / "metrics.jsonl"
        self._writer = None

    def add(self, values):
        """Write {"epoch": number, name: number, ...} down."""
        with open(self._lines, "a") as file:
            file.write(json.dumps(values) + "\n")
        self._write_table()
        writer = self._tensorboard()
        if writer:
            for name, value in values.items():
                writer.add_scalar(name, value, values["epoch"])
            writer.flush()

    def keep_until(self, epoch):
        """Forget lines of later epochs: a training that was killed between its state and its log does them again."""
        if self._lines.is_file():
            kept = [line for line in self._lines.read_text().splitlines() if json.loads(line)["epoch"] <= epoch]
            partial = self._lines.with_suffix(".partial")
            partial.write_text("".join(line + "\n" for line in kept))
            os.replace(partial, self._lines)

    def _write_table(self):
        rows = [json.loads(line) for line in self._lines.read_text().splitlines()]
        with open(self.folder / "log.csv", "w", newline="") as file:
            table = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            table.writeheader()
            table.writerows(rows)

    def _tensorboard(self):
        if self._writer is None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                self._writer = False
            else:
                self._writer = SummaryWriter(self.folder / "tensorboard")
        return self._writer
