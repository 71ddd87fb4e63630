"""BiRNN: a bidirectional convolutional LSTM of one channel.

It makes the probability maps of neighbouring slices agree.

Cai et al., 2018 (see pnet.py), section "RNN sub-network", cell after Shi et al., ConvLSTM, NeurIPS
2015: eight 3x3 kernels, 72 numbers, in each direction. As printed, the OUTPUT GATES of the two
directions are blended, not their hidden states. Own choices, where the paper is silent: the two
blending weights go through a softmax; peepholes, off, are one number per gate, because a map of
them would fix the size of the slice; it starts by saying what goes in, so that training begins at
the probability maps and not at noise.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.pnet.config import BiRNNConfig
from SlicePropagationLib.networks.pnet.pnet import SideOutputs
from SlicePropagationLib.networks.pnet.unet import SingleOutputUNet

SHARPNESS = 8.0  # of the gate at the beginning: probability 1 becomes 0.98
KERNELS = 4  # input gate, forget gate, output gate, cell


class ConvLSTM(nn.Module):
    """One direction.

    Args:
        config: a BiRNNConfig.
    """

    def __init__(self, config: BiRNNConfig) -> None:
        super().__init__()
        self.config = config
        self.from_input = nn.Parameter(0.1 * torch.randn(KERNELS, 1, 3, 3))
        self.from_hidden = nn.Parameter(0.1 * torch.randn(KERNELS, 1, 3, 3))
        self.from_input.data[2] = 0
        self.from_input.data[2, 0, 1, 1] = SHARPNESS
        self.from_hidden.data[2] = 0
        self.biases = None
        if config.has_biases:
            self.biases = nn.Parameter(torch.tensor([0.0, 0.0, -SHARPNESS / 2, 0.0]))
        self.peepholes = nn.Parameter(torch.zeros(3)) if config.has_peepholes else None

    def forward(self, probability: Tensor) -> tuple[Tensor, Tensor]:
        """Output gate and hidden state on every slice, walked in the order given.

        Args:
            probability: (B, T, H, W) in [0, 1].

        Returns:
            Two (B, T, H, W): in (0, 1) and in (-1, 1).
        """
        hidden = torch.zeros_like(probability[:, :1])
        cell = hidden
        peep_input, peep_forget, peep_output = self._peepholes()
        gates = []
        states = []
        for current in probability.split(1, dim=1):
            seen = F.conv2d(current, self.from_input, self.biases, padding=1)
            remembered = F.conv2d(hidden, self.from_hidden, padding=1)
            to_input, to_forget, to_output, to_cell = (seen + remembered).split(1, dim=1)
            kept = torch.sigmoid(to_forget + peep_forget * cell) * cell
            cell = kept + torch.sigmoid(to_input + peep_input * cell) * torch.tanh(to_cell)
            gate = torch.sigmoid(to_output + peep_output * cell)
            hidden = gate * torch.tanh(cell)
            gates.append(gate)
            states.append(hidden)
        return torch.cat(gates, dim=1), torch.cat(states, dim=1)

    def _peepholes(self) -> tuple[Tensor | float, ...]:
        """What the input, forget and output gates see of the cell, per unit."""
        return (0.0, 0.0, 0.0) if self.peepholes is None else tuple(self.peepholes)


class BiRNN(nn.Module):
    """Both directions, blended by learnt weights.

    Args:
        config: a BiRNNConfig.
    """

    def __init__(self, config: BiRNNConfig) -> None:
        super().__init__()
        self.config = config
        self.upward = ConvLSTM(config)
        self.downward = ConvLSTM(config)
        self.blend_weights = nn.Parameter(torch.zeros(2))

    def forward(self, probability: Tensor) -> Tensor:
        """Probabilities of slices, each with regard to all others.

        Args:
            probability: (B, T, H, W) in [0, 1], neighbouring slices along T.

        Returns:
            (B, T, H, W) in (0, 1).
        """
        upward = self._of(self.upward, probability)
        downward = self._of(self.downward, probability.flip(1)).flip(1)
        weights = self.blend_weights.softmax(dim=0)
        return weights[0] * upward + weights[1] * downward

    def _of(
        self,
        direction: ConvLSTM,
        probability: Tensor,
    ) -> Tensor:
        gate, hidden = direction(probability)
        return (1 + hidden) / 2 if self.config.blends_hidden else gate


class PNetBiRNN(nn.Module):
    """A network of slices with the BiRNN on top of its probability.

    Args:
        pnet: has `forward` and `fuse` as `pnet.SideOutputs`.
        birnn: a BiRNN.
    """

    def __init__(
        self,
        pnet: SideOutputs | SingleOutputUNet,
        birnn: BiRNN,
    ) -> None:
        super().__init__()
        self.pnet = pnet
        self.birnn = birnn

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, H, W) probability of slices before and after the BiRNN.

        Args:
            images: (B, T, in_channels, H, W), neighbouring slices along T.
        """
        single = self.pnet.fuse(self.pnet(images.flatten(0, 1)))
        single = single.unflatten(0, images.shape[:2])  # (B*T, H, W) -> (B, T, H, W)
        return single, self.birnn(single)
