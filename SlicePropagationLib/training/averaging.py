"""The moving average of a network's weights (Polyak; EMA), which is judged and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """The average of a network in training.

    Args:
        network: what is averaged.
        retained: share of the old weights that stays per batch; 0 for no average at all.
    """

    def __init__(
        self,
        network: nn.Module,
        retained: float,
    ) -> None:
        self._network = network
        self._retained = retained
        self._average = None
        if retained:
            self._average = AveragedModel(network, avg_fn=self._blend, use_buffers=True)

    def update(self) -> None:
        """Take in the network as it is after a batch."""
        if self._average:
            self._average.update_parameters(self._network)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network holds its average meanwhile."""
        if not self._average:
            yield
            return
        current = {name: value.clone() for name, value in self._network.state_dict().items()}
        self._network.load_state_dict(self._average.module.state_dict())
        try:
            yield
        finally:
            self._network.load_state_dict(current)

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on; nothing where there is no average."""
        return self._average.state_dict() if self._average else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        if self._average:
            self._average.load_state_dict(state)

    def _blend(
        self,
        average: Tensor,
        current: Tensor,
        num_averaged: Tensor | int,
    ) -> Tensor:
        """The moving average of a tensor.

        It forgets the beginning faster than the share says.
        """
        if not current.is_floating_point():
            return current
        count = int(num_averaged)
        kept = min(self._retained, (1 + count) / (10 + count))
        return torch.lerp(current, average, kept)
