"""A batch makes its engine once in each process, and again when the model is another one."""

import pytest
from case_files import make_case

from SlicePropagationLib.engines.copy import CopyEngine
from SlicePropagationLib.pipelines import kept_engine as module
from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch
from SlicePropagationLib.pipelines.kept_engine import kept_engine


@pytest.fixture
def made(monkeypatch):
    """The engines that were made, by what they were asked for."""
    made = []

    def make(name, device):
        made.append((str(name), device))
        engine = CopyEngine()
        engine.device = device
        return engine

    monkeypatch.setattr(module, "choose_engine", make)
    monkeypatch.setattr(module, "_kept", module._Kept())
    return made


def test_a_batch_makes_its_engine_once_for_all_cases(tmp_path, made):
    make_case(tmp_path)
    rows = [f"image.nii.gz,seed.nii.gz,p{number}.nii.gz" for number in range(3)]
    (tmp_path / "cases.csv").write_text("\n".join(["image,seed,out", *rows]), encoding="utf-8")
    request = BatchRequest(tmp_path / "cases.csv", tmp_path / "out", engine="copy")
    assert not any(outcome.error for outcome in run_batch(request))
    assert made == [("copy", "auto")]


def test_a_model_file_that_was_replaced_is_loaded_again(tmp_path, made):
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"one")
    first = kept_engine(weights, "cpu", [weights, None])
    assert kept_engine(weights, "cpu", [weights, None]) is first
    weights.write_bytes(b"another")
    assert kept_engine(weights, "cpu", [weights, None]) is not first


def test_another_engine_or_device_is_made(made):
    first = kept_engine("copy", "cpu", [])
    assert kept_engine("other", "cpu", []) is not first
    assert kept_engine("other", "cuda", []) is not first
    assert made == [("copy", "cpu"), ("other", "cpu"), ("other", "cuda")]


def test_an_engine_that_has_gone_to_the_cpu_is_made_anew_on_the_gpu(made):
    first = kept_engine("slice_unet", "cuda", [])
    first.device = "cpu"
    again = kept_engine("slice_unet", "cuda", [])
    assert again is not first
    assert again.device == "cuda"
