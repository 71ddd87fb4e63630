"""What Slicer's own export of DICOM SEG reads from a segment: drawn by hand, or with our help.

The rules are those of the plugin DICOMSegmentationPlugin of the extension QuantitativeReporting,
which itself needs the application.
"""

import pytest
import slicer
from phantoms import disc
from SlicePropagationMRML.nodes.dicom_tags import NAME, TYPE
from SlicePropagationMRML.nodes.tags import readTag, readTags

from SlicePropagationLib import __version__

SMALL = disc((48, 48), (20, 20), 5)
OURS = f"SlicePropagation {__version__} registration"


@pytest.fixture
def seeded(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.logic.look()
    return bench


def exported(segmentation):
    """(type, name) as the plugin writes them into the file; it refuses others."""
    segment = segmentation.GetSegmentation().GetSegment("disc")
    kind = readTag(segment, TYPE) if segment.HasTag(TYPE) else "MANUAL"
    name = readTag(segment, NAME) if segment.HasTag(NAME) else None
    assert kind in ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC")
    assert name or kind == "MANUAL"
    assert len(name or "") <= 64
    return kind, name


def test_what_is_only_drawn_is_manual_and_with_a_run_semiautomatic(seeded):
    assert exported(seeded.segmentation) == ("MANUAL", None)
    seeded.run("registration")
    assert exported(seeded.segmentation) == ("SEMIAUTOMATIC", OURS)


def test_it_goes_and_comes_with_undo_and_redo(seeded):
    seeded.run("registration")
    seeded.logic.undo()
    assert exported(seeded.segmentation) == ("MANUAL", None)
    seeded.logic.redo()
    assert exported(seeded.segmentation) == ("SEMIAUTOMATIC", OURS)


def test_our_name_goes_where_nothing_of_an_engine_is_left(seeded):
    segment = seeded.segmentation.GetSegmentation().GetSegment("disc")
    segment.SetTag(TYPE, "SEMIAUTOMATIC")  # as of a copy of a segment that was propagated
    segment.SetTag(NAME, OURS)
    seeded.draw("disc", 9, SMALL)
    seeded.logic.look()
    assert exported(seeded.segmentation) == ("MANUAL", None)


@pytest.mark.parametrize(
    "other", ["Some Model 2", "A model with a name so long that nothing has room"]
)
def test_algorithms_of_others_stay_named_where_there_is_room(seeded, other):
    segment = seeded.segmentation.GetSegmentation().GetSegment("disc")
    segment.SetTag(TYPE, "AUTOMATIC")
    segment.SetTag(NAME, other)
    for _ in range(2):
        seeded.run("registration")
        seeded.draw("disc", 9, SMALL)
        seeded.logic.look()
    kind, name = exported(seeded.segmentation)
    assert kind == "SEMIAUTOMATIC"
    assert name == (f"{other} + {OURS}" if len(other) < 20 else OURS)


def test_the_engine_is_known_after_an_edit_of_what_was_opened_again(seeded):
    seeded.run("registration")
    seeded.logic.close()
    seeded.open()
    seeded.draw("disc", 9, SMALL)
    seeded.logic.look()
    assert readTags(seeded.segmentation, "disc")["engine"] == "registration"
    assert exported(seeded.segmentation) == ("SEMIAUTOMATIC", OURS)


def test_it_survives_a_file(seeded, tmp_path):
    seeded.run("registration")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    seeded.scene.AddNode(storage)
    assert storage.WriteData(seeded.segmentation)
    loaded = seeded.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Loaded")
    assert storage.ReadData(loaded)
    assert exported(loaded) == ("SEMIAUTOMATIC", OURS)
