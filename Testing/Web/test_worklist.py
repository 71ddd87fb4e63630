"""The worklist without a browser: names, rows, order, what comes next, and what a restart finds."""

import asyncio
import json

import numpy as np
import pytest
from kept_states import write
from SlicePropagationWeb.case_clock import LONGEST_PAUSE_S, CaseClock, duration_text
from SlicePropagationWeb.case_names import case_name, case_names, is_named_label_map, title_of_path
from SlicePropagationWeb.case_order import (
    BY_NAME,
    DOUBT,
    GIVEN,
    WINDOW,
    Row,
    counts,
    found,
    next_row,
    ordered,
    window,
)
from SlicePropagationWeb.case_records import (
    NAME,
    CaseRecord,
    WorklistState,
    read_state,
    write_state,
)
from SlicePropagationWeb.folder_search import is_image
from SlicePropagationWeb.thumbnails import Thumbnails, thumbnail_path
from SlicePropagationWeb.worklist import Case, read_worklist, save_name
from web_files import ct, read_mask, write_dicom, write_image

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.pipelines.batch_case import BatchCase, Trust

SAVED = CaseRecord(result="a.seg.nrrd")


def row(name, record=SAVED, mean=None, image="image.nii.gz"):
    trust = None if mean is None else Trust(mean, mean, 3, "liver")
    made = None if mean is None else BatchCase(None, "", trust=trust)
    return Row(Case(name, image), record, made)


def names(rows):
    return [each.case.name for each in rows]


# Names


@pytest.mark.parametrize(
    "path, name",
    [
        ("data/case_7/image.nii.gz", "case_7"),
        ("data/case_7/CT.nrrd", "case_7"),
        ("data/case_7/DICOM", "case_7"),
        ("data/liver_007.nii.gz", "liver_007"),
        ("scans/1.2.840", "1.2.840"),
        ("Jürgen Müller/image.mha", "J_rgen_M_ller"),
        ("../..//image.nii.gz", "image"),
        ("out/uploads/DICOM", "DICOM"),
        ("a/..hidden..nrrd", "hidden"),
    ],
)
def test_a_case_is_called_as_its_image_or_as_the_folder_of_an_image_called_as_all_are(path, name):
    assert case_name(path) == name


def test_cases_with_one_name_are_told_apart_by_their_folders_and_else_by_a_number():
    paths = ["a/x/image.nii.gz", "b/x/image.nii.gz", "b/y/image.nii.gz", "b/y/scan.nrrd"]
    assert case_names(paths) == ["a_x", "b_x", "b_y", "b_y-2"]


def test_the_title_of_an_image_called_as_all_are_names_its_folder():
    assert title_of_path("data/case_7/image.nii.gz") == "case_7/image.nii.gz"
    assert title_of_path("data/case_7/liver.nii.gz") == "liver.nii.gz"
    assert title_of_path("out/uploads/DICOM") == "DICOM"


@pytest.mark.parametrize(
    "name, holds_labels",
    [
        ("liver_mask.nii.gz", True),
        ("case1-seg.nrrd", True),
        ("seed.nii.gz", True),
        ("image.seg.nrrd", True),
        ("maskell.nii.gz", False),
        ("image.nii.gz", False),
    ],
)
def test_a_label_map_is_known_by_the_words_of_its_name(name, holds_labels):
    assert is_named_label_map(name) == holds_labels


# Tables and folders


def test_a_table_of_batch_is_a_worklist_and_finds_what_batch_made(tmp_path):
    (tmp_path / "made").mkdir()
    write(tmp_path / "made" / "a_labels.nii.gz", 3)
    table = tmp_path / "cases.csv"
    table.write_text("image,seed\na/image.nii.gz,a/seed.nii.gz\nb/image.nii.gz,\n")
    first, second = read_worklist(table, [tmp_path / "made"])
    assert (first.name, second.name) == ("a", "b")
    assert first.seed == str(tmp_path / "a/seed.nii.gz")
    assert first.made == str(tmp_path / "made/a_labels.nii.gz")
    assert (second.seed, second.made) == ("", "")


