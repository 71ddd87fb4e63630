"""How long and how fast a training learns; without torch."""

from __future__ import annotations

from dataclasses import dataclass

from SlicePropagationLib.errors import ConfigError

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "steps", "cosine", "plateau")
PRECISIONS = ("auto", "32-true", "bf16-mixed")
MOST_SEED = 2**32 - 1  # of what is random beside torch
LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "devices": 1,
    "nodes": 1,
    "max_hours": 0,
    "batches_per_epoch": 0,
    "seed": 0,
    "workers": 0,
    "averaging": 0,
    "learning_rate": 0,
    "weight_decay": 0,
    "factor": 0,
    "warmup_batches": 0,
    "clip_norm": 0,
    "patience": 0,
}


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast; defaults are those of the thesis.

    Attributes:
        epochs: most epochs, each of `batches_per_epoch` batches (0: all samples once).
        max_hours: end after that much training time, within an epoch if need be; "cosine" then
            follows whichever of time and epochs is further. 0: no limit.
        batch_size: samples per batch and device.
        optimizer: "adam", "adamw" or "sgd" (momentum 0.9), with `learning_rate` and `weight_decay`.
        schedule: "constant", "steps" (times `factor` at each of `milestones`), "cosine" (to 0 at
            the end) or "plateau" (times `factor`, instead of ending, when `patience` is over).
        warmup_batches: batches over which the learning rate rises.
        clip_norm: largest norm of the gradient, 0 for any.
        averaging: share of the old weights that the moving average, which is judged and kept,
            retains per batch (Polyak; EMA), 0 for no average.
        precision: "32-true", "bf16-mixed" or "auto": bf16-mixed on GPUs that compute with it,
            32-true elsewhere, because few CPUs are faster with it and most are slower.
        patience: end after that many epochs without a better score, 0 for never.
        seed: of everything random.
        workers: processes that load data.
        devices, nodes: how many GPUs (or CPU processes) of how many machines; started by Fabric's
            launcher.
    """

    epochs: int = 30
    max_hours: float = 0.0
    batches_per_epoch: int = 0
    batch_size: int = 8
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "steps"
    milestones: tuple[float, ...] = (10, 20, 25)
    factor: float = 0.1
    warmup_batches: int = 0
    clip_norm: float = 0.0
    averaging: float = 0.0
    precision: str = "auto"
    patience: int = 0
    seed: int = 0
    workers: int = 0
    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS or self.schedule not in SCHEDULES:
            raise ConfigError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)} and schedule one of"
                f" {', '.join(SCHEDULES)}, got '{self.optimizer}' and '{self.schedule}'."
            )
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"precision must be one of {', '.join(PRECISIONS)}, got '{self.precision}'."
            )
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:  # also refuses NaN
                raise ConfigError(f"{name} must be at least {least}, got {getattr(self, name)}.")
        if not self.averaging < 1:
            raise ConfigError(f"averaging must be below 1, got {self.averaging}.")
        if self.seed > MOST_SEED:
            raise ConfigError(f"seed must be at most {MOST_SEED}, got {self.seed}.")

    @property
    def num_processes(self) -> int:
        """How many processes learn together."""
        return self.devices * self.nodes
