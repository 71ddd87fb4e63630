"""The only training loop: any task, on Lightning Fabric; killed at any moment, it goes on after the last finished epoch."""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.seed import seed_everything

from SlicePropagationLib.checkpoint import save_checkpoint
from SlicePropagationLib.errors import ConfigError, TrainingError
from SlicePropagationLib.training.log import EpochLog

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "steps", "cosine")


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast; defaults are those of the thesis.

    Attributes:
        epochs: most epochs, each of `batches_per_epoch` batches (0: all samples once).
        max_hours: end after that much training time; the schedule then follows the time instead of the epochs. 0: no limit.
        batch_size: samples per batch and device.
        optimizer: "adam" or "adamw", with `learning_rate` and `weight_decay`.
        schedule: "constant", "steps" (times `factor` at each of `milestones`) or "cosine" (to 0 at the end).
        warmup_batches: batches over which the learning rate rises.
        clip_norm: largest norm of the gradient, 0 for any.
        precision: as Fabric names it; "auto" is bf16-mixed on CUDA and 32-true on a CPU.
        patience: end after that many epochs without a better score, 0 for never.
        seed: of everything random.
        workers: processes that load data.
        devices, nodes: how many GPUs (or CPU processes) of how many machines; started by Fabric's launcher.
    """

    epochs: int = 30
    max_hours: float = 0.0
    batches_per_epoch: int = 0
    batch_size: int = 8
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "steps"
    milestones: tuple[int, ...] = (10, 20, 25)
    factor: float = 0.1
    warmup_batches: int = 0
    clip_norm: float = 0.0
    precision: str = "auto"
    patience: int = 0
    seed: int = 0
    workers: int = 0
    devices: int = 1
    nodes: int = 1

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS or self.schedule not in SCHEDULES:
            raise ConfigError(f"optimizer must be one of {', '.join(OPTIMIZERS)} and schedule one of {', '.join(SCHEDULES)}, "
                              f"got '{self.optimizer}' and '{self.schedule}'.")
        if min(self.epochs, self.batch_size) < 1:
            raise ConfigError(f"epochs and batch_size must be at least 1, got {self.epochs} and {self.batch_size}.")


def fit(task, train_data, val_data, config, out, *, device="auto", report=None):
    """Train a task, keep its best and its last weights; started again with the same folder, it goes on.

    Args:
        task: an nn.Module whose forward(batch) returns {"total": loss, ...}, with `metrics(batch)` (values and their "count"), `score` (the
            metric to maximise), `family`, `config` and `network`.
        train_data, val_data: torch Datasets. `train_data` may have `weights()` (draw by weight, with replacement) and
            `set_progress(fraction)`, called before every epoch.
        config: a LoopConfig.
        out: folder for best.pt, last.pt, state.ckpt, metrics.jsonl, log.csv and TensorBoard's events.
        device: "auto", "cpu" or "cuda".
        report: called with a line of text after every epoch.

    Returns:
        Path of the best weights.

    Raises:
        TrainingError: the loss is no longer a number.
        OutputError: the folder cannot be written.
    """
    return _Training(task, train_data, val_data, config, Path(out), device, report or (lambda text: None)).run()


class _Training:
    """The state of one call of `fit`."""

    def __init__(self, task, train_data, val_data, config, out, device, report):
        torch.set_flush_denormal(True)          # a CPU slows down tenfold on the tiny numbers of a trained network
        self.config, self.out, self.report = config, out, report
        self.fabric = Fabric(accelerator=device, devices=config.devices, num_nodes=config.nodes, precision=_precision(config, device))
        if config.devices * config.nodes > 1:
            self.fabric.launch()
        seed_everything(config.seed + self.fabric.global_rank, verbose=False)
        self.plain_task, self.train_data = task, train_data
        optimizer = OPTIMIZERS[config.optimizer](task.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.task, self.optimizer = self.fabric.setup(task, optimizer)
        self.task.mark_forward_method("metrics")
        self.val_loader = self.fabric.setup_dataloaders(torch.utils.data.DataLoader(val_data, config.batch_size))
        self.epoch, self.seconds, self.best, self.since_best, self.num_batches = 0, 0.0, float("-inf"), 0, 0
        self.log = EpochLog(out)

    def run(self):
        self._restore()
        while not self._is_over():
            began = time.monotonic()
            losses = self._train_epoch(began)
            metrics = self._validate()
            self.epoch += 1
            self.seconds += time.monotonic() - began
            self._keep(losses, metrics)
        return self.out / "best.pt"

    def _is_over(self):
        config = self.config
        return self._fraction(self.seconds) >= 1 or bool(config.patience and self.since_best >= config.patience)

    def _fraction(self, seconds, within=0.0):
        """How much of the training is done, by epochs or by time, whichever is further."""
        by_time = seconds / (3600 * self.config.max_hours) if self.config.max_hours else 0.0
        return max(by_time, (self.epoch + within) / self.config.epochs)

    def _train_epoch(self, began):
        """Mean losses of one epoch."""
        if hasattr(self.train_data, "set_progress"):
            self.train_data.set_progress(self._fraction(self.seconds))
        loader = self._train_loader()
        self.task.train()
        sums = {}
        for number, batch in enumerate(loader):
            fraction = self._fraction(self.seconds + time.monotonic() - began if self.config.max_hours else 0.0, number / len(loader))
            self._set_learning_rate(min(1.0, fraction))
            losses = self.task(batch)
            if not torch.isfinite(losses["total"]):
                raise TrainingError(f"The loss is {losses['total'].item()} in epoch {self.epoch}, batch {number}; lower the learning rate ({self.config.learning_rate}) or look at the data.")
            self.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(losses["total"])
            if self.config.clip_norm:
                self.fabric.clip_gradients(self.task, self.optimizer, max_norm=self.config.clip_norm)
            self.optimizer.step()
            self.num_batches += 1
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
        return {name: value / len(loader) for name, value in sums.items()}

    def _train_loader(self):
        """A loader whose order depends on the seed and the epoch alone, so that an epoch done again is the same."""
        config, generator = self.config, torch.Generator().manual_seed(self.config.seed * 100003 + self.epoch)
        wanted = config.batches_per_epoch * config.batch_size or len(self.train_data)
        if hasattr(self.train_data, "weights"):
            weights = torch.as_tensor(self.train_data.weights(), dtype=torch.float64)
            sampler = torch.utils.data.WeightedRandomSampler(weights, wanted, replacement=True, generator=generator)
        else:
            sampler = torch.utils.data.RandomSampler(self.train_data, num_samples=min(wanted, len(self.train_data)), generator=generator)
        loader = torch.utils.data.DataLoader(self.train_data, config.batch_size, sampler=sampler, num_workers=config.workers, generator=generator, drop_last=wanted > config.batch_size)
        return self.fabric.setup_dataloaders(loader)

    def _set_learning_rate(self, fraction):
        config, factor = self.config, 1.0
        if config.schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * fraction))
        if config.schedule == "steps":
            factor = config.factor ** sum(fraction * config.epochs >= milestone for milestone in config.milestones)
        if config.warmup_batches:
            factor *= min(1.0, (self.num_batches + 1) / config.warmup_batches)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * factor

    def _validate(self):
        """Metrics over the validation data, each batch weighted by its count."""
        self.task.eval()
        sums, count = {}, 0
        for batch in self.val_loader:
            values = self.task.metrics(batch)
            weight = int(values.pop("count"))
            count += weight
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + weight * float(value)
        totals = self.fabric.all_reduce({**{name: torch.tensor(value) for name, value in sums.items()}, "count": torch.tensor(float(count))}, reduce_op="sum")
        count = float(totals.pop("count"))
        return {name: float(value) / max(count, 1) for name, value in totals.items()}

    # What is kept

    def _keep(self, losses, metrics):
        task, score = self.plain_task, metrics[self.plain_task.score]
        is_better = score > self.best
        self.best, self.since_best = (score, 0) if is_better else (self.best, self.since_best + 1)
        if self.fabric.is_global_zero:
            weights = {name: value.detach().cpu() for name, value in task.network.state_dict().items()}
            if is_better:
                save_checkpoint(self.out / "best.pt", task.family, task.config, weights, metrics={**metrics, "epoch": self.epoch})
            save_checkpoint(self.out / "last.pt", task.family, task.config, weights, metrics={**metrics, "epoch": self.epoch})
        line = {"epoch": self.epoch, "hours": round(self.seconds / 3600, 4), "learning_rate": self.optimizer.param_groups[0]["lr"], **losses, **metrics}
        self._save_state()
        if self.fabric.is_global_zero:
            self.log.add(line)
        self.report(f"epoch {self.epoch} of {self.config.epochs}: " + ", ".join(f"{name} {value:.4f}" for name, value in {**losses, **metrics}.items())
                    + f", {self.seconds / 60:.1f} min" + (" *" if is_better else ""))

    def _save_state(self):
        """Everything needed to go on, renamed into place, so that there is always one whole state."""
        state = {"model": self.task.state_dict(), "optimizer": self.optimizer.state_dict(), "random": torch.get_rng_state(),
                 "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
                 "counters": {name: getattr(self, name) for name in ("epoch", "seconds", "best", "since_best", "num_batches")}}
        partial = self.out / f".state-{self.fabric.global_rank}.ckpt"
        torch.save(state, partial)
        os.replace(partial, self._state_path())

    def _state_path(self):
        return self.out / (f"state-{self.fabric.global_rank}.ckpt" if self.fabric.world_size > 1 else "state.ckpt")

    def _restore(self):
        path = self._state_path()
        if not path.is_file():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.task.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if state["cuda_random"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda_random"])
        for name, value in state["counters"].items():
            setattr(self, name, value)
        self.log.keep_until(self.epoch)
        self.report(f"going on after epoch {self.epoch}")


def _precision(config, device):
    if config.precision != "auto":
        return config.precision
    return "bf16-mixed" if device != "cpu" and torch.cuda.is_available() else "32-true"
