"""What is asked of `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.protocol import CORRECTIONS, PICKS
from SlicePropagationLib.files.volume import AXES


@dataclass(frozen=True)
class EvaluateRequest:
    """What is scored, and where the tables go.

    The same request again goes on where an earlier one in `out` ended.

    Attributes:
        cases: table with columns image, label and optionally split, dataset, case.
        out: folder of the tables and plots.
        engines: names of engines or model files; "NAME=MODEL.pt" names one for the tables.
        shots: numbers of annotated slices.
        split: only cases of this split ("all" for those of every one), or all where the table says
            none.
        datasets: only these data sets of the table; None for all.
        labels: only these labels; None for all.
        max_cases: only the first so many cases of each data set; None for all.
        min_slices: structures on fewer slices are left out.
        pick: the slice that is annotated first: "largest", "middle", or both.
        correct: slices that are corrected: "suggested", "worst", "uniform", "steps", or several.
        kinds: table with columns dataset, label, kind, which adds means per kind of structure.
        axis: the axis that is walked along: "i", "j" or "k".
        groups: table with columns group, dataset, which adds a mean over the sets of each group.
        left_out: groups of that table: all cases of their sets are scored, whatever their split.
        effort: annotators go on up to so many slices while Dice .95 is not reached; 0 for the
            largest of `shots`.
        prior: model file of a shape model, which adds how implausible each predicted shape is.
        workers: number of processes.
        scheduler: address of a Dask scheduler, instead of processes of our own.
        devices, nodes: GPUs (or CPU processes) of how many machines that share the cases, instead
            of `workers`.
        device: "auto", "cpu" or "cuda".
    """

    cases: Path | str
    out: Path | str
    engines: tuple[str, ...] = ("copy", "interpolation", "registration")
    shots: tuple[int, ...] = (1, 2, 3, 5)
    split: str = "val"
    datasets: tuple[str, ...] | None = None
    labels: tuple[int, ...] | None = None
    max_cases: int | None = None
    min_slices: int = 5
    pick: tuple[str, ...] = ("largest",)
    correct: tuple[str, ...] = ("suggested",)
    kinds: Path | str | None = None
    groups: Path | str | None = None
    left_out: tuple[str, ...] | None = None
    effort: int = 0
    axis: str = "k"
    prior: Path | str | None = None
    workers: int = 1
    scheduler: str | None = None
    devices: int = 1
    nodes: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("engines", "shots", "datasets", "left_out", "labels", "pick", "correct"):
            if isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a tuple, got '{getattr(self, name)}'.")
        _check_numbers(self.shots, "numbers of annotated slices")
        if self.labels is not None:
            _check_numbers(self.labels, "labels")
        _check_known(self.pick, PICKS, "pick")
        _check_known(self.correct, CORRECTIONS, "correct")
        check_choice("axis", self.axis, AXES)
        check_choice("device", self.device, DEVICES)
        if self.left_out and (self.datasets or not self.groups):
            raise ConfigError(
                "--left-out names groups of a table and chooses their data sets; give --groups with"
                " it, and no --datasets."
            )
        if self.effort < 0:
            raise ConfigError(f"effort must not be negative, got {self.effort}.")
        for name in ("max_cases", "min_slices", "workers", "devices", "nodes"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ConfigError(f"{name} must be at least 1, got {count}.")
        if self.scheduler and (self.workers > 1 or self.num_processes > 1):
            raise ConfigError(
                "--scheduler has the cases scored on its workers; give it without --workers,"
                " --devices and --nodes."
            )
        if self.workers > 1 and self.num_processes > 1:
            raise ConfigError(
                f"--workers {self.workers} are processes of this machine, --devices and --nodes those"
                " of several GPUs or machines; give one of them."
            )

    @property
    def num_processes(self) -> int:
        """How many processes share the cases by way of `devices` and `nodes`."""
        return self.devices * self.nodes


def _check_numbers(numbers: tuple[int, ...], meaning: str) -> None:
    if not numbers or min(numbers) < 1:
        listed = ",".join(map(str, numbers))
        raise ConfigError(f"'{listed}' is not a list of {meaning}; write for example 1,2,3,5.")


def _check_known(
    chosen: tuple[str, ...],
    known: tuple[str, ...],
    option: str,
) -> None:
    for name in chosen:
        if name not in known:
            raise ConfigError(f"--{option} does not know '{name}'; choose from {', '.join(known)}.")
