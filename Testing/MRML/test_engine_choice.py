"""Which names of engines are taken before anything is imported for them."""

import pytest
from SlicePropagationMRML.presenting.controls import engineNotes
from SlicePropagationMRML.run.engine_choice import EngineChoice

from SlicePropagationLib.errors import ConfigError


@pytest.mark.parametrize("name", ["copy", "mine.pt", "sam2:weights.pt@512"])
def test_an_engine_is_named_as_on_the_command_line(name):
    assert EngineChoice().changedTo(name, "cpu").name == name


def test_an_engine_is_made_anew_when_it_shall_adapt_and_only_then():
    pytest.importorskip("torch")
    choice = EngineChoice().changedTo("slice_unet", "cpu")
    assert choice.changedTo("slice_unet", "cpu") is choice
    adapting = choice.changedTo("slice_unet", "cpu", adapts=True)
    assert adapting is not choice
    assert adapting.changedTo("slice_unet", "cpu", adapts=True) is adapting


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="nowhere:x"):
        EngineChoice().changedTo("nowhere:x", "cpu")


def test_an_engine_that_walks_with_the_weights_of_another_one_says_where_they_come_from():
    notes = [text for _, text in engineNotes()]
    assert sum("Weights: slice_unet.pt" in text for text in notes) == 2
    assert "Its weights are not installed." not in " ".join(notes)
