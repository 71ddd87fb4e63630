"""The list of engines: adding a family is adding an entry."""

import numpy as np
import pytest
from case_files import make_case, read

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import ENGINES, EngineInfo, make_engine


@pytest.fixture
def family(monkeypatch):
    """A family that is registered with one entry; it walks as the copying engine does."""
    info = EngineInfo(
        "echo",
        "Echo",
        "SlicePropagationLib.engines.copy",
        "CopyEngine",
        "Says it again.",
    )
    monkeypatch.setitem(ENGINES, "echo", info)
    return info


def test_titles_tell_engines_apart():
    assert len({info.title for info in ENGINES.values()}) == len(ENGINES)


def test_a_family_with_one_entry_is_listed_and_propagates(family, tmp_path, capsys):
    assert make_engine("echo").name == "copy"
    assert main(["engines"]) == 0
    assert "Says it again." in capsys.readouterr().out
    paths = make_case(tmp_path, slices=(7,))
    out = tmp_path / "found.nii.gz"
    assert (
        main(
            [
                "propagate",
                "--image",
                str(paths["image"]),
                "--seed",
                str(paths["seed"]),
                "--out",
                str(out),
                "--engine",
                "echo",
                "--quiet",
            ]
        )
        == 0
    )
    assert np.array_equal(read(out)[8], read(paths["seed"])[7])
