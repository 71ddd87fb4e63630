"""The only training loop: any task, on Lightning Fabric.

Killed at any moment, it goes on after the last finished epoch.
"""

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.seed import seed_everything
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from SlicePropagationLib.errors import CheckpointError, ConfigError, TrainingError
from SlicePropagationLib.files.atomic import atomic_folder, clear_away
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.training.log import EpochLog

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}
SCHEDULES = ("constant", "steps", "cosine", "plateau")
PRECISIONS = ("auto", "32-true", "bf16-mixed")
STATE = "state.ckpt"
COUNTERS = ("epoch", "seconds", "best", "since_best", "num_batches", "num_drops")
MOST_SEED = 2**32 - 1  # of what is random beside torch


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

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS or self.schedule not in SCHEDULES:
            raise ConfigError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)} and schedule one of"
                f" {', '.join(SCHEDULES)}, got '{self.optimizer}' and '{self.schedule}'."
            )
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"precision must be one of {', '.join(PRECISIONS)}, got '{self.precision}'."
            )
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("devices", 1),
            ("nodes", 1),
            ("max_hours", 0),
            ("batches_per_epoch", 0),
            ("seed", 0),
            ("workers", 0),
            ("averaging", 0),
            ("learning_rate", 0),
            ("weight_decay", 0),
            ("factor", 0),
            ("warmup_batches", 0),
            ("clip_norm", 0),
            ("patience", 0),
        ):
            if not getattr(self, name) >= least:  # also refuses NaN
                raise ConfigError(f"{name} must be at least {least}, got {getattr(self, name)}.")
        if not self.averaging < 1:
            raise ConfigError(f"averaging must be below 1, got {self.averaging}.")
        if self.seed > MOST_SEED:
            raise ConfigError(f"seed must be at most {MOST_SEED}, got {self.seed}.")


def fit(task, train_data, val_data, config, out, *, device="auto", report=None, target=None):
    """Train a task, keep its best and its last weights.

    Started again with the same folder, it goes on.

    Args:
        task: an nn.Module whose forward(batch) returns {"total": loss, ...}, with `metrics(batch)`
            (values and their "count"), `score` (the
            metric to maximise), `family`, `config` and `network`. It may have `parameter_groups()`,
            each group with its "rate" as a share
            of the learning rate, and `after_epoch(losses)`, called with the mean losses of every
            epoch.
        train_data, val_data: torch Datasets. `train_data` may have `weights()` (draw by weight,
            with replacement) and
            `set_progress(fraction)`, called before every epoch.
        config: a LoopConfig.
        out: folder for best.pt, last.pt, state.ckpt, metrics.jsonl, log.csv and TensorBoard's
            events.
        device: "auto", "cpu" or "cuda".
        report: called with a line of text after every epoch.
        target: end when the score has reached it.

    Returns:
        Path of the best weights.

    Raises:
        TrainingError: the loss or the score is no longer a number, or there is nothing to learn
            from.
        CheckpointError: the state of an earlier call is damaged.
        OutputError: the folder cannot be written.
    """
    return _Training(task, train_data, val_data, config, Path(out), device, report, target).run()


