"""Work that the page of an earlier version kept or saved goes on; see Fixtures/README.md."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import program
import pytest
from at_the_page import kinds, message
from SlicePropagationWeb.opening import UNKNOWN_ORIGIN, read_segmentation
from SlicePropagationWeb.recovery import KeptWork
from web_bench import open_page, wait_for

from SlicePropagationLib.files.volume import read_volume

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures" / "6ded416"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))["page"]
SEGMENTS = EXPECTED["segments"]
KINDS = {1: "propagated", 2: "seed", 3: "correction", 4: "confirmed"}


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with the image and, in `out`, what the page of an earlier version kept of it."""
    shutil.copy(FIXTURES / "image.nii.gz", tmp_path)
    shutil.copytree(FIXTURES / "page" / "autosave", tmp_path / "out" / "autosave")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def facts_of(session):
    """[(provenance, stale slices, areas)] of the labels of a session."""
    return [
        (
            session.provenance[row].tolist(),
            np.flatnonzero(session.stale(label)).tolist(),
            session.areas(label).tolist(),
        )
        for row, label in enumerate(session.labels)
    ]


FACTS = [(facts["provenance"], facts["stale"], facts["areas"]) for facts in SEGMENTS.values()]


def test_unsaved_work_of_an_earlier_version_is_found_with_what_it_says(work):
    found = KeptWork(work / "out" / "autosave").found()
    assert found["image"] == "image.nii.gz"
    assert found["plane"] == EXPECTED["plane"]
    assert found["segment"] == EXPECTED["segment"]
    opened = read_segmentation(found["labels"], read_volume("image.nii.gz"))
    assert [segment.id for segment in opened.segments] == list(SEGMENTS)
    assert opened.remarks == ()


def test_a_program_that_starts_anew_offers_the_work_of_an_earlier_version_and_restores_it(
    work, browser, start, monkeypatch
):
    sources = [program.CHECKOUT, program.CHECKOUT / "SlicePropagation"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, sources)))
    monkeypatch.setattr(
        program, "CHECKOUT", work
    )  # the image is named relative to the folder of then
    page = open_page(browser, start(work / "out").address)
    page.wait_for_selector("text=There is unsaved work on image.nii.gz")
    page.click("[data-command=restore]")
    page.wait_for_selector(".sp-seed", state="attached")
    wait_for(page, lambda: "Went on with the unsaved work." in message(page))
    facts = SEGMENTS[EXPECTED["segment"]]
    assert kinds(page) == [KINDS[provenance] for provenance in facts["provenance"]]
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
        application.workspace.kept.forget()
        application.data.offer = None
        application.show_volume("image.nii.gz", volume)
        application.show_segmentation(name, opened)
        return facts_of(application.workflow.logic.session), application.data.message

    facts, text = bench.call(go_on)
    assert [(provenance, areas) for provenance, _, areas in facts] == [
        (provenance, areas) for provenance, _, areas in FACTS
    ]
    assert f"Went on with {name}." in text
    assert UNKNOWN_ORIGIN not in text
    if name.endswith(".seg.nrrd"):  # a table does not say what is out of date
        assert facts == FACTS
    shown = [segment["name"] for segment in application.data.segments]
    assert shown == [facts["name"] for facts in SEGMENTS.values()]
