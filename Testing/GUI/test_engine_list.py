"""The engines to choose from: all of the command line's, what they lack here, and PyTorch installed only when a person asks for it."""

import sys
import types
from importlib import util

import pytest
from host import person
from phantoms import drifting_disc

from SlicePropagationLib.engines import ENGINES


@pytest.fixture
def seeded(annotator):
    """A person who drew slice 7 of a drifting disc."""
    annotator.stack, annotator.truth = drifting_disc()
    annotator.load(annotator.stack)
    annotator.segment = annotator.add_segment()
    annotator.draw(7, annotator.truth[7])
    return annotator


@pytest.fixture
def without(monkeypatch):
    """Packages that are not installed, whatever is here; torch is unless it is among them."""
    find, missing = util.find_spec, set()
    monkeypatch.setattr("SlicePropagationLib.engines.util.find_spec", lambda name, *rest: None if name in missing else find(name, *rest) or (name == "torch" or None))
    return missing


class PyTorchUtilsLogic:
    """The part of the PyTorch extension's logic that others call, with its signatures of 2025 and later; the test says what comes of it."""

    calls, outcome, found = [], None, staticmethod(lambda: False)

    def installTorch(self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None, torchvisionVersionRequirement=None):
        self.calls.append("installTorch")
        return self.outcome()

    @staticmethod
    def torchInstalled():
        PyTorchUtilsLogic.calls.append("torchInstalled")
        return PyTorchUtilsLogic.found()

    @property
    def torch(self):
        raise AssertionError("It installs PyTorch without asking where it is not there.")


@pytest.fixture
def extension(monkeypatch, without):
    """A Slicer with the PyTorch extension and without PyTorch; what is called of the extension is in `calls`."""
    without.add("torch")
    module = types.ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setattr(PyTorchUtilsLogic, "calls", [])
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    return PyTorchUtilsLogic


def entries(combo):
    return [combo.itemText(row) for row in range(combo.count)]


def answer(monkeypatch, is_yes):
    asked = []
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, *rest, **options: asked.append(text) or is_yes)
    return asked


def test_the_panel_offers_the_engines_of_the_command_line(seeded):
    from SlicePropagationMRML.controls import engineTitle
    assert [entry.split(", needs")[0] for entry in entries(seeded.ui.engineComboBox)] == [engineTitle(name) for name in ENGINES]


def test_contour_interpolation_of_itk_fills_between_two_drawn_slices_and_nothing_beyond(seeded):
    pytest.importorskip("itk")
    seeded.draw(11, seeded.truth[11])
    seeded.choose(seeded.ui.engineComboBox, "Contour interpolation (ITK)")
    seeded.propagate()
    assert seeded.mask().any(axis=(1, 2)).nonzero()[0].tolist() == [7, 8, 9, 10, 11]
    assert (seeded.mask()[7] == seeded.truth[7]).all() and seeded.kinds()[9] == "propagated"


def test_without_itk_its_engine_is_disabled_with_the_reason(seeded, without):
    without.add("itk")
    seeded.panel.run.refreshEngines()
    combo, row = seeded.ui.engineComboBox, list(ENGINES).index("itk_interpolation")
    assert combo.itemText(row) == "Contour interpolation (ITK), needs itk" and not combo.model().item(row).isEnabled()
    assert "Python package itk, which is not installed" in combo.model().item(row).toolTip()
    with pytest.raises(LookupError):
        seeded.choose(combo, combo.itemText(row))
    seeded.choose(combo, "Copy (baseline)")
    seeded.propagate()
    assert seeded.mask()[9].any()


def test_the_trained_registration_walks_with_the_weights_that_are_shipped(seeded):
    pytest.importorskip("torch")
    seeded.choose(seeded.ui.engineComboBox, "Trained registration (VoxelMorph)")
    seeded.propagate()
    found = seeded.mask()
    assert 2 * (found & seeded.truth).sum() / (found.sum() + seeded.truth.sum()) > 0.85 and seeded.kinds()[9] == "propagated"


def test_an_engine_whose_weights_are_missing_is_disabled_with_the_reason(seeded, monkeypatch):
    monkeypatch.setattr("SlicePropagationMRML.controls.has_model", lambda name: name != "voxelmorph")
    seeded.panel.run.refreshEngines()
    item = seeded.ui.engineComboBox.model().item(list(ENGINES).index("voxelmorph"))
    assert not item.isEnabled() and "weights are not part of this installation" in item.toolTip()


