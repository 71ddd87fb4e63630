"""The engines to choose from.

All of the command line's, what they lack here, and PyTorch installed only when a person asks for
it.
"""

import sys
import types
from importlib import util

import pytest
from host import person

from SlicePropagationLib.engines import ENGINES


@pytest.fixture
def without(monkeypatch):
    """Packages that are not installed, whatever is here; torch is unless it is among them."""
    find = util.find_spec
    missing = set()
    monkeypatch.setattr(
        "SlicePropagationLib.engines.util.find_spec",
        lambda name, *rest: (
            None if name in missing else find(name, *rest) or (name == "torch" or None)
        ),
    )
    return missing


class PyTorchUtilsLogic:
    """The part of the PyTorch extension's logic that others call.

    With its signatures of 2025 and later; the test says what comes of it.
    """

    calls = []
    outcome = None
    found = staticmethod(lambda: False)

    def installTorch(
        self,
        askConfirmation=False,
        forceComputationBackend=None,
        torchVersionRequirement=None,
        torchvisionVersionRequirement=None,
    ):
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
    """A Slicer with the PyTorch extension and without PyTorch.

    What is called of the extension is in `calls`.
    """
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
    monkeypatch.setattr(
        "slicer.util.confirmOkCancelDisplay",
        lambda text, *rest, **options: asked.append(text) or is_yes,
    )
    return asked


def test_the_panel_offers_the_engines_of_the_command_line(drawn):
    from SlicePropagationMRML.presenting.controls import engineTitle

    assert [entry.split(", needs")[0] for entry in entries(drawn.ui.engineComboBox)] == [
        engineTitle(name) for name in ENGINES
    ]


def test_contour_interpolation_of_itk_fills_between_two_drawn_slices_and_nothing_beyond(drawn):
    pytest.importorskip("itk")
    drawn.draw(11, drawn.truth[11])
    drawn.choose(drawn.ui.engineComboBox, "Contour interpolation (ITK)")
    drawn.propagate()
    assert drawn.mask().any(axis=(1, 2)).nonzero()[0].tolist() == [7, 8, 9, 10, 11]
    assert (drawn.mask()[7] == drawn.truth[7]).all()
    assert drawn.kinds()[9] == "propagated"


def test_without_itk_its_engine_is_disabled_with_the_reason(drawn, without):
    without.add("itk")
    drawn.panel.run.refreshEngines()
    combo = drawn.ui.engineComboBox
    row = list(ENGINES).index("itk_interpolation")
    assert combo.itemText(row) == "Contour interpolation (ITK), needs itk"
    assert not combo.model().item(row).isEnabled()
    assert "Python package itk, which is not installed" in combo.model().item(row).toolTip()
    with pytest.raises(LookupError):
        drawn.choose(combo, combo.itemText(row))
    drawn.choose(combo, "Copy (baseline)")
    drawn.propagate()
    assert drawn.mask()[9].any()


def test_the_trained_registration_walks_with_the_weights_that_are_shipped(drawn):
    pytest.importorskip("torch")
    drawn.choose(drawn.ui.engineComboBox, "Trained registration (VoxelMorph)")
    drawn.propagate()
    found = drawn.mask()
    assert 2 * (found & drawn.truth).sum() / (found.sum() + drawn.truth.sum()) > 0.85
    assert drawn.kinds()[9] == "propagated"


def test_an_engine_whose_weights_are_missing_is_disabled_with_the_reason(drawn, monkeypatch):
    monkeypatch.setattr(
        "SlicePropagationMRML.presenting.controls.has_model",
        lambda name: name != "voxelmorph",
    )
    drawn.panel.run.refreshEngines()
    item = drawn.ui.engineComboBox.model().item(list(ENGINES).index("voxelmorph"))
    assert not item.isEnabled()
    assert "weights are not part of this installation" in item.toolTip()


def test_a_scene_that_names_an_engine_which_is_not_here_takes_the_default(drawn, without):
    drawn.panel.settings.set("engine", "itk_interpolation")
    without.update({"itk", "torch"})
    drawn.panel.run.refreshEngines()
    drawn.panel.refresh()
    assert drawn.panel.run.engineName() == "registration"
    assert drawn.ui.engineComboBox.currentText == "Image registration"
    assert drawn.ui.propagateButton.isEnabled()


