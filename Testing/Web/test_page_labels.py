"""What the page writes of a segmentation that was opened has its labels, layers and names."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'app'")

from mrml_bench import Bench
from mrml_scene import makeSegmentation
from phantoms import disc
from SlicePropagationMRML.nodes.volume_files import addSegments, volumeOf
from SlicePropagationWeb.page_session import Exports, PageSession

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segmentation_file import Segmentation, read_segmentation
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.pipelines.result_files import read_result

LARGE = disc((48, 48), (24, 24), 9)
SMALL = disc((48, 48), (24, 26), 4)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.logic.cleanup()


def opened(bench, drawn):
    """A page's session of segments from a file."""
    bench.segmentation = makeSegmentation(bench.scene, bench.volume, ())
    addSegments(bench.segmentation, bench.volume, drawn)
    bench.open(*(segment.id for segment in drawn.segments))
    controller = SimpleNamespace(volume=bench.volume, segmentation=bench.segmentation)
    data = SimpleNamespace(engine="copy", volume_name="image", plane="axial", segment_id="")
    return PageSession(bench.logic, controller, data)


def on_slice(mask, value=1):
    labels = np.zeros((16, 48, 48), np.uint16)
    labels[7][mask] = value
    return labels


def test_label_values_of_a_file_come_back_after_a_run(bench, tmp_path):
    labels = on_slice(LARGE, 300)
    labels[7][SMALL] = 17
    segments = (Segment.plain(300), Segment.plain(17))
    session = opened(bench, Segmentation((labels,), segments))
    bench.run("copy")
    session.result(tmp_path / "out.nii.gz", 0.0)()
    found = read_result(tmp_path / "out.nii.gz", volumeOf(bench.volume))
    assert np.unique(found.labels).tolist() == [0, 17, 300]
    assert np.array_equal(found.labels[7], labels[7])
    assert [segment.id for segment in found.segments] == ["Segment_17", "Segment_300"]


def test_a_new_segment_gets_a_number_that_no_other_one_has(bench, tmp_path):
    session = opened(bench, Segmentation((on_slice(LARGE, 1),), (Segment.plain(1),)))
    bench.segmentation.GetSegmentation().AddEmptySegment("new", "new")
    bench.open("Segment_1", "new")
    assert [segment.label for segment in session.segments()] == [1, 2]


def test_segments_that_overlap_stay_in_their_layers(bench, tmp_path):
    segments = (
        Segment(1, "organ", "o", (1.0, 0.0, 0.0), "", 0, 1),
        Segment(2, "tumour", "t", (0.0, 1.0, 0.0), "", 1, 1),
    )
    session = opened(bench, Segmentation((on_slice(LARGE), on_slice(SMALL)), segments))
    session.result(tmp_path / "out.seg.nrrd", 0.0)()
    found = read_segmentation(tmp_path / "out.seg.nrrd", volumeOf(bench.volume))
    assert [(each.name, each.layer, each.stored) for each in found.segments] == [
        ("organ", 0, 1),
        ("tumour", 1, 1),
    ]
    for segment, mask in zip(found.segments, (LARGE, SMALL), strict=True):
        assert np.array_equal(found.mask(segment)[7], mask)


def test_segments_that_overlap_still_do_after_a_run_that_lets_them(bench, tmp_path):
    segments = (
        Segment(1, "a", "a", (1, 0, 0), "", 0, 1),
        Segment(2, "b", "b", (0, 1, 0), "", 1, 1),
    )
    session = opened(bench, Segmentation((on_slice(LARGE), on_slice(SMALL)), segments))
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteNone)
    bench.run("copy")
    session.result(tmp_path / "out.seg.nrrd", 0.0)()
    found = read_segmentation(tmp_path / "out.seg.nrrd", volumeOf(bench.volume))
    for segment, mask in zip(found.segments, (LARGE, SMALL), strict=True):
        for index in (5, 7, 9):
            assert np.array_equal(found.mask(segment)[index], mask)


def test_a_mesh_is_written_beside_what_the_page_saves(bench, tmp_path):
    session = opened(bench, Segmentation((on_slice(LARGE, 17),), (Segment.plain(17),)))
    files = session.result(tmp_path / "out.seg.nrrd", 0.0, Exports(("stl",)))()
    assert [file.name for file in files] == ["out.17.stl"]
    assert files[0].is_file()


def test_what_cannot_be_exported_is_said_before_anything_is_written(bench, tmp_path):
    pytest.importorskip("pydicom", reason="needs pydicom, the extra 'dicom'")
    session = opened(bench, Segmentation((on_slice(LARGE, 17),), (Segment.plain(17),)))
    exports = Exports(("rtstruct",), str(tmp_path / "image.nii.gz"))
    with pytest.raises(InputError, match="no DICOM series"):
        session.result(tmp_path / "out.seg.nrrd", 0.0, exports)()
    assert not list(tmp_path.glob("out*"))
