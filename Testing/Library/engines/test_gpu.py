"""On a GPU, engines say what they say on a CPU; a full GPU is no end of a propagation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")

from engine_phantoms import anchors_of, moving_disc, propagate_with, sphere, stack_of

from SlicePropagationLib.engines import ENGINES, make_engine
from SlicePropagationLib.engines.gap.gap_unet import GapUNetEngine
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.gap.config import GapUNetConfig
from SlicePropagationLib.networks.gap.gap_unet import GapUNet

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]


def gap_engine(device):
    torch.manual_seed(3)
    network = GapUNet(GapUNetConfig(widths=(4, 8, 8, 8), key_channels=4, scalar_channels=8))
    torch.nn.init.normal_(network.head.weight, std=0.02)
    engine = GapUNetEngine(network, device)
    engine.model_sha256 = "of random weights"
    return engine


def shipped(name):
    def engine(device):
        if not ENGINES[name].is_ready:
            pytest.skip(f"The weights of {name} are not there.")
        return make_engine(name, device)

    return engine


@pytest.mark.parametrize(
    "engine",
    [gap_engine, shipped("slice_unet"), shipped("voxelmorph")],
    ids=lambda made: made.__name__,
)
@pytest.mark.parametrize("masks", [sphere(), moving_disc(step=0.5)], ids=["sphere", "disc"])
def test_masks_of_a_gpu_are_those_of_a_cpu(engine, masks):
    anchors = anchors_of(masks, 8, 12)
    found = [
        propagate_with(engine(device), stack_of(masks), anchors) >= 0.5
        for device in ("cpu", "cuda")
    ]
    assert dice(*found) >= 0.995


def test_a_full_gpu_is_left_for_the_cpu_with_a_warning(monkeypatch, caplog):
    engine = gap_engine("cuda")
    run = GapUNetEngine._run_network

    def is_full(self, *arguments):
        if self.device == "cuda":
            raise torch.cuda.OutOfMemoryError
        return run(self, *arguments)

    monkeypatch.setattr(GapUNetEngine, "_run_network", is_full)
    masks = sphere()
    found = propagate_with(engine, stack_of(masks), anchors_of(masks, 10))
    assert np.isfinite(found).all()
    assert engine.device == "cpu"
    assert "goes on with the CPU" in caplog.text
