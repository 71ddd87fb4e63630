"""Work that the page of an earlier version kept or saved goes on; see Fixtures/README.md."""

import json
import shutil
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from at_the_page import kinds, wait_for_message
from SlicePropagationWeb.opening import UNKNOWN_ORIGIN, read_segmentation
from SlicePropagationWeb.recovery import Recovery
from web_bench import open_page

from SlicePropagationLib.files.volume import read_volume

TESTING = Path(__file__).resolve().parents[1]
FIXTURES = TESTING / "Fixtures" / "6ded416"
EXPECTED_TEXT = (FIXTURES / "expected.json").read_text(encoding="utf-8")
EXPECTED = json.loads(EXPECTED_TEXT)["page"]
SEGMENTS = EXPECTED["segments"]
KINDS = {
    1: "propagated",
    2: "seed",
    3: "correction",
    4: "confirmed",
}


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with the image and, in `out`, what the page of an earlier version kept of it."""
    kept = FIXTURES / "page" / "autosave"
    shutil.copy(FIXTURES / "image.nii.gz", tmp_path)
    shutil.copytree(kept, tmp_path / "out" / "autosave")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def facts_of(session):
    """{"provenance", "stale": slices, "areas"} of each label of a session."""
    rows = range(len(session.labels))
    return [facts_of_label(session, row) for row in rows]


def facts_of_label(session, row):
    label = session.labels[row]
    stale = session.stale(label)
    return {
        "provenance": session.provenance[row].tolist(),
        "stale": np.flatnonzero(stale).tolist(),
        "areas": session.areas(label).tolist(),
    }


def only(facts, keys):
    """Some of the facts of each segment."""
    pick = itemgetter(*keys)
    return [pick(one) for one in facts]


def test_unsaved_work_of_an_earlier_version_is_found_with_what_it_says(work):
    recovery = Recovery(work / "out" / "autosave")
    found = recovery.found()
    assert found is not None
    assert found["image"] == "image.nii.gz"
    assert found["plane"] == EXPECTED["plane"]
    assert found["segment"] == EXPECTED["segment"]
    opened = read_segmentation(found["labels"], read_volume("image.nii.gz"))
    assert opened.drawn is not None
    ids = [segment.id for segment in opened.drawn.segments]
    assert ids == list(SEGMENTS)
    assert opened.remarks == ()


def test_a_program_that_starts_anew_offers_the_work_of_an_earlier_version_and_restores_it(
    work,
    browser,
    start,
):
    # the image is named relative to the folder of then
    program = start(work / "out", folder=work)
    page = open_page(browser, program.address)
    page.wait_for_selector("text=There is unsaved work on image.nii.gz")
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-seed", state="attached")
    wait_for_message(page, "Went on with the unsaved work.")
    facts = SEGMENTS[EXPECTED["segment"]]
    expected = [KINDS[provenance] for provenance in facts["provenance"]]
    assert kinds(page) == expected
    assert page.locator(".sp-stale").count() == len(facts["stale"])
    page.close()
    assert page.problems == []


@pytest.mark.parametrize("name", ["saved.seg.nrrd", "labels.nii.gz"])
def test_work_that_the_page_of_an_earlier_version_saved_goes_on_as_it_was(bench, name):
    application = bench.application
    volume = read_volume(FIXTURES / "image.nii.gz")
    opened = read_segmentation(FIXTURES / "page" / name, volume)

    def go_on():
        application.workflow.logic.close()
        application.workspace.recovery.forget()
        application.data.offer = None
        application.opened.show_volume("image.nii.gz", volume)
        application.opened.show_segmentation(name, opened)
        return facts_of(application.workflow.logic.session)

    facts = bench.call(go_on)
    text = bench.data.message
    assert f"Went on with {name}." in text
    assert UNKNOWN_ORIGIN not in text
    keys = ["provenance", "stale", "areas"]
    if name == "labels.nii.gz":  # a table does not say what is out of date
        keys.remove("stale")
    assert only(facts, keys) == only(SEGMENTS.values(), keys)
    expected = [segment["name"] for segment in SEGMENTS.values()]
    shown = [segment["name"] for segment in bench.data.segments]
    assert shown == expected
