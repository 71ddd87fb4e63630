"""The whole workflow by clicks, keys and strokes, with one segment and with three.

On axial, sagittal and oblique volumes.
"""

import numpy as np
import pytest
import slicer
from host import person
from phantoms import disc, drifting_disc

OBLIQUE = [
    [0.8, -0.6, 0.0],
    [-0.6, -0.8, 0.0],
    [0.0, 0.0, -1.0],
]  # flipped, and right-handed, as every volume that Slicer reads
GEOMETRIES = {
    "axial": {"axis": 0},
    "sagittal": {"axis": 2},
    "oblique": {"axis": 0, "directions": OBLIQUE, "origin": (5.0, -7.0, 11.0)},
}


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("num_segments", [1, 3])
def test_seed_propagate_stop_correct_undo_redo_save_load(
    annotator,
    tmp_path,
    geometry,
    num_segments,
):
    stack, truth = drifting_disc(count=24, first=3, last=20)
    annotator.load(stack, **geometry)
    segments = []
    for number in range(num_segments):
        segments.append(annotator.add_segment())
        annotator.draw(
            10,
            (
                disc(truth[0].shape, (24, 26), 8)
                if number == 0
                else disc(truth[0].shape, (6 + 30 * (number - 1), 6), 3)
            ),
        )
    annotator.ui.editor.setCurrentSegmentID(segments[0])
    if num_segments == 3:
        annotator.choose(annotator.ui.scopeComboBox, "All drawn segments")
    assert annotator.logic.document.stack.axis == geometry["axis"]
    annotator.choose(annotator.ui.engineComboBox, "Image registration")
    seeds = {segment: annotator.mask(segment)[10] for segment in segments}

    annotator.check(annotator.ui.toTheEndCheckBox, False)
    annotator.ui.rangeWidget.setValues(2, 21)
    done = annotator.stop_after(4)
    assert 4 <= done < 20 * num_segments
    assert annotator.logic.hasPartialResult
    person.click(annotator.ui.keepButton)
    annotator.wait_for_end()
    filled = annotator.mask(segments[0]).any(axis=(1, 2)).sum()
    assert 1 < filled < 18

    annotator.propagate()
    kinds = annotator.kinds()
    assert kinds[2:10] == ["propagated"] * 8
    assert kinds[10] == "seed"
    assert kinds[:2] == kinds[22:] == ["unknown"] * 2
    assert all((annotator.mask(segment)[10] == seeds[segment]).all() for segment in segments)

    annotator.key("N")
    suspicious = annotator.panel.review.index
    assert kinds[suspicious] == "propagated"
    assert annotator.strip.indexAt((suspicious + 0.5) * annotator.strip.width / 24) == suspicious
    corrected = disc(truth[0].shape, (20, 16 + suspicious), 6)
    annotator.draw(suspicious, corrected)
    assert annotator.kinds()[suspicious] == "correction"
    assert "stale" in annotator.kinds()
    before = annotator.mask(segments[0])
    stale = np.array([kind == "stale" for kind in annotator.kinds()])
    annotator.propagate()
    changed = (annotator.mask(segments[0]) != before).any(axis=(1, 2))
    assert changed.any()
    assert not (changed & ~stale).any()
    assert (annotator.mask(segments[0])[suspicious] == corrected).all()

    after = annotator.mask(segments[0])
    shown = annotator.kinds()
    trust = annotator.confidences()
    annotator.undo()
    assert annotator.status.startswith("Undone: the propagation of Segment_1")
    assert (annotator.mask(segments[0]) == before).all()
    assert annotator.kinds() != shown
    annotator.redo()
    assert annotator.status.startswith("Redone: the propagation of Segment_1")
    assert (annotator.mask(segments[0]) == after).all()
    assert annotator.kinds() == shown

    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    slicer.mrmlScene.Clear(False)
    person.turns()
    assert annotator.logic.document is None
    assert annotator.ui.propagateButton.toolTip == "Load or choose a volume"
    assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    person.turns()
    annotator.ui.editor.setCurrentSegmentID(segments[0])
    person.turns()
    assert annotator.kinds() == shown
    assert annotator.confidences() == trust
    assert (annotator.mask(segments[0]) == after).all()


LEFT_HANDED = {
    "turned along I": [[1, 0, 0], [0, -1, 0], [0, 0, 1]],
    "turned along K": [[-1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "oblique": [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]],
}


@pytest.mark.parametrize("axis", [0, 2], ids=["along K", "along I"])
@pytest.mark.parametrize("directions", LEFT_HANDED.values(), ids=LEFT_HANDED)
def test_a_left_handed_volume_comes_back_from_a_file_with_its_strip(
    annotator,
    tmp_path,
    directions,
    axis,
):
    stack, truth = drifting_disc()
    annotator.load(stack, axis, directions=directions)
    segment = annotator.add_segment()
    annotator.draw(5, truth[5])
    annotator.choose(annotator.ui.engineComboBox, "Copy (baseline)")
    annotator.propagate()
    annotator.click_slice(12)
    annotator.key("C")
    annotator.draw(8, disc(truth[0].shape, (20, 20), 4))
    shown = annotator.kinds()
    trust = annotator.confidences()
    assert shown[5] == "seed"
    assert shown[8] == "correction"
    assert shown[12] == "confirmed"
    assert "stale" in shown
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    slicer.mrmlScene.Clear(False)
    assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    person.turns()
    annotator.ui.editor.setCurrentSegmentID(segment)
    person.turns()
    turn = (
        -1 if axis == 0 else 1
    )  # Slicer turns the last axis of a left-handed volume around when it reads it
    assert annotator.kinds() == shown[::turn]
    assert annotator.confidences() == trust[::turn]
    annotator.propagate()
    assert annotator.kinds()[::turn][5] == "seed"
    assert annotator.kinds()[::turn][8] == "correction"
    assert "stale" not in annotator.kinds()
