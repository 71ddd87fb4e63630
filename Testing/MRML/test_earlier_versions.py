"""Segmentations and scenes of an earlier version open as they were; see Fixtures/README.md."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

import slicer
from mrml_scene import makeScene
from SlicePropagationMRML.nodes.commit import makeEditorLogic
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationMRML.nodes.sequences import PROPAGATED_TAG, propagateSequence
from SlicePropagationMRML.nodes.tags import readTags
from SlicePropagationMRML.run.logic import PropagationLogic

from SlicePropagationLib.session import Provenance

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures" / "6ded416"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))
VOLUME = EXPECTED["slicer"]["volume"]["segments"]
PAGE = EXPECTED["page"]["segments"]


class Opened:
    """A scene to open files in, as Slicer's application sets it up, and a logic."""

    def __init__(self, folder):
        self.scene, self.appLogic = makeScene()
        self.cache = slicer.vtkCacheManager()
        self.dataIO = slicer.vtkDataIOManager()
        self.cache.SetRemoteCacheDirectory(str(folder))
        self.cache.SetMRMLScene(self.scene)
        self.dataIO.SetCacheManager(self.cache)
        self.scene.SetCacheManager(self.cache)
        self.scene.SetDataIOManager(self.dataIO)
        self.appLogic.SetTemporaryPath(str(folder))
        sequences = slicer.vtkSlicerSequencesLogic()  # it makes the kinds of its nodes known
        sequences.SetMRMLApplicationLogic(self.appLogic)
        sequences.SetMRMLScene(self.scene)
        self.appLogic.SetModuleLogic("Sequences", sequences)
        self.logic = PropagationLogic(self.scene, makeEditorLogic(self.scene, self.appLogic))

    def read(self, kind, storageKind, path):
        """The node in a file."""
        storage = self.scene.AddNewNodeByClass(storageKind)
        storage.SetFileName(str(path))
        node = self.scene.AddNewNodeByClass(kind)
        assert storage.ReadData(node)
        return node

    def readVolume(self, path):
        storage = "vtkMRMLVolumeArchetypeStorageNode"
        return self.read("vtkMRMLScalarVolumeNode", storage, path)

    def readSegmentation(self, path):
        storage = "vtkMRMLSegmentationStorageNode"
        return self.read("vtkMRMLSegmentationNode", storage, path)

    def readScene(self, path):
        assert self.scene.ReadFromMRB(str(path), False)

    def first(self, kind):
        """The first node of a class."""
        return self.scene.GetFirstNodeByClass(kind)


@pytest.fixture
def opened(tmp_path):
    opened = Opened(tmp_path)
    yield opened
    opened.logic.cleanup()


def checkSession(opened, volume, segmentation, expected):
    """What the logic reads from the tags is what an earlier version knew.

    Slicer turns the volume around when it reads it: its slices are counted from the other end.
    """
    opened.logic.open(volume, segmentation, list(expected))
    session = opened.logic.session
    for row, (label, facts) in enumerate(zip(session.labels, expected.values(), strict=True)):
        count = len(facts["areas"])
        assert segmentation.GetSegmentation().GetNthSegment(row).GetName() == facts["name"]
        assert session.provenance[row].tolist() == facts["provenance"][::-1]
        assert session.areas(label).tolist() == facts["areas"][::-1]
        assert sorted(count - 1 - index for index in session.anchors(label)) == facts["anchors"]
        stale = np.flatnonzero(session.stale(label))
        assert sorted(count - 1 - index for index in stale) == facts["stale"]
        confidence = np.array(facts["confidence"], float)[::-1]
        np.testing.assert_allclose(session.confidence[row], confidence, atol=1e-3)
    assert opened.logic.mergeEdits() == []


def test_a_segmentation_of_an_earlier_version_opens_with_its_provenance(opened):
    volume = opened.readVolume(FIXTURES / "slicer" / "volume.nrrd")
    segmentation = opened.readSegmentation(FIXTURES / "slicer" / "segmentation.seg.nrrd")
    checkSession(opened, volume, segmentation, VOLUME)
    assert readTags(segmentation, "disc")["engine"] == EXPECTED["slicer"]["volume"]["engine"]


def test_a_segmentation_that_the_page_of_an_earlier_version_saved_opens_in_slicer(opened):
    volume = opened.readVolume(FIXTURES / "image.nii.gz")
    segmentation = opened.readSegmentation(FIXTURES / "page" / "saved.seg.nrrd")
    checkSession(opened, volume, segmentation, PAGE)


def test_a_scene_of_an_earlier_version_opens_with_its_provenance(opened):
    opened.readScene(FIXTURES / "slicer" / "scene.mrb")
    volume = opened.first("vtkMRMLScalarVolumeNode")
    checkSession(opened, volume, opened.first("vtkMRMLSegmentationNode"), VOLUME)


def test_a_run_after_a_scene_was_opened_fills_what_was_out_of_date_and_keeps_the_anchors(opened):
    opened.readScene(FIXTURES / "slicer" / "scene.mrb")
    volume = opened.first("vtkMRMLScalarVolumeNode")
    segmentation = opened.first("vtkMRMLSegmentationNode")
    opened.logic.open(volume, segmentation, list(VOLUME))
    before = segmentMask(segmentation, "disc", volume).copy()
    opened.logic.start("copy", segmentIDs=["disc"])
    opened.logic.runToEnd()
    session = opened.logic.session
    assert not session.stale(1).any()
    for index in session.anchors(1):
        assert np.array_equal(segmentMask(segmentation, "disc", volume)[index], before[index])


def test_a_sequence_that_an_earlier_version_carried_opens_with_its_frames(opened):
    opened.readScene(FIXTURES / "slicer" / "cine.mrb")
    browser = opened.first("vtkMRMLSequenceBrowserNode")
    volumes = browser.GetMasterSequenceNode()
    segmentations = browser.GetSequenceNode(opened.first("vtkMRMLSegmentationNode"))
    frames = EXPECTED["slicer"]["sequence"]["frames"]
    assert segmentations.GetNumberOfDataNodes() == len(frames)
    for frame, facts in enumerate(frames):
        node = segmentations.GetNthDataNode(frame)
        segment = node.GetSegmentation().GetSegment("LV")
        states = readTags(node, "LV")["slices"]
        assert segment.HasTag(PROPAGATED_TAG) == facts["is_propagated"]
        assert {index: state[0] for index, state in states.items()} == facts["slices"]
        assert segmentMask(node, "LV", volumes.GetNthDataNode(frame)).sum() == facts["area"]
    drawn = [frame for frame, facts in enumerate(frames) if facts["slices"]["0"] >= Provenance.SEED]
    others = [frame for frame in range(len(frames)) if frame not in drawn]
    assert propagateSequence(volumes, segmentations, "copy") == others