def choose_network(annotator):
    annotator.panel.run.refreshEngines()
    annotator.choose(annotator.ui.engineComboBox, "Trained network, needs PyTorch")


def test_until_the_person_presses_install_nothing_is_asked_of_the_extension(
    drawn,
    extension,
    monkeypatch,
):
    asked = answer(monkeypatch, True)
    choose_network(drawn)
    drawn.widget.onReload()
    person.turns()
    assert extension.calls == []
    assert asked == []


def test_a_person_who_agrees_gets_pytorch_and_the_engine_stays_chosen(
    drawn,
    extension,
    without,
    monkeypatch,
):
    asked = answer(monkeypatch, True)
    monkeypatch.setattr(
        extension,
        "outcome",
        lambda self: without.discard("torch") or types.ModuleType("torch"),
    )
    choose_network(drawn)
    person.click(drawn.ui.installButton)
    assert len(asked) == 1
    assert "3 GB" in asked[0]
    assert extension.calls == ["torchInstalled", "installTorch"]
    assert drawn.status == "PyTorch is installed."
    assert drawn.ui.engineComboBox.currentText == "Trained network"
    assert not drawn.ui.installButton.visible
    assert drawn.ui.deviceComboBox.visible
    assert drawn.ui.propagateButton.isEnabled()


def test_a_person_who_declines_gets_nothing_and_can_use_another_engine(
    drawn,
    extension,
    monkeypatch,
):
    answer(monkeypatch, False)
    choose_network(drawn)
    person.click(drawn.ui.installButton)
    assert "installTorch" not in extension.calls
    assert drawn.status.startswith("PyTorch was not installed")
    assert not drawn.ui.propagateButton.isEnabled()
    drawn.choose(drawn.ui.engineComboBox, "Image registration")
    drawn.propagate()
    assert drawn.mask()[9].any()


def fail(self):
    raise RuntimeError("no space left on device")


@pytest.mark.parametrize(
    "outcome,said",
    [(fail, "no space left on device"), (lambda self: None, "did not install PyTorch")],
    ids=["an error", "nothing installed"],
)
def test_an_installation_that_fails_is_named_in_the_status_and_the_panel_goes_on(
    drawn,
    extension,
    monkeypatch,
    outcome,
    said,
):
    answer(monkeypatch, True)
    monkeypatch.setattr(extension, "outcome", outcome)
    choose_network(drawn)
    person.click(drawn.ui.installButton)
    assert said in drawn.status
    assert "Image registration works without it" in drawn.status
    assert drawn.ui.installButton.isEnabled()
    drawn.choose(drawn.ui.engineComboBox, "Image registration")
    assert drawn.ui.propagateButton.isEnabled()


def test_pytorch_that_came_by_another_way_is_neither_asked_for_nor_downloaded(
    drawn,
    extension,
    without,
    monkeypatch,
):
    asked = answer(monkeypatch, True)
    choose_network(drawn)
    monkeypatch.setattr(extension, "found", staticmethod(lambda: without.discard("torch") is None))
    person.click(drawn.ui.installButton)
    assert asked == []
    assert extension.calls == ["torchInstalled"]
    assert drawn.status == "PyTorch is installed."
    assert drawn.ui.propagateButton.isEnabled()


def broken():
    raise ImportError("libtorch.so: cannot open shared object file")


def test_a_broken_pytorch_is_named_with_what_mends_it_and_nothing_is_put_on_top(
    drawn,
    extension,
    monkeypatch,
):
    asked = answer(monkeypatch, True)
    monkeypatch.setattr(extension, "found", staticmethod(broken))
    choose_network(drawn)
    person.click(drawn.ui.installButton)
    assert "libtorch.so" in drawn.status
    assert "Uninstall it in the module 'PyTorch Utils'" in drawn.status
    assert asked == []
    assert extension.calls == ["torchInstalled"]
    assert drawn.ui.installButton.isEnabled()


def test_a_broken_pytorch_that_shows_only_in_the_run_ends_it_with_a_sentence(
    drawn,
    without,
    monkeypatch,
):
    monkeypatch.setattr(
        "SlicePropagationMRML.run.engine_choice.make_engine",
        lambda *arguments: broken(),
    )
    before = drawn.mask().copy()
    drawn.propagate()
    assert "libtorch.so" in drawn.status
    assert "choose another engine" in drawn.status
    assert (drawn.mask() == before).all()
    assert drawn.ui.propagateButton.isEnabled()
