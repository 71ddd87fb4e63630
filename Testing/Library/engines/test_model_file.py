"""The `slice_unet` engine: it starts at what registration says, and its weights are files.

It goes on without a GPU that has no memory left.
"""

import json
import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from phantoms import drifting_disc

from SlicePropagationLib.engines import ENGINES, default_engine, make_engine, model_hash
from SlicePropagationLib.engines.slice.slice_unet import TRUST_IN_GAP, SliceUNetEngine
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.files.shipped_weights import find_model, has_model, model_folders
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.training.permitted_data import PERMITTED


def masks_of(engine, anchors=(7,)):
    stack, truth = drifting_disc()
    session = AnnotationSession(stack, (1,))
    for index in anchors:
        session.annotate(1, index, truth[index])
    for _ in propagate(session, engine, plan_session(session)):
        pass
    return session.masks(1), truth


def untrained(**changes):
    torch.manual_seed(0)
    return GuidedUNet(GuidedUNetConfig(base_channels=4, depth=2, **changes))


def change_by(monkeypatch, engine, change):
    """Let an engine's network change the log odds of every cell by the same number."""

    def predict(inputs, mask, turn, learned):
        size = inputs.roi.size
        return np.full((size, size), change, np.float32)

    monkeypatch.setattr(engine, "_predict", predict)


def log_odds_of_next(engine, stack, masks):
    """(H, W) log odds of slice 8, from 7 on; within those of 1e-6."""
    probability = next(engine.walk(stack, Run(anchor=7, targets=(8,)), masks))
    found = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(found / (1 - found))


def gains(before, after):
    """By how much log odds grew where a pixel is all but certain neither in nor out."""
    uncertain = np.abs(before) < np.log(0.95 / 0.05)
    assert uncertain.any()
    return (after - before)[uncertain]


@pytest.mark.parametrize("anchors", [(7,), (5, 11)])
def test_an_untrained_network_walks_as_registration_does(anchors):
    found, truth = masks_of(SliceUNetEngine(untrained()), anchors)
    registered, _ = masks_of(make_engine("registration"), anchors)
    assert dice(found[4:12], registered[4:12]) > 0.95


@pytest.mark.parametrize(
    "anchors, share",
    [((7,), 1.0), ((7, 11), TRUST_IN_GAP), ((4, 5, 6, 7), 0.25)],
)
def test_the_networks_change_counts_less_the_more_annotated_slices_tell_registration(
    monkeypatch,
    anchors,
    share,
):
    stack, truth = drifting_disc()
    engine = SliceUNetEngine(untrained())
    masks = {index: truth[index] for index in anchors}
    change_by(monkeypatch, engine, 0.0)
    unchanged = log_odds_of_next(engine, stack, masks)
    change_by(monkeypatch, engine, -1.0)
    changed = log_odds_of_next(engine, stack, masks)
    assert np.allclose(gains(unchanged, changed), -share, atol=1e-3)


@pytest.mark.parametrize(
    "anchors, spacing_mm, gained",
    [
        ((7,), 4.0, 3.0 * 4 / 8),
        ((7,), 40.0, 3.0),
        ((4, 5, 6, 7), 4.0, 0.25 * 3.0 * 4 / 8),
        ((7, 11), 4.0, 0.0),
    ],
)
def test_weights_that_say_so_go_on_the_more_the_thicker_the_slices_are_but_not_inside_a_gap(
    monkeypatch,
    anchors,
    spacing_mm,
    gained,
):
    stack, truth = drifting_disc(spacing_mm=(spacing_mm, 1.0, 1.0))
    masks = {index: truth[index] for index in anchors}

    def odds_with(bias):
        engine = SliceUNetEngine(untrained(continuation_bias=bias))
        change_by(monkeypatch, engine, 0.0)
        return log_odds_of_next(engine, stack, masks)

    found = gains(odds_with(0.0), odds_with(3.0))
    assert np.allclose(found, gained, atol=0.03 * max(gained, 0.1))


def test_a_gpu_without_memory_hands_over_to_the_cpu_and_says_so(caplog):
    network = untrained()
    engine = SliceUNetEngine(network)
    honest = engine._run_network
    failures = []

    def fails_once(inputs, mask, turn, learned):
        if not failures:
            failures.append(inputs.index)
            raise torch.cuda.OutOfMemoryError("out of memory")
        return honest(inputs, mask, turn, learned)

    engine._run_network = fails_once
    with caplog.at_level(logging.WARNING):
        found, _ = masks_of(engine)
    assert failures
    assert "CPU" in caplog.text
    assert np.array_equal(found, masks_of(SliceUNetEngine(network))[0])


def test_a_model_file_is_an_engine_with_the_hash_of_its_weights(tmp_path):
    network = untrained()
    save_checkpoint(
        tmp_path / "mine.pt",
        "slice_unet.guided",
        {"network": network.config.__dict__},
        network.state_dict(),
    )
    engine = make_engine(tmp_path / "mine.pt", "cpu")
    assert engine.name == "slice_unet"
    assert len(str(model_hash(engine))) == 64
    assert np.array_equal(masks_of(engine)[0], masks_of(SliceUNetEngine(network))[0])


def test_a_configuration_of_another_version_is_refused(tmp_path):
    save_checkpoint(
        tmp_path / "mine.pt",
        "slice_unet.guided",
        {"network": {"wings": 2}},
        untrained().state_dict(),
    )
    with pytest.raises(CheckpointError, match="wings"):
        make_engine(tmp_path / "mine.pt")


def test_the_shipped_network_is_the_default():
    assert has_model("slice_unet")
    assert default_engine() == make_engine().name == "slice_unet"


@pytest.mark.parametrize("name", [info.name for info in ENGINES.values() if info.has_weights])
def test_every_engine_with_weights_is_shipped_walks_and_agrees_with_its_card(name):
    engine = make_engine(name, "cpu")
    card = json.loads(
        find_model(ENGINES[name].weights_name).with_suffix(".json").read_text(encoding="utf-8")
    )
    assert engine.name == name
    assert model_hash(engine) == card["sha256"]
    assert card["licence"] == "CC BY-SA 4.0"
    sets = {set_name: of for set_name, of in card["data"].items() if "split" in of}
    assert set(sets) <= set(PERMITTED)
    assert all(of["citation"] for of in sets.values())
    assert "train" in card["command"]
    assert card["figures"]["command"]
    assert card["limits"]
    found, truth = masks_of(engine)
    assert dice(found, truth) > 0.85


def test_shipped_weights_are_small_and_looked_for_in_checkout_and_wheel():
    assert find_model("slice_unet").stat().st_size < 20e6
    first, *others = [folder.parts[-2:] for folder in model_folders()]
    assert first == ("Resources", "Models")
    assert set(others) == {("slice-propagation", "Models")}


def test_weights_that_were_not_shipped_are_named_with_the_places(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "SlicePropagationLib.files.shipped_weights.model_folders", lambda: [tmp_path]
    )
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        find_model("slice_unet")
    assert default_engine() == "registration"
    assert not ENGINES["slice_unet"].is_ready


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cpu_and_cuda_give_the_same_masks():
    on_cpu, _ = masks_of(make_engine("slice_unet", "cpu"))
    on_cuda, _ = masks_of(make_engine("slice_unet", "cuda"))
    assert dice(on_cpu, on_cuda) >= 0.995