def test_a_column_case_names_the_cases(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("image,case\na/image.nii.gz,Anna\nb/image.nii.gz,\n")
    assert [case.name for case in read_worklist(table)] == ["Anna", "b"]


def test_the_images_of_a_folder_are_cases_and_its_label_maps_are_not(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "image.nii.gz", ct())
        write_image(tmp_path / name / "seed.nii.gz", ct())
    write(tmp_path / "b" / "out.nii.gz", 2)
    write_dicom(tmp_path / "c" / "dicom", ct())
    cases = read_worklist(tmp_path)
    assert [case.name for case in cases] == ["a", "b", "c"]
    assert [bool(case.seed) for case in cases] == [True, True, False]
    assert "out.nii.gz" not in {case.image for case in cases}


def test_a_folder_without_an_image_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no image"):
        read_worklist(tmp_path)


def test_what_batch_made_is_not_replaced_by_what_the_page_saves(tmp_path):
    made = Case("a", "a.nii.gz", made=str(tmp_path / "a.nii.gz"))
    assert save_name(made, tmp_path) == "a-reviewed"
    assert save_name(made, tmp_path / "elsewhere") == "a"


# Status


@pytest.mark.parametrize(
    "record, status",
    [
        (CaseRecord(), "new"),
        (CaseRecord(is_opened=True), "started"),
        (CaseRecord(is_opened=True, is_reviewed=True), "started"),
        (SAVED, "saved"),
        (CaseRecord(result="a", is_reviewed=True), "reviewed"),
        (CaseRecord(result="a", is_reviewed=True, draft="a-unsaved"), "started"),
    ],
)
def test_the_status_of_a_case_says_what_is_to_be_done(record, status):
    assert record.status == status


def test_the_state_is_there_after_a_restart_and_names_no_file_that_is_gone(tmp_path):
    state = WorklistState("b")
    state.change("a", result="a.seg.nrrd", seconds=61.5, num_annotated=3)
    state.change("b", draft="b-unsaved.seg.nrrd", is_reviewed=True)
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    (tmp_path / "a.seg.nrrd").touch()
    found_again = read_state(tmp_path).without_lost_files(tmp_path)
    assert found_again.of("a").result == "a.seg.nrrd"
    assert found_again.of("b").draft == ""
    assert [path.name for path in tmp_path.iterdir() if "worklist" in path.name] == [NAME]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"current": 3, "cases": []}', '{"current": "a", "cases": {"a": 7}}', "{"],
)
def test_a_damaged_state_begins_anew(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    assert read_state(tmp_path).of("a") == CaseRecord()


def test_a_value_of_a_damaged_state_that_cannot_be_is_left_out(tmp_path):
    values = {"result": "../../etc/passwd", "seconds": -1, "is_reviewed": "yes", "num_annotated": 4}
    (tmp_path / NAME).write_text(json.dumps({"current": "", "cases": {"a": values}}))
    assert read_state(tmp_path).of("a") == CaseRecord(num_annotated=4)


# Order and filter


def test_the_most_doubtful_case_comes_first_and_those_that_nothing_is_known_of_last():
    rows = [row("none"), row("sure", mean=0.9), row("doubtful", mean=0.4), row("also none")]
    assert names(ordered(rows, DOUBT)) == ["doubtful", "sure", "none", "also none"]
    assert names(ordered(rows, BY_NAME)) == ["also none", "doubtful", "none", "sure"]
    assert ordered(rows, GIVEN) == rows


def test_all_rows_are_searched_by_all_words_and_by_status():
    rows = [row(f"case {number}", CaseRecord()) for number in range(5000)]
    rows.append(row("Last Liver", image="ward_B/image.nii.gz"))
    assert names(found(rows, "liver WARD_b")) == ["Last Liver"]
    assert names(found(rows, status="saved")) == ["Last Liver"]
    assert found(rows, "liver", "new") == []
    assert counts(rows) == {"all": 5001, "new": 5000, "started": 0, "saved": 1, "reviewed": 0}


def test_the_browser_gets_a_window_of_the_rows():
    rows = [row(str(number)) for number in range(100)]
    assert window(rows, 30) == (30, rows[30 : 30 + WINDOW])
    assert window(rows, 10**6) == (100 - WINDOW, rows[-WINDOW:])
    assert window(rows[:3], 2) == (0, rows[:3])


def test_the_next_case_is_one_that_is_not_done_behind_this_one_and_then_from_the_beginning():
    rows = [row("a", CaseRecord()), row("b"), row("c", CaseRecord(is_opened=True)), row("d")]
    assert names([next_row(rows, "a")]) == ["c"]
    assert names([next_row(rows, "c")]) == ["a"]
    assert names([next_row(rows, "")]) == ["a"]
    assert next_row([row("a", CaseRecord()), row("b")], "a") is None


# Time


def test_time_is_counted_between_acts_and_long_pauses_are_cut():
    clock = CaseClock()
    clock.act(100.0)
    clock.act(110.0)
    clock.act(10_000.0)
    assert clock.take(10_005.0) == 10 + LONGEST_PAUSE_S + 5
    assert clock.take(10_005.0) == 0
    clock.rest()
    assert clock.take(50_000.0) == 0


@pytest.mark.parametrize(
    "seconds, text", [(0, ""), (20, "< 1 min"), (100, "2 min"), (3600, "1 h 00 min")]
)
def test_a_time_is_told_in_minutes(seconds, text):
    assert duration_text(seconds) == text


# Pictures


def test_a_thumbnail_is_drawn_once_and_again_when_the_image_is_another(tmp_path):
    image = write_image(tmp_path / "image.nii.gz", ct())
    damaged = tmp_path / "damaged.nii.gz"
    damaged.write_bytes(b"nothing of an image")

    async def draw():
        thumbnails = Thumbnails(tmp_path / "autosave")
        try:
            return [await thumbnails.of(path) for path in (damaged, image, image)]
        finally:
            await thumbnails.end()

    refused, first, again = asyncio.run(draw())
    assert refused is None
    assert first == again == thumbnail_path(tmp_path / "autosave", image)
    picture = read_mask(first)
    assert max(picture.shape[-2:]) == 96
    assert np.any(picture)
    write_image(image, ct((9, 40, 40)))
    assert thumbnail_path(tmp_path / "autosave", image) != first


def test_no_label_map_is_an_image_of_the_open_dialog(tmp_path):
    assert is_image(tmp_path / "image.nii.gz")
    assert not is_image(tmp_path / "liver_mask.nii.gz")
