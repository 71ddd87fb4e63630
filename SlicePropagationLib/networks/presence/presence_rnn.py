"""`PresenceRNN`: a recurrent network that follows a walk by a few facts of each slice."""

import torch
from torch import Tensor, nn

from SlicePropagationLib.networks.presence.config import PresenceRNNConfig


class PresenceRNN(nn.Module):
    """A gated recurrent unit (Cho et al., 2014, arXiv:1406.1078) between two linear layers.

    Args:
        config: a PresenceRNNConfig.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, config: PresenceRNNConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.num_facts))
        self.register_buffer("scale", torch.ones(config.num_facts))
        self.enter = nn.Linear(config.num_facts, config.units)
        self.memory = nn.GRU(config.units, config.units, batch_first=True)
        self.leave = nn.Linear(config.units, 1)
        nn.init.zeros_(self.leave.weight)

    def calibrate(self, facts: Tensor) -> None:
        """Learn mean and spread of the facts.

        Args:
            facts: (slices, num_facts) of the training.
        """
        self.mean.copy_(facts.mean(dim=0))
        self.scale.copy_(facts.std(dim=0) + 1e-3)

    def forward(self, facts: Tensor) -> Tensor:
        """Log odds that the structure is there.

        Args:
            facts: (B, T, num_facts), the slices of walks, nearest first.

        Returns:
            (B, T).
        """
        known = (facts - self.mean) / self.scale
        remembered, _ = self.memory(torch.tanh(self.enter(known)))
        return self.leave(remembered)[..., 0]
