"""What is scored: numbers of slices that leave enough, ends, effort, and means of enough patients."""

import pytest
from evaluations import evaluate, request, results_in, rows_in

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.ends import EndShares, end_shares, end_tolerance
from SlicePropagationLib.evaluation.jobs import read_jobs, read_protocol
from SlicePropagationLib.evaluation.protocol import is_scored
from SlicePropagationLib.evaluation.statistics import REAL_SETS, means_of, real_sets


def test_so_many_slices_are_scored_where_three_times_as_many_show_the_structure():
    assert is_scored({"shots": 3, "extent": 9})
    assert not is_scored({"shots": 3, "extent": 8})


def test_a_table_says_how_many_objects_are_behind_each_number_of_slices(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--shots", "1,3,4", "--engines", "copy") == 0
    assert {row["extent"] for row in rows_in(out)} == {"10"}
    text = results_in(out)
    heading = next(line for line in text.splitlines() if line.startswith("| data set | objects"))
    assert "objects K=1/3/4" in heading
    line = next(line for line in text.splitlines() if line.startswith("| discs"))
    assert line.split(" | ")[1] == "2/2/0"
    assert line.rstrip(" |").count("(") == 2  # there is no score with four slices
    rules = [line for line in text.splitlines() if line.startswith(f"| {REAL_SETS} | copy | 4")]
    assert rules[0].split(" | ")[3:6] == ["0", "", ""]  # by the rule, and 3 objects without it
    assert rules[0].split(" | ")[6] == "3"


def test_the_whole_volume_counts_the_annotated_slices_too(column, tmp_path):
    out = tmp_path / "out"
    assert evaluate(column, out, "--engines", "copy", "--shots", "1") == 0
    (row,) = rows_in(out)
    assert float(row["dice_whole"]) == pytest.approx(2 * 8 / (13 + 8), abs=1e-5)
    assert float(row["lost_past"]) == pytest.approx(5 / (12 + 7), abs=1e-5)
    assert [row[f"ends_{name}"] for name in ("found", "early", "past")] == ["0.0", "0.0", "1.0"]


def test_an_end_is_found_within_a_slice_or_three_millimetres():
    assert end_tolerance(1.0, is_nominal=False) == 3
    assert end_tolerance(10.0, is_nominal=False) == 1
    assert end_tolerance(0.5, is_nominal=True) == 1
    assert end_shares((-2, 1), tolerance=1) == EndShares(0.5, 0.5, 0.0)
    assert end_shares((2, 3), tolerance=2) == EndShares(0.5, 0.0, 0.5)


def test_annotators_go_on_for_the_effort_beyond_the_numbers_that_are_tabulated(column, tmp_path):
    out = tmp_path / "out"
    options = ("--engines", "copy", "--shots", "1", "--correct", "worst")
    assert evaluate(column, out, *options) == 0
    assert rows_in(out)[0]["whole_slices_to_95"] == ""
    assert evaluate(column, out, *options, "--effort", "10") == 0
    (row,) = rows_in(out)
    # Of the five slices past the ends each is drawn; 16 / 17 is reached with one of them left.
    assert (row["shots"], row["slices_to_95"]) == ("1", "")
    assert (row["whole_slices_to_90"], row["whole_slices_to_95"]) == ("5", "6")
    assert "with 10 at most" in results_in(out)


def patients(dataset, count):
    return [{"dataset": dataset, "patient": f"p{number}"} for number in range(count)]


def test_sets_of_fewer_than_six_patients_are_in_no_mean_over_real_sets():
    rows = patients("large", 6) + patients("small", 5) + patients("large_sim", 9)
    assert real_sets(rows) == ["large"]
    assert real_sets(patients("small", 5)) == ["small"]  # where there is no other


def test_a_group_of_data_sets_has_a_mean_of_its_own_however_small(cases, tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("group,dataset\nall,discs\nall,plates\nall,absent\n", encoding="utf-8")
    protocol = read_protocol(request("--groups", str(groups)))
    rows = patients("discs", 6) + patients("plates", 1)
    assert means_of(rows, protocol) == {
        "mean over all": ["discs", "plates"],
        REAL_SETS: ["discs"],
    }
    out = tmp_path / "out"
    assert evaluate(cases, out, "--groups", str(groups)) == 0
    text = results_in(out)
    assert "- Mean over all: discs, plates." in text
    assert "nothing is claimed" in text
    assert "### Mean over all, sets weighted equally" in text


def test_of_a_left_out_group_all_cases_are_scored_whatever_their_split(cases, tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("group,dataset\nround,discs\nflat,plates\n", encoding="utf-8")
    options = ("--groups", str(groups), "--left-out", "round")
    jobs = read_jobs(request(*options, cases=cases))
    assert [job.case for job in jobs] == ["p0_ED", "p1_ED", "p2_ED"]
    assert list(jobs[0].protocol.groups) == ["round"]
    with pytest.raises(ConfigError, match="square.*round, flat"):
        read_jobs(request("--groups", str(groups), "--left-out", "square", cases=cases))
    with pytest.raises(ConfigError, match="--groups"):
        request("--left-out", "round")
    assert len(read_jobs(request("--split", "all", cases=cases))) == 4


def test_scores_without_monai_have_blank_distances_and_say_why(cases, tmp_path, monkeypatch):
    out = tmp_path / "out"
    few = ("--engines", "copy", "--max-cases", "1", "--datasets", "plates")
    with monkeypatch.context() as patch:
        for room in ("details", "resume"):
            patch.setattr(
                f"SlicePropagationLib.evaluation.{room}.has_surface_scores", lambda: False
            )
        assert evaluate(cases, out, *few) == 0
    assert {row["surface_dice"] for row in rows_in(out)} == {""}
    assert "Surface scores need MONAI" in results_in(out)
    pytest.importorskip("monai")
    assert evaluate(cases, out, *few) == 0  # where it is installed, they are scored again
    assert "" not in {row["surface_dice"] for row in rows_in(out)}