class _Training:
    """The state of one call of `fit`."""

    def __init__(self, task, train_data, val_data, config, out, device, report, target):
        for name, data in (("train", train_data), ("validation", val_data)):
            if len(data) == 0:
                raise TrainingError(
                    f"There is no sample in the {name} data; give cases with structures to learn"
                    " from."
                )
        torch.set_flush_denormal(
            True
        )  # a CPU slows down tenfold on the tiny numbers of a trained network
        self.config = config
        self.out = out
        self.target = target
        self.fabric = Fabric(
            accelerator=device,
            devices=config.devices,
            num_nodes=config.nodes,
            precision=_precision(config, device),
        )
        if config.devices * config.nodes > 1:
            self.fabric.launch()
        self.report = report if report and self.fabric.is_global_zero else None
        self.plain_task = task
        self.train_data = train_data
        optimizer = OPTIMIZERS[config.optimizer](
            _groups(task),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.task, self.optimizer = self.fabric.setup(task, optimizer)
        self.task.mark_forward_method("metrics")
        self.average = (
            AveragedModel(task.network, avg_fn=self._average, use_buffers=True)
            if config.averaging
            else None
        )
        self.val_loader = self.fabric.setup_dataloaders(
            torch.utils.data.DataLoader(val_data, config.batch_size)
        )
        self.epoch = 0
        self.seconds = 0.0
        self.best = float("-inf")
        self.since_best = 0
        self.num_batches = 0
        self.num_drops = 0  # of the learning rate, by the schedule "plateau"
        self.log = EpochLog(out)

    def run(self):
        self._clear_away()
        self._restore()
        while not self._is_over():
            self._seed_epoch()
            began = time.monotonic()
            losses = self._train_epoch(began)
            with self._averaged():
                metrics = self._validate()
                self.seconds = self._seconds_at(began)
                self.epoch += 1
                self._keep(losses, metrics)
            if hasattr(self.plain_task, "after_epoch"):
                self.plain_task.after_epoch(losses)
            self._save_state()
        return self.out / "best.pt"

    def _is_over(self):
        config = self.config
        has_arrived = self.target is not None and self.best >= self.target
        return (
            has_arrived
            or self._fraction() >= 1
            or bool(
                config.schedule != "plateau"
                and config.patience
                and self.since_best >= config.patience
            )
        )

    def _seconds_at(self, began):
        """Training time, of an epoch that began then included.

        All processes agree on it, or they would part ways.
        """
        return self.fabric.broadcast(self.seconds + time.monotonic() - began)

    def _time_fraction(self, seconds):
        return seconds / (3600 * self.config.max_hours) if self.config.max_hours else 0.0

    def _fraction(self, time_fraction=None, within=0.0):
        """How much of the training is done, by epochs or by time, whichever is further."""
        by_time = self._time_fraction(self.seconds) if time_fraction is None else time_fraction
        return max(by_time, (self.epoch + within) / self.config.epochs)

    def _seed_epoch(self):
        """Make what is random in an epoch depend on seed, process and epoch alone, so that an epoch done again is the same on any machine."""
        seed = np.random.SeedSequence(
            (self.config.seed, self.fabric.global_rank, self.epoch)
        ).generate_state(1)[0]
        seed_everything(int(seed), verbose=False)

    def _train_epoch(self, began):
        """Mean losses of one epoch, which ends early where the time is over."""
        if hasattr(self.train_data, "set_progress"):
            self.train_data.set_progress(self._fraction())
        loader = self._train_loader()
        self.task.train()
        sums = {}
        num_done = 0
        for number, batch in enumerate(self._shown(loader)):
            by_time = self._time_fraction(self._seconds_at(began)) if self.config.max_hours else 0.0
            if by_time >= 1 and num_done:
                break
            self._set_learning_rate(min(1.0, self._fraction(by_time, number / len(loader))))
            num_done += 1
            for name, value in self._step(batch, num_done).items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
        return {name: value / num_done for name, value in sums.items()}

    def _shown(self, loader):
        """The batches, with a progress bar on a terminal."""
        is_hidden = None if self.report else True  # None: hidden unless it is a terminal
        return tqdm(
            loader,
            desc=f"epoch {self.epoch + 1} of {self.config.epochs}",
            unit="batch",
            leave=False,
            disable=is_hidden,
        )

    def _step(self, batch, number):
        """Learn from one batch; returns its losses."""
        losses = self.task(batch)
        if not torch.isfinite(losses["total"]):
            raise TrainingError(
                f"The loss is {losses['total'].item()} in epoch {self.epoch + 1}, batch {number}; "
                f"lower the learning rate ({self.config.learning_rate}) or look at the data."
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(losses["total"])
        if self.config.clip_norm:
            self.fabric.clip_gradients(self.task, self.optimizer, max_norm=self.config.clip_norm)
        self.optimizer.step()
        if self.average:
            self.average.update_parameters(self.plain_task.network)
        self.num_batches += 1
        return losses

    def _average(self, average, current, num_averaged):
        """The moving average of a tensor; it forgets the beginning faster than `averaging` says."""
        if not current.is_floating_point():
            return current
        kept = min(self.config.averaging, (1 + int(num_averaged)) / (10 + int(num_averaged)))
        return torch.lerp(current, average, kept)

    @contextmanager
    def _averaged(self):
        """The network holds its average meanwhile."""
        if not self.average:
            yield
            return
        network = self.plain_task.network
        current = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.average.module.state_dict())
        try:
            yield
        finally:
            network.load_state_dict(current)

    def _train_loader(self):
        """A loader whose order depends on the seed and the epoch alone, so that an epoch done again is the same."""
        config, generator = (
            self.config,
            torch.Generator().manual_seed(self.config.seed * 100003 + self.epoch),
        )
        wanted = config.batches_per_epoch * config.batch_size or len(self.train_data)
        if hasattr(self.train_data, "weights"):
            weights = torch.as_tensor(self.train_data.weights(), dtype=torch.float64)
            sampler = torch.utils.data.WeightedRandomSampler(
                weights,
                wanted,
                replacement=True,
                generator=generator,
            )
        else:
            sampler = torch.utils.data.RandomSampler(
                self.train_data,
                num_samples=min(wanted, len(self.train_data)),
                generator=generator,
            )
        loader = torch.utils.data.DataLoader(
            self.train_data,
            config.batch_size,
            sampler=sampler,
            num_workers=config.workers,
            generator=generator,
            drop_last=wanted > config.batch_size,
        )
        return self.fabric.setup_dataloaders(loader)

    def _set_learning_rate(self, fraction):
        config = self.config
        factor = 1.0
        if config.schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * fraction))
        if config.schedule == "steps":
            factor = config.factor ** sum(
                fraction * config.epochs >= milestone for milestone in config.milestones
            )
        if config.schedule == "plateau":
            factor = config.factor**self.num_drops
        if config.warmup_batches:
            factor *= min(1.0, (self.num_batches + 1) / config.warmup_batches)
        for group in self.optimizer.param_groups:
            group["lr"] = (
                config.learning_rate * factor * group.get("rate", 1.0)
            )  # a state of an earlier version has no rate

    def _validate(self):
        """Metrics over the validation data, each batch weighted by its count."""
        self.task.eval()
        sums = {}
        count = 0
        for batch in self.val_loader:
            values = self.task.metrics(batch)
            weight = int(values.pop("count"))
            count += weight
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + weight * float(value)
        totals = self.fabric.all_reduce(
            {
                **{name: torch.tensor(value) for name, value in sums.items()},
                "count": torch.tensor(float(count)),
            },
            reduce_op="sum",
        )
        count = float(totals.pop("count"))
        return {name: float(value) / max(count, 1) for name, value in totals.items()}

    # What is kept

    def _keep(self, losses, metrics):
        """Weights and log.

        The state comes after, so that a kill in between does the epoch again, and its line too.
        """
        name = self.plain_task.score
        score = metrics[self.plain_task.score]
        if not math.isfinite(score):
            raise TrainingError(
                f"The score '{name}' is {score} after epoch {self.epoch}; lower the learning rate"
                f" ({self.config.learning_rate}) or look at the validation data."
            )
        is_better = score > self.best
        self.best, self.since_best = (score, 0) if is_better else (self.best, self.since_best + 1)
        if (
            self.config.schedule == "plateau"
            and self.config.patience
            and self.since_best >= self.config.patience
        ):
            self.num_drops = self.num_drops + 1
            self.since_best = 0
        if self.fabric.is_global_zero:
            self._save_weights(
                {**metrics, "epoch": self.epoch},
                ("best.pt", "last.pt") if is_better else ("last.pt",),
            )
            self.log.add(
                {
                    "epoch": self.epoch,
                    "hours": round(self.seconds / 3600, 4),
                    "learning_rate": self.optimizer.param_groups[-1]["lr"],
                    **losses,
                    **metrics,
                }
            )
        self._tell(
            f"epoch {self.epoch} of {self.config.epochs}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in {**losses, **metrics}.items())
            + f", {self.seconds / 60:.1f} min"
            + (" *" if is_better else "")
        )

    def _tell(self, text):
        if self.report:
            self.report(text)

    def _save_weights(self, metrics, names):
        task = self.plain_task
        weights = {name: value.detach().cpu() for name, value in task.network.state_dict().items()}
        for name in names:
            save_checkpoint(self.out / name, task.family, task.config, weights, metrics=metrics)

    def _save_state(self):
        """Everything needed to go on.

        Nothing random, because every epoch begins with a seed of its own.
        """
        if not self.fabric.is_global_zero:
            return
        state = {
            "model": self.task.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict() if self.average else {},
            "counters": {name: getattr(self, name) for name in COUNTERS},
        }
        with atomic_folder(self.out) as partial:
            torch.save(state, partial / STATE)

    def _clear_away(self):
        """Remove what a kill left half written."""
        if self.fabric.is_global_zero:
            clear_away(self.out)
        self.fabric.barrier()

    def _restore(self):
        path = self.out / STATE
        if path.is_file():
            try:
                state = torch.load(path, map_location="cpu", weights_only=True)
                self.task.load_state_dict(state["model"])
                self.optimizer.load_state_dict(state["optimizer"])
                if self.average:
                    self.average.load_state_dict(state["average"])
                counters = {name: state["counters"][name] for name in COUNTERS}
            except Exception as error:
                # flipped bits make torch's reader fail with any error: IndexError, TypeError,
                # AttributeError, ...
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise CheckpointError(
                    f"{path} is not the state of this training ({reason}); delete {self.out} to"
                    " begin again."
                ) from error
            for name, value in counters.items():
                setattr(self, name, value)
            self._tell(f"going on after epoch {self.epoch}")
        if self.fabric.is_global_zero:
            self.log.keep_until(self.epoch)


def _groups(task):
    """The optimizer's parameter groups: one with the full learning rate, or those that the task asks for."""
    return (
        task.parameter_groups()
        if hasattr(task, "parameter_groups")
        else [{"params": list(task.parameters()), "rate": 1.0}]
    )


def _precision(config, device):
    if config.precision != "auto":
        return config.precision
    return (
        "bf16-mixed"
        if device != "cpu"
        and torch.cuda.is_available()
        and torch.cuda.is_bf16_supported(including_emulation=False)
        else "32-true"
    )
