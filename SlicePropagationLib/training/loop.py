"""The only training loop: any task, on Lightning Fabric.

Killed at any moment, it goes on after the last finished epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities.seed import seed_everything
from torch.utils.data import DataLoader
from tqdm import tqdm

from SlicePropagationLib.errors import TrainingError
from SlicePropagationLib.files.atomic import clear_away
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.training.averaging import WeightAverage
from SlicePropagationLib.training.batches import train_batches
from SlicePropagationLib.training.contracts import Losses, Report
from SlicePropagationLib.training.devices import make_fabric
from SlicePropagationLib.training.learning_rate import make_optimizer, rate_factor, set_rate
from SlicePropagationLib.training.log import EpochLog, epoch_line
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.state import Counters, Stateful, load_state, save_state

Means = dict[str, float]  # mean losses or metrics by name


def fit(
    task: Any,
    train_data: Any,
    val_data: Any,
    config: LoopConfig,
    out: Path | str,
    *,
    device: str = "auto",
    report: Report = None,
    target: float | None = None,
) -> Path:
    """Train a task, keep its best and its last weights.

    Started again with the same folder, it goes on.

    Args:
        task: a torch module as `contracts.Task` says.
        train_data: a torch Dataset. It may have `weights()` (draw by weight, with replacement) and
            `set_progress(fraction)`, called before every epoch.
        val_data: a torch Dataset, what the best weights are chosen by.
        config: how long and how fast.
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
    _check_samples(train_data, "train")
    _check_samples(val_data, "validation")
    # a CPU slows down tenfold on the tiny numbers of a trained network
    torch.set_flush_denormal(True)
    training = _Training(task, train_data, val_data, config, Path(out), device, target)
    return training.run(report)


def _check_samples(data: Any, name: str) -> None:
    if len(data) == 0:
        raise TrainingError(
            f"There is no sample in the {name} data; give cases with structures to learn from."
        )


