"""The settings of a training.

What a file changes, under which names, and when a training goes on.
"""

import json
from dataclasses import asdict

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.training.record import RECORD, claim
from SlicePropagationLib.training.settings import merged, read_settings, read_training
from SlicePropagationLib.training.train import TrainRequest


@pytest.fixture
def request_of(tmp_path):
    """A request for the default slice-propagation network with some settings changed."""

    def of(settings):
        path = tmp_path / "task.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return TrainRequest("slice_unet", tmp_path / "cases.csv", tmp_path / "out", config=path)

    return of


def bias_of(training):
    return training.task.network.continuation_bias


def test_nested_settings_keep_what_is_not_changed():
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}}) == {
        "a": {"b": 1, "c": 4},
        "d": 3,
    }


@pytest.mark.parametrize("name", ["going_on", "continuation_bias"])
def test_a_setting_is_read_under_its_earlier_name_and_under_that_of_today(request_of, name):
    request = request_of({"task": {"network": {name: 0.5}}})
    assert bias_of(read_training(request)) == 0.5


def test_a_training_that_wrote_an_earlier_name_goes_on(request_of, tmp_path):
    request = request_of({"task": {"network": {"continuation_bias": 0.5}}})
    training = read_training(request)
    assert claim(tmp_path / "out", training, request)
    path = tmp_path / "out" / RECORD
    text = path.read_text(encoding="utf-8").replace("continuation_bias", "going_on")
    path.write_text(text, encoding="utf-8")
    assert not claim(tmp_path / "out", training, request)
    path.write_text(text.replace('"going_on": 0.5', '"going_on": 0.25'), encoding="utf-8")
    with pytest.raises(ConfigError, match="continuation_bias is 0.25 there and 0.5 here"):
        claim(tmp_path / "out", training, request)


def test_the_record_holds_what_makes_two_trainings_the_same(tmp_path):
    request = TrainRequest(
        "slice_unet", "cases.csv", tmp_path, datasets=("a", "b"), init="first.pt"
    )
    training = read_training(request)
    claim(tmp_path, training, request)
    record = read_settings(tmp_path / RECORD)
    assert record.pop("versions").keys() >= {"torch", "slice-propagation", "numpy", "python"}
    assert record == {
        "task": "slice_unet",
        "preset": "default",
        "training": json.loads(json.dumps(asdict(training))),
        "cases": "cases.csv",
        "datasets": "a,b",
        "folds": 0,
        "init": "first.pt",
    }


@pytest.mark.parametrize(
    "values, words",
    [
        ({"task": "magic"}, "no training task 'magic'"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda, got 'tpu'"),
        ({"datasets": "a,b"}, "datasets must be a tuple"),
        ({"labels": "1,2"}, "labels must be a tuple"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"folds": -1}, "folds must be at least 0"),
        ({"max_cases": 0}, "max_cases must be at least 1"),
        ({"max_hours": 0.0}, "--max-hours must be above 0"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_when_it_is_made(values, words):
    with pytest.raises(ConfigError, match=words):
        TrainRequest(
            **{
                "task": "slice_unet",
                "cases": "cases.csv",
                "out": "out",
            }
            | values
        )


def test_data_sets_that_are_left_out_stand_in_the_record(tmp_path):
    request = TrainRequest("slice_unet", "cases.csv", tmp_path, leave_out=("b", "a"))
    training = read_training(request)
    claim(tmp_path, training, request)
    assert read_settings(tmp_path / RECORD)["leave_out"] == "a,b"
    other = TrainRequest("slice_unet", "cases.csv", tmp_path)
    with pytest.raises(ConfigError, match="leave_out is a,b there and None here"):
        claim(tmp_path, training, other)
