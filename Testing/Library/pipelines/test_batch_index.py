"""`index.html` of a batch: all cases at a glance, those first that need a person."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from case_files import make_case

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.pipelines import batch_page
from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch
from SlicePropagationLib.pipelines.batch_case import BatchCase, Trust, doubt, trust_of
from SlicePropagationLib.pipelines.batch_items import BatchItems
from SlicePropagationLib.pipelines.batch_page import BatchOverview


@pytest.fixture
def table(tmp_path):
    """Three cases; the last one's seed is missing."""
    lines = ["image,seed,out"]
    for number in range(3):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        make_case(folder, slices=(6 + number,))
        lines.append(f"p{number}/image.nii.gz,p{number}/seed.nii.gz,a & b {number}.nii.gz")
    (tmp_path / "p2" / "seed.nii.gz").unlink()
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def batch(table, *options):
    where = ["--cases", str(table), "--out", str(table.parent / "out")]
    return main(["batch", *where, "--engine", "copy", "--quiet", *options])


def page_of(table):
    return (table.parent / "out" / "index.html").read_text(encoding="utf-8")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_overview_shows_every_case_with_its_picture_or_why_it_failed(table, capsys):
    assert batch(table) == 1
    assert str(table.parent / "out" / "index.html") in capsys.readouterr().out
    page = Elements(page_of(table))
    assert "2 of 3 cases done, 1 failed" in page.text
    assert re.search(r"a & b 2 .*seed\.nii\.gz", page.text)
    pictures = [attributes for tag, attributes in page.found if tag == "img"]
    assert len(pictures) == 2
    assert all("a & b" in picture["alt"] for picture in pictures)


def test_the_overview_needs_nothing_from_elsewhere_and_its_links_lead_somewhere(table):
    batch(table)
    elements = Elements(page_of(table)).found
    assert "script" not in {tag for tag, _ in elements}
    assert all(each["src"].startswith("data:image/") for tag, each in elements if tag == "img")
    links = [unquote(each["href"]) for tag, each in elements if tag == "a"]
    assert sorted(set(links)) == [
        "a & b 0.nii.gz",
        "a & b 0.png",
        "a & b 1.nii.gz",
        "a & b 1.png",
    ]
    assert all((table.parent / "out" / link).is_file() for link in links)


def test_the_overview_of_many_cases_shows_the_pictures_that_lie_beside_it(table, monkeypatch):
    monkeypatch.setattr(batch_page, "MOST_PICTURES_WITHIN", 2)
    batch(table)
    page = page_of(table)
    pictures = [each for tag, each in Elements(page).found if tag == "img"]
    assert {unquote(each["src"]) for each in pictures} == {"a & b 0.png", "a & b 1.png"}
    assert all(each["loading"] == "lazy" for each in pictures)
    assert "img-src 'self' file:" in page


def test_after_resume_the_overview_shows_what_was_done_before_too(table):
    batch(table)
    before = page_of(table)
    (table.parent / "out" / "index.html").unlink()
    make_case(table.parent / "p2", slices=(8,))
    assert batch(table, "--resume") == 0
    after = page_of(table)
    assert before.count("<img") == 2
    assert after.count("<img") == 3
    assert "3 of 3 cases done, 0 failed" in after


def test_the_overview_grows_with_the_batch_and_holds_what_is_done_when_it_ends_early(table):
    request = BatchRequest(table, table.parent / "out", engine="copy", has_pictures=True)
    outcomes = run_batch(request)
    next(outcomes)
    assert "1 of 3 cases done, 0 failed, 2 not yet" in page_of(table)
    next(outcomes)
    outcomes.close()  # as at Ctrl-C
    assert "2 of 3 cases done, 0 failed, 1 not yet" in page_of(table)


def test_a_page_of_something_else_is_not_replaced(table, capsys):
    (table.parent / "out").mkdir()
    (table.parent / "out" / "index.html").write_text("<p>precious", encoding="utf-8")
    assert batch(table) == 2
    assert "index.html" in capsys.readouterr().err
    assert page_of(table) == "<p>precious"
    assert [path.name for path in (table.parent / "out").iterdir()] == ["index.html"]
    assert batch(table, "--no-pictures") == 1
    assert page_of(table) == "<p>precious"
    assert not list((table.parent / "out").glob("*.png"))


def overview(*cases):
    page = BatchOverview(Path("<i>.csv"), Path("out"), len(cases))
    items = BatchItems()
    for number, case in enumerate(cases):
        if case.error:
            items.add_failed(page.item(case))
        else:
            items.add_done(page.item(case), doubt(case.trust), number)
    return "".join(page.page(items, "today"))


def case_of(name, mean):
    trust = Trust(mean, mean, 3, "<liver>")
    return BatchCase(
        Path("out") / name, "image.nii.gz", trust=trust, has_picture=True, thumbnail=b"jpeg"
    )


def test_the_least_trusted_case_comes_first_and_one_without_prediction_last():
    sure = case_of("sure.nii.gz", 0.9)
    unsure = case_of("unsure.nii.gz", 0.4)
    drawn = BatchCase(Path("out/drawn.nii.gz"), "image.nii.gz")
    page = overview(drawn, sure, unsure)
    names = re.findall(r"<h3><a href=[^>]*>(\w+)<", page)
    assert names == ["unsure", "sure", "drawn"]


def test_names_and_sentences_are_text_whatever_they_hold():
    failed = BatchCase(
        Path("out/<b>.nii.gz"), "i.nii.gz", error="no <script>alert(1)</script> & co"
    )
    page = overview(failed, case_of('"><script>.nii.gz', 0.5))
    elements = Elements(page)
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "b", "i", "liver"}
    assert "no <script>alert(1)</script> & co" in elements.text
    assert all('"' not in each.get("href", "") for _, each in elements.found)


def test_a_case_is_trusted_as_far_as_its_least_trusted_segment():
    def row(segment, number, confidence, area, provenance="propagated"):
        return {
            "segment": segment,
            "slice": str(number),
            "confidence": str(confidence),
            "area_mm2": str(area),
            "provenance": provenance,
        }

    liver = [row("liver", 1, 0.9, 1000), row("liver", 2, 0.1, 1)]
    gland = [row("gland", 5, 0.6, 10), row("gland", 6, 0.4, 30), row("gland", 7, 1, 20, "seed")]
    trust = trust_of([*liver, *gland, row("gland", 9, 0.0, 0)])
    assert (trust.segment, trust.slice_number, trust.lowest) == ("gland", 6, 0.4)
    assert trust.mean == pytest.approx(0.45)
    assert trust_of([row("gland", 7, 1, 20, "seed")]) is None
