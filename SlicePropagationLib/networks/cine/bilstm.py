"""U-Net and bidirectional convolutional LSTM of Bai et al., MICCAI 2018.

Frames of a window are segmented together.

Equation 1 of the paper, without peepholes. The constant 1 that the cell of the authors'
framework adds to the forget gate is the initial value of that gate's bias here, as the sheet has
it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig
from SlicePropagationLib.networks.cine.unet import CineUNet


class ConvLSTMCell(nn.Module):
    """One step of a convolutional LSTM with 3x3 kernels.

    Args:
        in_channels, hidden_channels: maps of the input and of the state.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
    ) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        # input, forget, output, candidate
        self.gates = nn.Conv2d(in_channels + hidden_channels, 4 * hidden_channels, 3, padding=1)
        nn.init.xavier_uniform_(self.gates.weight)
        biases = torch.zeros(4 * hidden_channels)
        biases[hidden_channels : 2 * hidden_channels] = 1.0
        self.gates.bias = nn.Parameter(biases)

    def forward(
        self,
        inputs: Tensor,
        hidden: Tensor,
        memory: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """(hidden, memory) after a step.

        Inputs (B, in_channels, H, W), hidden and memory (B, hidden_channels, H, W).
        """
        gates = self.gates(torch.cat([inputs, hidden], dim=1))
        enter, forget, leave, candidate = gates.chunk(4, dim=1)
        memory = memory * forget.sigmoid() + enter.sigmoid() * candidate.tanh()
        return leave.sigmoid() * memory.tanh(), memory


class CineBiLSTM(nn.Module):
    """Features of a U-Net, a ConvLSTM forward and one backward in time.

    A shared 1x1 convolution looks at both.

    Args:
        config: a CineBiLSTMConfig.
    """

    def __init__(self, config: CineBiLSTMConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = CineUNet(config.unet)
        width = config.unet.widths[0]
        hidden = config.hidden_channels
        self.forward_cell = ConvLSTMCell(width, hidden)
        self.backward_cell = ConvLSTMCell(width, hidden)
        self.fusion = nn.Conv2d(2 * hidden, config.unet.out_channels, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits of every frame of windows.

        Args:
            windows: (B, T, 1, H, W) frames in order; H and W divisible by 2**(levels - 1).

        Returns:
            (B, T, out_channels, H, W), before the softmax.
        """
        features = self.unet.features(windows.flatten(0, 1))
        # (B*T, C, H, W) -> (B, T, C, H, W)
        return self.recur(features.unflatten(0, windows.shape[:2]))

    def recur(self, features: Tensor) -> Tensor:
        """Logits (B, T, out_channels, H, W) of the U-Net's features (B, T, C, H, W)."""
        onward = _pass(self.forward_cell, features.unbind(1))
        back = _pass(self.backward_cell, features.unbind(1)[::-1])[::-1]
        pairs = zip(onward, back, strict=True)
        states = torch.stack([torch.cat(pair, dim=1) for pair in pairs], dim=1)
        return self.fusion(states.flatten(0, 1)).unflatten(0, states.shape[:2])


def _pass(cell: ConvLSTMCell, steps: Sequence[Tensor]) -> list[Tensor]:
    """The hidden maps after each of a sequence of inputs (B, C, H, W), from a state of zeros."""
    first = steps[0]
    hidden = first.new_zeros(len(first), cell.hidden_channels, *first.shape[2:])
    memory = hidden
    found = []
    for inputs in steps:
        hidden, memory = cell(inputs, hidden, memory)
        found.append(hidden)
    return found
