"""Model files.

What was saved comes back, and nothing that is not a model of ours is taken or run.
"""

import json
import os
import pickle
import random
import zipfile

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint, save_checkpoint
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.networks.unet import UNet

CONFIG = UNetConfig(depth=2, base_channels=4)


@pytest.fixture
def model(tmp_path):
    """A model file and the network in it."""
    network = UNet(CONFIG)
    save_checkpoint(
        tmp_path / "model.pt",
        "slice_unet.plain",
        CONFIG,
        network.state_dict(),
        metrics={"dice": 0.5},
    )
    return tmp_path / "model.pt", network


def refused(path, *words, families=None):
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path, families)
    for word in (path.name, *words):
        assert word in str(error.value)


def test_a_model_comes_back_with_its_weights_configuration_and_metrics(model):
    path, network = model
    checkpoint = load_checkpoint(path, {"slice_unet.plain"})
    again = fill_network(UNet(UNetConfig(**checkpoint.config)), checkpoint, path)
    assert all(
        torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items()
    )
    assert checkpoint.metrics == {"dice": 0.5}
    assert checkpoint.family == "slice_unet.plain"


def test_shipped_weights_take_half_the_room_and_come_back_as_float32(tmp_path):
    weights = {"weight": torch.linspace(-1, 1, 5000), "count": torch.tensor(3)}
    save_checkpoint(tmp_path / "half.pt", "slice_unet.plain", CONFIG, weights, is_half=True)
    save_checkpoint(tmp_path / "full.pt", "slice_unet.plain", CONFIG, weights)
    assert (tmp_path / "half.pt").stat().st_size < 0.7 * (tmp_path / "full.pt").stat().st_size
    read = load_checkpoint(tmp_path / "half.pt").weights
    assert read["weight"].dtype == torch.float32
    assert read["count"].dtype == torch.int64
    assert torch.allclose(read["weight"], weights["weight"], atol=1e-3)


def test_what_16_bits_cannot_hold_is_shipped_with_32(tmp_path):
    variances = torch.tensor([1.0, 65504.0, 300_000.0])
    save_checkpoint(
        tmp_path / "half.pt",
        "slice_unet.plain",
        CONFIG,
        {"running_var": variances},
        is_half=True,
    )
    assert torch.equal(load_checkpoint(tmp_path / "half.pt").weights["running_var"], variances)


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "absent.pt", "no model file")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_refused(model, share):
    path, _ = model
    stored = path.read_bytes()
    path.write_bytes(stored[: int(share * len(stored))])
    refused(path, "truncated")


def test_flipped_bits_are_refused_or_do_no_harm(model):
    path, network = model
    stored = path.read_bytes()
    chance = random.Random(0)
    refusals = 0
    for _ in range(400):
        spoilt = bytearray(stored)
        for _ in range(chance.choice((1, 3, 10))):
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        try:
            weights = load_checkpoint(path).weights
        except CheckpointError:
            refusals += 1
        else:
            assert all(
                torch.equal(value, weights[name]) for name, value in network.state_dict().items()
            )
    assert refusals > 200


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"weights": 3}, "weights"),
        ({"weights": {"a": 1}}, "tensors"),
        ({"family": ["f"]}, "family"),
        ({"config": 3}, "config"),
        ({"config": None}, "config"),
    ],
)
def test_entries_of_another_kind_are_refused(tmp_path, changes, words):
    torch.save(
        {
            "format": "slice-propagation",
            "version": 1,
            "family": "f",
            "config": {},
            "weights": {},
            **changes,
        },
        tmp_path / "model.pt",
    )
    refused(tmp_path / "model.pt", words, "copy it again", families={"f"})


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    save_checkpoint(
        tmp_path / "model.pt",
        "f",
        {},
        {"bias": torch.zeros(2), "weight": torch.tensor([1.0, float("nan")])},
    )
    refused(tmp_path / "model.pt", "no numbers", "weight")


def nested(depth):
    """A list of lists in which two stand for a billion."""
    values = [0]
    for _ in range(depth):
        values = [values, values]
    return values


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"weights": {"w": torch.zeros(1).half().expand(10**6, 10**6)}}, "promises"),
        ({"config": {"channels": nested(30)}}, "more than"),
        ({"metrics": {"dice": nested(30)}}, "more than"),
    ],
)
def test_a_small_file_that_stands_for_much_is_refused(tmp_path, changes, words):
    path = tmp_path / "model.pt"
    content = {"format": "slice-propagation", "version": 1, "family": "f", "config": {}}
    content["weights"] = {}
    torch.save(content | changes, path)
    refused(path, words)


def test_a_packed_file_is_refused(model, tmp_path):
    path = tmp_path / "packed.pt"
    with zipfile.ZipFile(model[0]) as source, zipfile.ZipFile(path, "w", 8) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member) + bytes(1 << 20))
    refused(path, "not a model file")


def test_a_zip_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "not a model")
    refused(path, "foreign")


def test_a_model_of_another_program_is_refused(tmp_path):
    torch.save({"state_dict": {"weight": torch.zeros(3)}}, tmp_path / "model.pt")
    refused(tmp_path / "model.pt", "slice-propagation")


@pytest.mark.parametrize("is_bare", [True, False], ids=["bare pickle", "inside a torch file"])
def test_code_in_a_model_file_is_never_run(tmp_path, is_bare):
    trace = tmp_path / "trace"
    path = tmp_path / "model.pt"

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(trace),)

    if is_bare:
        path.write_bytes(pickle.dumps(Payload()))
    else:
        torch.save(
            {
                "format": "slice-propagation",
                "version": 1,
                "family": "slice_unet.plain",
                "config": Payload(),
                "weights": {},
            },
            path,
        )
    refused(path)
    assert not trace.exists()
    if not is_bare:
        refused(path, "run code")


def test_another_family_is_refused_with_both_names(model):
    refused(model[0], "slice_unet.plain", "cine_unet", families={"cine_unet"})


def test_a_later_version_asks_for_an_update(tmp_path):
    torch.save(
        {
            "format": "slice-propagation",
            "version": 2,
            "family": "slice_unet.plain",
            "config": {},
            "weights": {},
        },
        tmp_path / "model.pt",
    )
    refused(tmp_path / "model.pt", "version 2", "update")


def test_a_file_that_is_not_what_its_card_says_is_refused(model):
    path, _ = model
    card = path.with_suffix(".json")
    card.write_text(json.dumps({"sha256": load_checkpoint(path).sha256}), encoding="utf-8")
    load_checkpoint(path)
    card.write_text(json.dumps({"sha256": "0" * 64}), encoding="utf-8")
    refused(path, "000000000000", "model card")


def test_a_file_that_may_not_be_read_is_named(model, monkeypatch):
    def denied(_):
        raise PermissionError(13, "Permission denied")

    path, _ = model
    monkeypatch.setattr(type(path), "read_bytes", denied)
    refused(path, "Permission denied", "permissions")


@pytest.mark.parametrize("card", ['{"sha256": 5}', '{"sha256": ["a"]}', "[]", "{"])
def test_a_card_that_is_none_is_named(model, card):
    path, _ = model
    path.with_suffix(".json").write_text(card, encoding="utf-8")
    refused(path, "model.json", "copy it again")


def test_weights_of_another_shape_are_refused(model):
    path, _ = model
    with pytest.raises(CheckpointError, match="do not fit"):
        fill_network(UNet(UNetConfig(depth=2, base_channels=8)), load_checkpoint(path), path)
