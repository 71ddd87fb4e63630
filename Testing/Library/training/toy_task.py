"""The smallest task: fit a line."""

import random
import time
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class ToyConfig:
    """Ways in which the task misbehaves."""

    fails_after: int = 0
    is_broken: bool = False
    has_no_score: bool = False
    pause: float = 0.0


class Line(torch.utils.data.Dataset):
    """64 points on a line, with noise that depends on nothing but the loop's random state."""

    def __len__(self):
        return 64

    def __getitem__(self, position):
        x = torch.tensor([position / 32 - 1.0])
        return {"x": x, "y": 2 * x + 1 + 0.01 * torch.randn(1)}


class ToyTask(torch.nn.Module):
    """A line through points.

    Every forward draws from torch, NumPy and Python, so that a lost random state of any shows.
    """

    family = "toy"
    score = "score"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.network = torch.nn.Linear(1, 1)
        self.calls = 0

    def forward(self, batch):
        self.calls += 1
        if self.config.fails_after and self.calls > self.config.fails_after:
            raise RuntimeError("power cut")
        time.sleep(self.config.pause)
        noise = torch.randn_like(batch["x"]) + np.random.normal() + random.gauss(0, 1)
        error = self.network(batch["x"] + 0.01 * noise) - batch["y"]
        return {"total": (error**2).mean() * (float("nan") if self.config.is_broken else 1.0)}

    def metrics(self, batch):
        with torch.no_grad():
            return {
                "score": (
                    (float("nan") if self.config.has_no_score else -1)
                    * ((self.network(batch["x"]) - 2 * batch["x"] - 1) ** 2).mean()
                ),
                "count": len(batch["x"]),
            }


class ExactLine(Line):
    """The points without noise."""

    def __getitem__(self, position):
        x = torch.tensor([position / 32 - 1.0])
        return {"x": x, "y": x**2}


class QuietTask(ToyTask):
    """A line through points, in which nothing is random."""

    def forward(self, batch):
        return {"total": ((self.network(batch["x"]) - batch["y"]) ** 2).mean()}
