"""A run that learns from annotated slices first: it is recorded, and a stop is heard meanwhile."""

import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from SlicePropagationMRML.run.events import Finished
from SlicePropagationMRML.run.run import Phase

from SlicePropagationLib.engines.slice.slice_unet import SliceUNetEngine
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet

ANCHORS = (4, 8, 12)


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    network = GuidedUNet(GuidedUNetConfig(base_channels=4, depth=2))
    path = tmp_path / "small.pt"
    config = {"network": network.config.__dict__}
    save_checkpoint(path, "slice_unet.guided", config, network.state_dict())
    return str(path)


@pytest.fixture
def drawn(bench):
    bench.open()
    for index in ANCHORS:
        bench.draw("disc", index, bench.truth[index])
    return bench


def test_a_run_that_adapts_is_recorded_and_one_after_it_does_not(drawn, model):
    drawn.run(model, adapts=True, device="cpu")
    told = drawn.logic.session.history[-1]["adapt"]
    assert told["annotated"] == [{"label": 1, "slices": list(ANCHORS)}]
    drawn.draw("disc", 6, np.roll(drawn.truth[6], 2, axis=0))
    drawn.run(model, device="cpu")
    runs = [event for event in drawn.logic.session.history if event["event"] == "run"]
    assert ["adapt" in event for event in runs] == [True, False]


def test_a_stop_while_it_learns_ends_the_run_with_a_sentence_and_nothing_written(
    drawn, model, monkeypatch
):
    """The person presses Stop while the first lesson is walked, and no slice was shown yet."""
    before = drawn.mask("disc")
    has_begun = threading.Event()
    may_go_on = threading.Event()
    prepare = SliceUNetEngine.prepare

    def slowly(*arguments):
        for moment in prepare(*arguments):
            has_begun.set()
            assert may_go_on.wait(60)
            yield moment

    monkeypatch.setattr(SliceUNetEngine, "prepare", slowly)
    ends = drawn.told(Finished, "problem")
    drawn.logic.start(model, adapts=True, device="cpu")
    assert has_begun.wait(60)
    drawn.logic.stop()
    assert drawn.logic.run.phase is Phase.STOPPING
    may_go_on.set()
    drawn.logic.runToEnd()
    assert str(ends[0]) == "Stopped before the first slice was there; nothing was written."
    assert not drawn.logic.isRunning
    assert not drawn.logic.hasPartialResult
    assert (drawn.mask("disc") == before).all()
    drawn.run(model, adapts=True, device="cpu")
    assert drawn.mask("disc").sum() > before.sum()


def test_an_engine_with_nothing_to_tune_walks_as_always(drawn):
    drawn.run("copy", adapts=True)
    assert drawn.mask("disc")[6].any()
    assert "adapt" not in drawn.logic.session.history[-1]
