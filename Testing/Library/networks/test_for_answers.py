"""A network laid out for answers says what it said, and where that cannot be, the network answers."""

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.networks.for_answers import for_answers
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this PyTorch is built without oneDNN"
)


def trained():
    """A network whose normalisations and last layer are no longer what they are at the start."""
    torch.manual_seed(1)
    network = GuidedUNet(GuidedUNetConfig(base_channels=4, depth=3))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    torch.nn.init.normal_(network.unet.head.weight)
    return network.eval()


def inputs(count=1):
    torch.manual_seed(2)
    return torch.randn(count, 8, 48, 48), torch.randn(count, 5), torch.rand(count, 1, 48, 48)


def laid_out(network):
    return for_answers(network, "unet", 48, inputs())


@needs_onednn
@pytest.mark.parametrize("count", [1, 3])
def test_it_says_what_the_network_says(count):
    network = trained()
    answering = laid_out(network)
    assert answering is not network
    with torch.inference_mode():
        expected = network(*inputs(count))
        found = answering(*inputs(count))
    assert expected.abs().max() > 1
    assert torch.allclose(found, expected, atol=1e-4)


def test_the_network_itself_stays_as_it_is():
    network = trained()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    laid_out(network)
    after = network.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_pytorch_that_cannot_lay_weights_out_leaves_the_answers_to_the_network(monkeypatch):
    monkeypatch.delattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    network = trained()
    assert laid_out(network) is network


def test_what_would_say_something_else_does_not_answer(monkeypatch):
    lay_out = torch._C._nn.mkldnn_reorder_conv2d_weight

    def wrongly(weight, *rest):
        return lay_out((2 * weight.to_dense()).to_mkldnn(), *rest)

    monkeypatch.setattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", wrongly)
    network = trained()
    assert laid_out(network) is network
