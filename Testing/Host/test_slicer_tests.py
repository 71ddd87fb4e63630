"""The tests that are made for desktop Slicer pass on the host too.

So does the module's own self test.
"""

import importlib.util
import unittest
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = CHECKOUT / "SlicePropagation" / "SlicePropagation.py"
EFFECT_MODULE = MODULE.with_name("SegmentEditorSlicePropagation.py")
FOLDER = CHECKOUT / "Testing" / "Slicer"
FILES = sorted(FOLDER.glob("*Test.py"))
# Effects stay alive: PySide6 does not survive widgets that go with their last name.
KEPT = []


def cases_of(path):
    """The unittest cases of a file, one a method."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    python = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(python)
    return unittest.defaultTestLoader.loadTestsFromModule(python)


def failures_of(suite):
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun > 0
    return [f"{case}\n{trace}" for case, trace in [*result.failures, *result.errors]]


@pytest.fixture
def module(application, monkeypatch):
    """The extension's modules, entered; cleaned up afterwards, as Slicer does it."""
    import slicer
    from host import slicerenv

    monkeypatch.syspath_prepend(FOLDER)  # as CTest gives it to Slicer's Python
    module = slicerenv.load_module(MODULE)
    slicerenv.load_module(EFFECT_MODULE, enter=False)
    yield module
    registered = slicer.qSlicerSegmentEditorEffectFactory.instance()._registered
    KEPT.extend(registered)
    registered.clear()
    for path in (EFFECT_MODULE, MODULE):
        slicerenv.unload_module(path.stem)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_tests_for_slicer_pass_on_the_host(module, path):
    failures = failures_of(cases_of(path))
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def test_the_self_test_of_the_module_passes_on_the_host(module):
    module[1].runTest(msec=0)


def test_the_panel_follows_selectors_that_choose_only_when_they_are_shown(application, monkeypatch):
    import numpy as np
    import slicer
    from host import mrml_widgets, person, slicerenv

    monkeypatch.setattr(mrml_widgets, "unseen_boxes_choose", False)
    slicer.util.mainWindow().hide()
    volume = slicer.util.addVolumeFromArray(np.zeros((8, 24, 20), np.float32), name="CT")
    panel = slicerenv.load_module(MODULE)[2].panel
    person.turns()
    assert panel.ui.volumeSelector.currentNode() is None
    assert not panel.ui.propagateButton.enabled
    slicer.util.mainWindow().show()
    person.turns()
    assert panel.ui.volumeSelector.currentNode() is volume
    assert panel.settings.nodes()[0] is volume
    slicer.util.mainWindow().hide()
    slicerenv.unload_module(MODULE.stem)


def test_the_lines_of_the_documentation_fill_a_segment_from_one_slice(module):
    import numpy as np
    import slicer
    from mrml_scene import makeSegmentation, makeVolume
    from phantoms import drifting_disc
    from SlicePropagationMRML.nodes.geometry import segmentMask

    page = (CHECKOUT / "docs" / "slicer.md").read_text(encoding="utf-8")
    block = page.split("<!-- example: nodes -->")[1].split("```")[1].removeprefix("python\n")
    assert len(list(filter(None, block.splitlines()))) == 3
    stack, truth = drifting_disc()
    volume = makeVolume(slicer.mrmlScene, stack.images, (1.0, 1.5, 3.0))
    segmentation = makeSegmentation(slicer.mrmlScene, volume, ["Segment_1"])
    drawn = np.zeros(truth.shape, np.uint8)
    drawn[7] = truth[7]
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, segmentation, "Segment_1", volume)
    exec(block, {"volumeNode": volume, "segmentationNode": segmentation})
    found = segmentMask(segmentation, "Segment_1", volume)
    assert np.array_equal(found[7], truth[7])
    assert found[9].any()
