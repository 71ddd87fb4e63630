"""The first page of a study: what was asked, the paper's figure, ours, and what follows."""

import numpy as np
import pytest

from SlicePropagationLib.evaluation.statistics import FEWEST_PATIENTS
from SlicePropagationLib.studies.first_page import (
    DOES_NOT,
    FINDINGS,
    HOLDS,
    TABLES,
    UNKNOWN,
    Claim,
    Finding,
    FirstPage,
    Score,
    compare,
    findings_of,
    read_first_page,
    write_first_page,
)

CLAIM = Claim("new", "old", "+.02")
NAMES = [f"patient{number}" for number in range(12)]


def scores(values, group="discs"):
    return [Score(group, name, name, value) for name, value in zip(NAMES, values, strict=False)]


def differing(mean, spread):
    """Scores of two columns, whose differences lie evenly about a mean."""
    steps = np.linspace(-spread, spread, len(NAMES))
    return scores(0.8 + mean + steps), scores([0.8] * len(NAMES))


@pytest.mark.parametrize(
    "mean, spread, verdict",
    [(0.05, 0.02, HOLDS), (-0.05, 0.02, DOES_NOT), (0.01, 0.2, UNKNOWN)],
)
def test_a_statement_holds_where_the_interval_lies_above_0_and_not_where_it_lies_below(
    mean, spread, verdict
):
    found = compare(CLAIM, *differing(mean, spread))
    assert found.ahead == pytest.approx(mean)
    assert found.low < mean < found.high
    assert found.verdict == verdict


def test_of_few_patients_nothing_can_be_told_however_large_the_difference():
    few = NAMES[: FEWEST_PATIENTS - 1]
    found = compare(CLAIM, scores([0.9] * len(few)), scores([0.5] * len(few)))
    assert found.ahead == pytest.approx(0.4)
    assert (found.low, found.high, found.verdict) == (None, None, UNKNOWN)


@pytest.mark.parametrize(
    "ahead, p, verdict", [(0.1, 0.04, HOLDS), (-0.1, 0.04, DOES_NOT), (0.1, 0.05, UNKNOWN)]
)
def test_without_an_interval_a_paired_test_says_it(ahead, p, verdict):
    assert Finding("a ahead of b", "+.02", ahead, None, None, p=p).verdict == verdict


def test_the_page_says_how_many_updates_each_network_had_and_keeps_it(tmp_path):
    page = FirstPage("t", "a?", "h.", updates={"new": "800", "old": "300 to 402"})
    assert "**Updates of each network:** new 800; old 300 to 402." in page.text()
    write_first_page(tmp_path, page)
    assert read_first_page(tmp_path / FINDINGS).text() == page.text()
    assert "Updates" not in FirstPage("t", "a?", "h.").text()


def test_what_must_be_known_to_read_the_verdicts_stands_below_them():
    found = (Finding("a ahead of b", "+.02", 0.051, 0.04, 0.06),)
    page = FirstPage("t", "a?", "h.", found, mind="One seed.").text()
    assert page.index("**Found:**") < page.index("**Mind:** One seed.") < page.index("](findings")
    assert "Mind" not in FirstPage("t", "a?", "h.", found).text()


def test_where_less_is_better_the_smaller_one_is_ahead_in_its_unit():
    claim = Claim("new", "old", "0.3", "mm", is_less_better=True, unit="mm", scale=10.0)
    found = compare(claim, scores(np.linspace(0.1, 0.2, 12)), scores([0.5] * 12))
    assert found.ahead == pytest.approx(3.5)
    assert found.verdict == HOLDS


def test_only_what_both_have_is_compared_and_groups_weigh_alike():
    first = scores([0.9] * 12) + scores([0.5] * 6, "balls") + scores([float("nan")], "cubes")
    second = scores([0.7] * 10) + scores([0.4] * 6, "balls") + scores([0.1], "cubes")
    assert compare(CLAIM, first, second).ahead == pytest.approx((0.2 + 0.1) / 2)


def test_a_claim_about_a_column_that_was_left_out_is_no_finding():
    claims = (CLAIM, Claim("new", "third", "+.1"))
    known = dict(zip(("new", "old"), differing(0.05, 0.02), strict=True))
    found = findings_of(claims, lambda column, measure: known[column], known, "hearts")
    assert [one.title for one in found] == ["hearts: new ahead of old (Dice)"]


def test_a_page_says_the_question_the_papers_figure_ours_and_one_sentence_before_its_tables():
    findings = (
        Finding("a ahead of b", "+.02", 0.051, 0.04, 0.06),
        Finding("a ahead of c", "+.01", 0.003, -0.01, 0.02),
        Finding("a ahead of d", "+.01", float("nan"), None, None),
    )
    page = FirstPage("Loss functions", "Which is better?", "4 folds.", findings).text()
    lines = page.splitlines()
    assert lines[0] == "# Loss functions"
    assert "| a ahead of b (Dice) | +.02 | +0.051 (+0.04 to +0.06) | **holds** |" in lines
    assert "| a ahead of d (Dice) | +.01 | nothing measured | **cannot be told** |" in lines
    assert "**Found:** of 3 statements 1 holds, 2 cannot be told." in lines
    assert page.index("**Asked:** Which is better?") < page.index("**Found:**")
    assert page.index("](findings.png)") < page.index(TABLES)
    assert page.rstrip().endswith(TABLES)


def test_a_page_without_a_statement_of_the_paper_says_so_and_shows_no_picture():
    page = FirstPage("Jumps", "Do they help?", "Split val.").text()
    assert "the paper has no figure of it" in page
    assert "](" not in page


def test_the_figure_is_said_to_have_intervals_only_where_there_is_one():
    with_interval = Finding("a ahead of b", "+.02", 0.051, 0.04, 0.06)
    tested = Finding("a ahead of c", "+.02", 0.051, None, None, p=0.01)
    assert "intervals over patients](" in FirstPage("t", "a?", "h.", (with_interval, tested)).text()
    assert "ahead here](findings.png)" in FirstPage("t", "a?", "h.", (tested,)).text()


def test_a_page_is_read_as_it_was_written_with_a_picture_of_its_intervals(tmp_path):
    page = FirstPage("t", "a?", "h.", (compare(CLAIM, *differing(0.05, 0.02), "hearts"),))
    write_first_page(tmp_path, page)
    assert read_first_page(tmp_path / FINDINGS) == page
    pytest.importorskip("matplotlib")
    assert (tmp_path / "findings.png").read_bytes().startswith(b"\x89PNG")
