"""The list of engines: adding a family is adding an entry, and what is offered is what can be chosen."""

import numpy as np
import pytest

from SlicePropagationLib import engines
from SlicePropagationLib.cli import main
from SlicePropagationLib.engines import ENGINES, EngineInfo, make_engine, offered_engines
from SlicePropagationLib.models import has_model
from files import make_case, read


@pytest.fixture
def family(monkeypatch):
    """A family that is registered with one entry; it walks as the copying engine does."""
    info = EngineInfo("echo", "Echo", "SlicePropagationLib.engines.copy", "CopyEngine", "Says it again.")
    monkeypatch.setitem(ENGINES, "echo", info)
    return info


def test_what_is_offered_has_its_weights_and_is_no_mere_comparison():
    assert {"registration", "interpolation", "copy"} <= set(offered_engines())
    assert "itk_interpolation" not in offered_engines()
    assert all(has_model(name) for name in offered_engines() if ENGINES[name].has_weights)


def test_an_engine_without_weights_is_not_offered_and_one_without_its_packages_is(monkeypatch):
    monkeypatch.setattr(engines, "has_model", lambda name: name == "slice_unet")
    monkeypatch.setattr(engines.util, "find_spec", lambda name: None)
    assert "slice_unet" in offered_engines() and "voxelmorph" not in offered_engines()
    monkeypatch.setattr(engines, "has_model", lambda name: True)
    assert "voxelmorph" in offered_engines()


def test_titles_tell_engines_apart():
    assert len({info.title for info in ENGINES.values()}) == len(ENGINES)


def test_a_family_with_one_entry_is_listed_offered_and_propagates(family, tmp_path, capsys):
    assert "echo" in offered_engines() and make_engine("echo").name == "copy"
    assert main(["engines"]) == 0
    assert "Says it again." in capsys.readouterr().out
    paths = make_case(tmp_path, slices=(7,))
    out = tmp_path / "found.nii.gz"
    assert main(["propagate", "--image", str(paths["image"]), "--seed", str(paths["seed"]), "--out", str(out), "--engine", "echo", "--quiet"]) == 0
    assert np.array_equal(read(out)[8], read(paths["seed"])[7])
