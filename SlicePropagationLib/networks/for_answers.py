"""`for_answers`: a network that will only answer, made faster on a CPU.

For one slice at a time PyTorch lays the weights of a convolution out anew with every call, or takes
a plain product of matrices; for networks with large weights and small maps that is half of the time.
"""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from SlicePropagationLib.networks.on_one_thread import on_one_thread
from SlicePropagationLib.networks.unet import ConvolutionPair, UNet

TOLERANCE = 1e-3  # of what both networks say, against the greatest of it


def for_answers(network: nn.Module, unet: str, size: int, inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of a network, in which each convolution of its U-Net is one call with its own layout.

    The normalisation goes into the weights. PyTorch offers what lays them out once to its own
    compiler only, so another version may lack it; and other processors may have no use for it.

    Args:
        network: in evaluation mode, on the CPU; it stays as it is, and its weights will not change
            any more.
        unet: name of its part that is a UNet.
        size: side of the maps that it will see.
        inputs: what it can be tried on.

    Returns:
        The copy; the network itself where it cannot be made, or would say something else.
    """
    try:
        with on_one_thread(), torch.inference_mode():
            copied = copy.deepcopy(network, _shared(network))
            _lay_out(cast(UNet, copied.get_submodule(unet)), size)
            expected = network(*inputs)
            found = copied(*inputs)
    except (AttributeError, RuntimeError, TypeError):
        return network
    is_same = torch.allclose(found, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max()))
    return copied if is_same else network


def _shared(network: nn.Module) -> dict[int, Any]:
    """What a deep copy need not copy: its weights, which are not changed."""
    return {id(value): value for value in (*network.parameters(), *network.buffers())}


def _lay_out(unet: UNet, size: int) -> None:
    depth = unet.config.depth
    for level, pair in enumerate(unet.encoders):
        _lay_out_pair(cast(ConvolutionPair, pair), size >> level)
    for number, pair in enumerate(unet.decoders):
        _lay_out_pair(cast(ConvolutionPair, pair), size >> (depth - 1 - number))


def _lay_out_pair(pair: ConvolutionPair, size: int) -> None:
    """Two units of convolution, normalisation and ReLU, each as one call."""
    units = [_Unit(pair[first], pair[first + 1], size) for first in (0, 3)]
    for place, module in enumerate((units[0], nn.Identity(), nn.Identity(), units[1])):
        pair[place] = module
    del pair[4:]


class _Unit(nn.Module):
    """Convolution, normalisation and ReLU of maps of one size."""

    def __init__(self, convolution: nn.Module, normalisation: nn.Module, size: int) -> None:
        super().__init__()
        fused = fuse_conv_bn_eval(cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, normalisation))
        self.padding = list(cast("tuple[int, int]", fused.padding))
        self.bias = cast(Tensor, fused.bias)
        # torch's types leave its inner parts out.
        self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(  # pyright: ignore[reportAttributeAccessIssue]
            fused.weight.to_mkldnn(),
            self.padding,
            [1, 1],
            [1, 1],
            1,
            [1, fused.in_channels, size, size],
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        return torch.ops.mkldnn._convolution_pointwise(
            features,
            self.weight,
            self.bias,
            self.padding,
            [1, 1],
            [1, 1],
            1,
            "relu",
            [],
            "",
        )
