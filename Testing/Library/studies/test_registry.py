"""The experiments by name: each is in the module that does it, and a wrong name costs no import."""

import subprocess
import sys
from importlib import import_module

import pytest

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.studies.registry import (
    CINE_EXPERIMENTS,
    EXPERIMENTS,
    find_cine_study,
    find_study,
)
from SlicePropagationLib.studies.request import StudyRequest


@pytest.mark.parametrize("table", [EXPERIMENTS, CINE_EXPERIMENTS], ids=["experiment", "cine"])
def test_every_experiment_is_registered_with_the_module_that_does_it(table):
    pytest.importorskip("torch")
    pytest.importorskip("matplotlib")
    for study in set(table.values()):
        module = import_module(f"SlicePropagationLib.studies.{study.module}")
        registered = {name for name, other in table.items() if other is study}
        assert registered == set(module.EXPERIMENTS)
        assert study.load() is module.run


def test_what_an_experiment_has_no_use_for_is_a_field_of_a_request():
    for study in EXPERIMENTS.values():
        assert set(study.no_use_for) <= set(StudyRequest.__dataclass_fields__)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigError, match="'width'; choose one of baselines, .*, pnet-birnn"):
        find_study("width")
    with pytest.raises(ConfigError, match="choose one of acnn-segmentation, acnn-prior-weight"):
        find_study("acnn-opinions")
    with pytest.raises(ConfigError, match="no cine experiment 'wings'; choose one of models,"):
        find_cine_study("wings")


def test_names_are_known_without_torch_and_without_the_experiments():
    program = (
        "import sys; from SlicePropagationLib.studies import registry;"
        "print([name for name in sys.modules if name == 'torch' or 'experiments' in name])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_a_request_that_no_study_takes_is_refused():
    with pytest.raises(ConfigError, match="scale must be one of small, full, got 'huge'"):
        StudyRequest("depth", "cases.csv", "out", scale="huge")
    with pytest.raises(ConfigError, match="datasets must be a tuple, got 'discs'"):
        StudyRequest("depth", "cases.csv", "out", datasets="discs")
    with pytest.raises(ConfigError, match="folds must be at least 1, got 0"):
        StudyRequest("depth", "cases.csv", "out", folds=0)
