"""What a person chose in the panel comes back with a scene, also with one of another version."""

import pytest
import slicer
from mrml_scene import makeScene, makeVolume
from SlicePropagationMRML.nodes.panel_settings import DEFAULTS, PanelSettings

# Names and texts that version 0.1.0 (6ded416) wrote; every later version must read them.
OF_6DED416 = {
    "axis": "2",
    "scope": "checked",
    "segments": "liver|kidney",
    "toTheEnd": "0",
    "first": "4",
    "last": "17",
    "direction": "up",
    "engine": "registration",
    "device": "cpu",
    "follow": "0",
    "autoUpdate": "1",
    "cyclic": "0",
}
NOT_UNDERSTOOD = {
    "axis": "oblique",
    "scope": "every",
    "toTheEnd": "True",
    "first": "-3",
    "last": "four",
    "direction": "outwards",
    "device": "tpu",
}


def moduleNode(scene):
    """The module's parameter node, as Slicer's base class of logics makes it."""
    found = scene.GetSingletonNode("SlicePropagation", "vtkMRMLScriptedModuleNode")
    if found is not None:
        return found
    node = slicer.vtkMRMLScriptedModuleNode()
    node.SetSingletonTag("SlicePropagation")
    node.SetAttribute("ModuleName", "SlicePropagation")
    return scene.AddNode(node)


@pytest.fixture
def scene():
    return makeScene()[0]


@pytest.fixture
def node(scene):
    return moduleNode(scene)


@pytest.fixture
def settings(node):
    return PanelSettings(lambda: node)


def test_settings_of_the_last_release_come_back_from_a_saved_scene(scene, node, tmp_path):
    for name, text in OF_6DED416.items():
        node.SetParameter(name, text)
    node.SetNodeReferenceID("volume", makeVolume(scene, [[[0.0]]], (1, 1, 1)).GetID())
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    other, _ = makeScene()
    other.SetURL(str(tmp_path / "scene.mrml"))
    assert other.Connect()
    read = PanelSettings(lambda: moduleNode(other))
    assert {name: read.get(name) for name in OF_6DED416} == OF_6DED416
    assert (read.number("first"), read.number("last")) == (4, 17)
    assert not read.isOn("toTheEnd")
    assert read.nodes()[0].GetName() == "CT"


def test_every_setting_of_the_last_release_is_still_known():
    assert set(OF_6DED416) <= set(DEFAULTS)


@pytest.mark.parametrize(("name", "text"), NOT_UNDERSTOOD.items())
def test_a_setting_that_this_version_does_not_know_counts_as_its_default(
    settings, node, name, text
):
    node.SetParameter(name, text)
    assert settings.get(name) == DEFAULTS[name]


def test_a_setting_is_written_over_what_was_not_understood(settings, node):
    node.SetParameter("scope", "every")
    settings.set("scope", "drawn")
    assert node.GetParameter("scope") == "drawn"
    assert settings.get("scope") == "drawn"


def test_a_name_that_is_no_setting_is_refused(settings):
    with pytest.raises(KeyError, match="colour"):
        settings.set("colour", "red")