class _Training:
    """The state of one call of `fit`."""

    def __init__(
        self,
        task: Any,
        train_data: Any,
        val_data: Any,
        config: LoopConfig,
        out: Path,
        device: str,
        target: float | None,
    ) -> None:
        self.config = config
        self.out = out
        self.target = target
        self.fabric = make_fabric(config, device)
        self.report: Report = None
        self.plain_task = task
        self.train_data = train_data
        self.task, self.optimizer = self.fabric.setup(task, make_optimizer(task, config))
        self.task.mark_forward_method("metrics")
        self.average = WeightAverage(task.network, config.averaging)
        val_loader = DataLoader(val_data, config.batch_size)
        self.val_loader = self.fabric.setup_dataloaders(val_loader)
        self.log = EpochLog(out)
        self.done = Counters()

    def run(self, report: Report) -> Path:
        """Train until it is over; returns the path of the best weights."""
        self.report = report if self.fabric.is_global_zero else None
        self._clear_away()
        self._restore()
        while not self._is_over():
            self._run_epoch()
        return self.out / "best.pt"

    def _run_epoch(self) -> None:
        self._seed_epoch()
        began = time.monotonic()
        losses = self._train_epoch(began)
        with self.average.applied():
            metrics = self._validate()
            self.done.seconds = self._seconds_at(began)
            self.done.epoch += 1
            self._keep(losses, metrics)
        if hasattr(self.plain_task, "after_epoch"):
            self.plain_task.after_epoch(losses)
        if self.fabric.is_global_zero:
            save_state(self.out, self._parts(), self.done)

    def _is_over(self) -> bool:
        if self.target is not None and self.done.best >= self.target:
            return True
        if self._fraction() >= 1:
            return True
        return self.config.schedule != "plateau" and self._has_stayed()

    def _has_stayed(self) -> bool:
        """Whether patience is over."""
        return bool(self.config.patience) and self.done.since_best >= self.config.patience

    # Time

    def _seconds_at(self, began: float) -> float:
        """Training time, of an epoch that began then included.

        All processes agree on it, or they would part ways.
        """
        return self.fabric.broadcast(self.done.seconds + time.monotonic() - began)

    def _time_fraction(self, seconds: float) -> float:
        return seconds / (3600 * self.config.max_hours) if self.config.max_hours else 0.0

    def _fraction(
        self,
        by_time: float | None = None,
        within: float = 0.0,
    ) -> float:
        """How much of the training is done, by epochs or by time, whichever is further."""
        if by_time is None:
            by_time = self._time_fraction(self.done.seconds)
        return max(by_time, (self.done.epoch + within) / self.config.epochs)

    # An epoch

    def _seed_epoch(self) -> None:
        """Make what is random in an epoch depend on seed, process and epoch alone.

        An epoch done again is the same, on any machine.
        """
        sources = (self.config.seed, self.fabric.global_rank, self.done.epoch)
        seed = np.random.SeedSequence(sources).generate_state(1)[0]
        seed_everything(int(seed), verbose=False)

    def _train_epoch(self, began: float) -> Means:
        """Mean losses of one epoch, which ends early where the time is over."""
        if hasattr(self.train_data, "set_progress"):
            self.train_data.set_progress(self._fraction())
        place = (self.fabric.global_rank, self.fabric.world_size)
        batches = train_batches(self.train_data, self.config, self.done.epoch, *place)
        # Fabric would deal the samples out in an order of its own.
        loader = self.fabric.setup_dataloaders(batches, use_distributed_sampler=False)
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
        return self._of_all({name: value / num_done for name, value in sums.items()})

    def _of_all(self, means: Means) -> Means:
        """Means over what all processes found; each has learnt from as many samples."""
        if self.fabric.world_size == 1:
            return means
        found: Any = {name: torch.tensor(value) for name, value in means.items()}
        found = self.fabric.all_reduce(found, reduce_op="mean")
        return {name: float(value) for name, value in found.items()}

    def _shown(self, loader: Any) -> Iterable[Any]:
        """The batches, with a progress bar on a terminal."""
        is_hidden = None if self.report else True  # None: hidden unless it is a terminal
        return tqdm(
            loader,
            desc=f"epoch {self.done.epoch + 1} of {self.config.epochs}",
            unit="batch",
            leave=False,
            disable=is_hidden,
        )

    def _set_learning_rate(self, fraction: float) -> None:
        factor = rate_factor(
            self.config,
            fraction,
            num_drops=self.done.num_drops,
            num_batches=self.done.num_batches,
        )
        set_rate(self.optimizer, self.config.learning_rate * factor)

    def _step(
        self,
        batch: Any,
        number: int,
    ) -> Losses:
        """Learn from one batch; returns its losses."""
        losses = self.task(batch)
        if not torch.isfinite(losses["total"]):
            raise TrainingError(
                f"The loss is {losses['total'].item()} in epoch {self.done.epoch + 1}, batch"
                f" {number}; lower the learning rate ({self.config.learning_rate}) or look at the"
                " data."
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(losses["total"])
        if self.config.clip_norm:
            self.fabric.clip_gradients(self.task, self.optimizer, max_norm=self.config.clip_norm)
        self.optimizer.step()
        self.average.update()
        self.done.num_batches += 1
        return losses

    def _validate(self) -> Means:
        """Metrics over the validation data, each batch weighted by its count."""
        self.task.eval()
        sums = {"count": 0.0}
        for batch in self.val_loader:
            values = self.task.metrics(batch)
            weight = int(values.pop("count"))
            sums["count"] += weight
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + weight * float(value)
        totals: Any = {name: torch.tensor(value) for name, value in sums.items()}
        totals = self.fabric.all_reduce(totals, reduce_op="sum")
        count = max(float(totals.pop("count")), 1)
        return {name: float(value) / count for name, value in totals.items()}

    # What is kept

    def _keep(
        self,
        losses: Means,
        metrics: Means,
    ) -> None:
        """Keep weights and log.

        The state comes after, so that a kill in between does the epoch again, and its line too.
        """
        is_better = self._judge(metrics)
        if self.fabric.is_global_zero:
            kept = {**metrics, "epoch": self.done.epoch}
            names = ("best.pt", "last.pt") if is_better else ("last.pt",)
            self._save_weights(kept, names)
            self.log.add(
                {
                    "epoch": self.done.epoch,
                    "hours": round(self.done.seconds / 3600, 4),
                    "updates": self.done.num_batches,
                    "learning_rate": self.optimizer.param_groups[-1]["lr"],
                    **losses,
                    **metrics,
                }
            )
        values = epoch_line({**losses, **metrics}, self.done.seconds, is_better=is_better)
        self._tell(f"epoch {self.done.epoch} of {self.config.epochs}: {values}")

    def _judge(self, metrics: Means) -> bool:
        """Whether this epoch is the best so far; counts how long none was."""
        name = self.plain_task.score
        score = metrics[name]
        if not math.isfinite(score):
            raise TrainingError(
                f"The score '{name}' is {score} after epoch {self.done.epoch}; lower the learning"
                f" rate ({self.config.learning_rate}) or look at the validation data."
            )
        is_better = score > self.done.best
        self.done.best = max(score, self.done.best)
        self.done.since_best = 0 if is_better else self.done.since_best + 1
        if self.config.schedule == "plateau" and self._has_stayed():
            self.done.num_drops += 1
            self.done.since_best = 0
        return is_better

    def _tell(self, text: str) -> None:
        if self.report:
            self.report(text)

    def _save_weights(
        self,
        metrics: Means,
        names: tuple[str, ...],
    ) -> None:
        task = self.plain_task
        weights = {name: value.detach().cpu() for name, value in task.network.state_dict().items()}
        for name in names:
            save_checkpoint(self.out / name, task.family, task.config, weights, metrics=metrics)

    def _clear_away(self) -> None:
        """Remove what a kill left half written."""
        if self.fabric.is_global_zero:
            clear_away(self.out, is_ours=True)
        self.fabric.barrier()

    def _parts(self) -> dict[str, Stateful]:
        """What changes in a training."""
        return {
            "model": self.task,
            "optimizer": self.optimizer,
            "average": self.average,
        }

    def _restore(self) -> None:
        """Go on after the last finished epoch, where there is one."""
        done = load_state(self.out, self._parts())
        if done:
            self.done = done
            self._tell(f"going on after epoch {done.epoch}")
        if self.fabric.is_global_zero:
            self.log.keep_until(self.done.epoch)
