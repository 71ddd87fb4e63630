"""`train presence_rnn`: walks past the ends of two phantoms are recorded, and learnt."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from test_slice_unet import two_phantoms

from SlicePropagationLib.engines.presence.facts import FACTS
from SlicePropagationLib.engines.presence.network import load_presence
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.training.presence.presence_rnn import PRESETS
from SlicePropagationLib.training.presence.walks import PresenceDataset, presence_arrays
from SlicePropagationLib.training.slice.walk_files import Source


def recorded(case, seed=0, **changes):
    config = replace(PRESETS["default"].walks, **changes)
    source = Source("p", "set", case.image, case.label_map, config)
    return presence_arrays(source, np.random.default_rng(seed))


def test_walks_go_past_the_ends_and_say_where_the_structure_is(tmp_path):
    cases, truths = two_phantoms(tmp_path)
    found = recorded(cases[0], is_random=False, empty_share=0.0)
    assert found["facts"].shape == (sum(found["lengths"]), len(FACTS))
    walks = np.split(found["present"], np.cumsum(found["lengths"])[:-1])
    extent = np.count_nonzero(truths[0].any(axis=(1, 2)))
    assert len(walks) == 4  # both ways, from the largest slice and from three uniform ones
    assert walks[0].sum() + walks[1].sum() == extent - 1
    assert walks[2].sum() + walks[3].sum() == 2  # one slice beyond each outermost one
    assert all(walk[-1] == 0 for walk in walks)


def test_the_same_case_is_recorded_in_the_same_way(tmp_path):
    cases, _ = two_phantoms(tmp_path)
    for name, values in recorded(cases[0]).items():
        assert np.array_equal(values, recorded(cases[0])[name])


def test_every_set_has_its_share_of_the_samples(tmp_path):
    for name, count in (("many", 9), ("one", 1)):
        facts = np.zeros((3 * count, len(FACTS)), np.float32)
        lengths = np.full(count, 3)
        np.savez(tmp_path / f"{name}.npz", facts=facts, present=np.ones(3 * count), lengths=lengths)
    paths = [(tmp_path / f"{name}.npz", name) for name in ("many", "one")]
    data = PresenceDataset(paths, max_steps=5, balance=0.5)
    weights = data.weights()
    assert weights[:9].sum() / weights[9] == pytest.approx(3)  # the root of 9
    assert data[0]["weight"].tolist() == [1, 1, 1, 0, 0]


def test_it_learns_and_numpy_reads_what_it_wrote(tmp_path):
    cases, _ = two_phantoms(tmp_path)
    training = replace(
        PRESETS["default"],
        loop=replace(PRESETS["default"].loop, epochs=6, batches_per_epoch=20, batch_size=8),
    )
    said = []
    best = training.train(cases, cases, tmp_path / "out", report=said.append, device="cpu")
    checkpoint = load_checkpoint(best, {"presence_rnn"})
    assert checkpoint.metrics["dice"] > 0.9
    assert load_presence(best.with_name("presence_rnn.npz")).start().shape == (32,)