def test_a_scene_that_names_an_engine_which_is_not_here_takes_the_default(seeded, without):
    seeded.panel.settings.set("engine", "itk_interpolation")
    without.update({"itk", "torch"})
    seeded.panel.run.refreshEngines()
    seeded.panel.refresh()
    assert seeded.panel.run.engineName() == "registration" and seeded.ui.engineComboBox.currentText == "Image registration" and seeded.ui.propagateButton.isEnabled()


def choose_network(annotator):
    annotator.panel.run.refreshEngines()
    annotator.choose(annotator.ui.engineComboBox, "Trained network, needs PyTorch")


def test_until_the_person_presses_install_nothing_is_asked_of_the_extension(seeded, extension, monkeypatch):
    asked = answer(monkeypatch, True)
    choose_network(seeded)
    seeded.widget.onReload()
    person.turns()
    assert extension.calls == [] and asked == []


def test_a_person_who_agrees_gets_pytorch_and_the_engine_stays_chosen(seeded, extension, without, monkeypatch):
    asked = answer(monkeypatch, True)
    monkeypatch.setattr(extension, "outcome", lambda self: without.discard("torch") or types.ModuleType("torch"))
    choose_network(seeded)
    person.click(seeded.ui.installButton)
    assert len(asked) == 1 and "3 GB" in asked[0] and extension.calls == ["torchInstalled", "installTorch"]
    assert seeded.status == "PyTorch is installed." and seeded.ui.engineComboBox.currentText == "Trained network"
    assert not seeded.ui.installButton.visible and seeded.ui.deviceComboBox.visible and seeded.ui.propagateButton.isEnabled()


def test_a_person_who_declines_gets_nothing_and_can_use_another_engine(seeded, extension, monkeypatch):
    answer(monkeypatch, False)
    choose_network(seeded)
    person.click(seeded.ui.installButton)
    assert "installTorch" not in extension.calls and seeded.status.startswith("PyTorch was not installed") and not seeded.ui.propagateButton.isEnabled()
    seeded.choose(seeded.ui.engineComboBox, "Image registration")
    seeded.propagate()
    assert seeded.mask()[9].any()


def fail(self):
    raise RuntimeError("no space left on device")


@pytest.mark.parametrize("outcome,said", [(fail, "no space left on device"), (lambda self: None, "did not install PyTorch")], ids=["an error", "nothing installed"])
def test_an_installation_that_fails_is_named_in_the_status_and_the_panel_goes_on(seeded, extension, monkeypatch, outcome, said):
    answer(monkeypatch, True)
    monkeypatch.setattr(extension, "outcome", outcome)
    choose_network(seeded)
    person.click(seeded.ui.installButton)
    assert said in seeded.status and "Image registration works without it" in seeded.status and seeded.ui.installButton.isEnabled()
    seeded.choose(seeded.ui.engineComboBox, "Image registration")
    assert seeded.ui.propagateButton.isEnabled()


def test_pytorch_that_came_by_another_way_is_neither_asked_for_nor_downloaded(seeded, extension, without, monkeypatch):
    asked = answer(monkeypatch, True)
    choose_network(seeded)
    monkeypatch.setattr(extension, "found", staticmethod(lambda: without.discard("torch") is None))
    person.click(seeded.ui.installButton)
    assert asked == [] and extension.calls == ["torchInstalled"] and seeded.status == "PyTorch is installed." and seeded.ui.propagateButton.isEnabled()


def broken():
    raise ImportError("libtorch.so: cannot open shared object file")


def test_a_broken_pytorch_is_named_with_what_mends_it_and_nothing_is_put_on_top(seeded, extension, monkeypatch):
    asked = answer(monkeypatch, True)
    monkeypatch.setattr(extension, "found", staticmethod(broken))
    choose_network(seeded)
    person.click(seeded.ui.installButton)
    assert "libtorch.so" in seeded.status and "Uninstall it in the module 'PyTorch Utils'" in seeded.status
    assert asked == [] and extension.calls == ["torchInstalled"] and seeded.ui.installButton.isEnabled()


def test_a_broken_pytorch_that_shows_only_in_the_run_ends_it_with_a_sentence(seeded, without, monkeypatch):
    monkeypatch.setattr("SlicePropagationMRML.engine_choice.make_engine", lambda *arguments: broken())
    before = seeded.mask().copy()
    seeded.propagate()
    assert "libtorch.so" in seeded.status and "choose another engine" in seeded.status and (seeded.mask() == before).all() and seeded.ui.propagateButton.isEnabled()
