"""The reports of studies are read in five minutes: one page, one figure, tables behind it."""

import re
from pathlib import Path

import pytest

from SlicePropagationLib.studies.first_page import FIGURE, FINDINGS, TABLES, read_first_page

REPORTS = Path(__file__).resolve().parents[1] / "Reports"
STUDIES = ("thesis", "pnet", "cine", "acnn")  # those that repeat a paper
MOST_WORDS = 600  # of a page, its table included
MOST_BYTES = 150_000


def page_of(study):
    text = (REPORTS / study / "report.md").read_text(encoding="utf-8")
    page, heading, behind = text.partition(f"{TABLES}\n")
    assert heading
    return page + heading, behind


@pytest.mark.parametrize("study", STUDIES)
def test_a_report_begins_with_the_page_of_its_findings(study):
    page, behind = page_of(study)
    assert page == read_first_page(REPORTS / study / FINDINGS).text()
    assert "| --- |" in behind or "|---|" in behind


@pytest.mark.parametrize("study", STUDIES)
def test_the_first_page_is_short_and_has_one_figure(study):
    page, _ = page_of(study)
    assert len(page.split()) <= MOST_WORDS
    assert re.findall(r"\]\(([^)]+)\)", page) == [FIGURE]
    assert 0 < (REPORTS / study / FIGURE).stat().st_size <= MOST_BYTES


def numbers_in(text):
    """The amounts that a text names, without signs."""
    return {float(number) for number in re.findall(r"\d*\.?\d+(?:e-\d+)?", text)}


@pytest.mark.parametrize("study", ("pnet", "cine"))
def test_the_intervals_of_a_page_stand_in_the_tables_behind_it(study):
    _, behind = page_of(study)
    known = numbers_in(behind)
    for found in read_first_page(REPORTS / study / FINDINGS).findings:
        own = {round(abs(value), 6) for value in (found.ahead, found.low, found.high)}
        assert own <= known, found.title
