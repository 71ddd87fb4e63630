"""What the panel promises, row by row (Testing/GUI/README.md), as far as no other test shows it.

And that the tests named there exist.
"""

import ast
import re
from pathlib import Path

import numpy as np
import slicer
from host import person
from phantoms import disc, drifting_disc

HERE = Path(__file__).resolve().parent
TESTING = HERE.parent
# Keys of Slicer's segment editor and slice views (its manual, 5.12), which no key of ours may
# share.
SLICERS_KEYS = set("QWZYI0123456789*,.<>FBGTVR[]{}") | {"Space", "Left", "Right", "Up", "Down"}


def overlap(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def named_tests():
    """(row, path::name) of the table in README.md."""
    rows = [
        line.split("|")[1:3]
        for line in HERE.joinpath("README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    return [
        (row.strip(), name)
        for row, cell in rows
        for name in re.findall(r"`([\w/]+\.py::\w+)`", cell)
    ]


def test_every_row_names_tests_that_exist():
    named = named_tests()
    assert len({row for row, _ in named}) >= 25
    for row, name in named:
        path, function = name.split("::")
        tree = ast.parse(TESTING.joinpath(path).read_text(encoding="utf-8"))
        assert function in {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        }, f"{row}: {name}"


def test_image_registration_follows_the_structure_both_ways_where_copying_does_not(seeded):
    slices = [index for index in range(16) if seeded.truth[index].any() and index != 7]
    seeded.propagate()
    copied = overlap(seeded.mask()[slices], seeded.truth[slices])
    seeded.undo()
    seeded.choose(seeded.ui.engineComboBox, "Image registration")
    seeded.propagate()
    below, above = (
        [index for index in slices if (index < 7) == is_below] for is_below in (True, False)
    )
    assert overlap(seeded.mask()[below], seeded.truth[below]) > 0.9
    assert overlap(seeded.mask()[above], seeded.truth[above]) > 0.9
    assert copied < 0.9


def test_what_was_drawn_stays_bit_identical_through_runs_corrections_and_other_engines(seeded):
    noise = np.random.default_rng(0).random((48, 48)) > 0.7
    seeded.propagate()
    seeded.draw(10, noise)
    for engine in ("Image registration", "Shape interpolation", "Copy (baseline)"):
        seeded.choose(seeded.ui.engineComboBox, engine)
        seeded.draw(12, noise[::-1] if engine != "Shape interpolation" else noise.T)
        seeded.propagate()
        assert (seeded.mask()[7] == seeded.truth[7]).all()
        assert (seeded.mask()[10] == noise).all()
    assert (seeded.mask()[12] == noise[::-1]).all()


def test_the_intensity_range_of_the_editor_is_honoured(seeded):
    node = seeded.panel.draw.node
    node.SetSourceVolumeIntensityMask(True)
    node.SetSourceVolumeIntensityMaskRange(50.0, 1000.0)
    person.turns()
    seeded.propagate()
    bright = seeded.stack.images >= 50
    others = np.delete(np.arange(16), 7)
    assert seeded.mask()[8].any()
    assert not (seeded.mask() & ~bright)[others].any()


def test_the_editable_area_of_the_editor_is_honoured(seeded):
    other = seeded.add_segment()
    seeded.draw(9, disc((48, 48), (8, 8), 3))
    seeded.ui.editor.setCurrentSegmentID(seeded.segment)
    node = seeded.panel.draw.node
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    node.SetMaskSegmentID(other)
    person.turns()
    seeded.propagate()
    assert seeded.mask().any(axis=(1, 2)).nonzero()[0].tolist() == [
        7
    ]  # nothing of what was predicted lies inside the other segment


def test_a_volume_under_a_transform_is_propagated_in_its_place(annotator):
    stack, truth = drifting_disc()
    volume = annotator.load(stack)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    matrix = slicer.util.vtkMatrixFromArray(
        np.array(
            [
                [0.0, -1.0, 0.0, 12.0],
                [1.0, 0.0, 0.0, -3.0],
                [0.0, 0.0, 1.0, 7.0],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
    )
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    annotator.add_segment()
    annotator.draw(7, truth[7])
    annotator.choose(annotator.ui.engineComboBox, "Image registration")
    annotator.propagate()
    assert (annotator.mask()[7] == truth[7]).all()
    assert overlap(annotator.mask(), truth) > 0.9
    annotator.click_slice(4)
    assert annotator.panel.review.index == 4


def test_along_each_axis_the_slices_are_named_after_the_patient_and_can_be_chosen(seeded):
    combo = seeded.ui.axisComboBox
    assert [combo.itemText(row) for row in range(3)] == [
        "Axial",
        "Coronal",
        "Sagittal",
    ]
    assert combo.currentText == "Axial"
    seeded.choose(combo, "Coronal")
    assert seeded.logic.document.stack.axis == 1
    assert [seeded.ui.directionComboBox.itemText(row) for row in (1, 2)] == [
        "Towards anterior",
        "Towards posterior",
    ]


# Keys


def test_no_key_of_ours_is_one_of_slicers():
    from SlicePropagationMRML.presenting.controls import KEYS

    assert not set(KEYS.values()) & SLICERS_KEYS
    assert len(set(KEYS.values())) == len(KEYS)


def test_each_key_does_what_its_button_does_and_stands_in_its_tooltip(seeded):
    ui = seeded.ui
    assert "(P)" in ui.propagateButton.toolTip
    seeded.key("P")
    assert seeded.logic.isRunning
    assert "(Esc)" in ui.propagateButton.toolTip
    seeded.wait_for_end()
    assert "(N)" in ui.nextButton.toolTip
    assert "(C)" in ui.confirmButton.toolTip
    assert "(E)" in ui.emptyButton.toolTip
    seeded.key("N")
    shown = seeded.panel.review.index
    seeded.key("C")
    assert seeded.kinds()[shown] == "confirmed"
    seeded.click_slice(3)
    seeded.key("E")
    assert seeded.kinds()[3] == "confirmed"
    assert not seeded.mask()[3].any()
    seeded.key("Z")
    seeded.wait_for_panel()
    assert seeded.mask()[3].any()
    assert seeded.status.startswith("Undone: 'Nothing here'")


def test_keys_are_active_only_while_the_module_is_entered(seeded):
    selector = seeded.window.moduleSelector()
    selector.selectModule("Data")
    seeded.key("P")
    person.turns()
    assert not seeded.logic.isRunning
    assert not seeded.mask()[8].any()
    selector.selectModule("SlicePropagation")
    person.turns()
    seeded.key("P")
    seeded.wait_for_end()
    assert seeded.mask()[8].any()


# It says where to look (point 6 of the contract with the annotator)


def test_every_propagated_slice_has_a_confidence_in_the_strip_and_in_its_tooltip(seeded):
    from SlicePropagationMRML.presenting.controls import DOUBTFUL, barOf
    from SlicePropagationMRML.presenting.review import Kind

    seeded.choose(seeded.ui.engineComboBox, "Image registration")
    seeded.propagate()
    review = seeded.panel.review.review
    propagated = [index for index, kind in enumerate(seeded.kinds()) if kind == "propagated"]
    assert len(propagated) == 15
    assert all(0 <= review.confidence[index] <= 1 for index in propagated)
    assert review.confidence[7] == 1
    picture = seeded.strip.grab().toImage()
    cell = seeded.strip.width / 16
    for index in propagated:
        color, height, _ = barOf(Kind.PROPAGATED, float(review.confidence[index]))
        assert picture.pixelColor(int((index + 0.5) * cell), 54).name() == color
        assert height == max(
            review.confidence[index],
            0.08,
        )
        assert (color == DOUBTFUL) == (review.confidence[index] < 0.7)
    person.hover(seeded.strip, int(9.5 * cell), 30)
    assert f"Confidence {review.confidence[9]:.0%}" in seeded.strip.toolTip


def test_the_strip_tells_seed_correction_confirmed_propagated_and_stale_apart(seeded):
    from SlicePropagationMRML.presenting.controls import COLORS
    from SlicePropagationMRML.presenting.review import Kind

    seeded.propagate()
    seeded.click_slice(2)
    seeded.key("C")
    seeded.draw(11, disc((48, 48), (20, 20), 5))
    kinds = seeded.kinds()
    picture = seeded.strip.grab().toImage()
    cell = seeded.strip.width / 16
    assert (kinds[7], kinds[11], kinds[2], kinds[12]) == (
        "seed",
        "correction",
        "confirmed",
        "stale",
    )
    for index, kind in ((7, Kind.SEED), (11, Kind.CORRECTION), (2, Kind.CONFIRMED)):
        assert picture.pixelColor(int((index + 0.5) * cell), 54).name() == COLORS[kind]
    column = [picture.pixelColor(int(12.5 * cell), row).name() for row in range(30, 56)]
    assert COLORS[Kind.STALE] in column
    assert len(set(column)) == 2  # stripes


def test_one_key_goes_to_the_slice_whose_correction_is_expected_to_gain_most_and_on_once_it_is_confirmed(
    seeded,
):
    from SlicePropagationLib.confidence import next_slice_to_correct

    seeded.choose(seeded.ui.engineComboBox, "Image registration")
    seeded.propagate()
    visited = []
    for _ in range(3):
        expected = next_slice_to_correct(seeded.logic.session, 1)
        seeded.key("N")
        assert seeded.panel.review.index == expected
        assert f"Slice {expected}" in seeded.status
        visited.append(expected)
        seeded.key("C")
    assert len(set(visited)) == 3
    assert all(seeded.kinds()[index] == "confirmed" for index in visited)


def test_a_confirmed_slice_is_kept_as_it_is_by_later_runs(seeded):
    seeded.propagate()
    seeded.click_slice(9)
    person.click(seeded.ui.confirmButton)
    kept = seeded.mask()[9].copy()
    seeded.draw(12, disc((48, 48), (10, 10), 4))
    seeded.draw(5, disc((48, 48), (30, 30), 4))
    seeded.propagate()
    assert (seeded.mask()[9] == kept).all()
    assert seeded.kinds()[9] == "confirmed"
    assert "stale" not in seeded.kinds()
