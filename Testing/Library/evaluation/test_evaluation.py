"""`evaluate`: what is scored, what is refused, and the scores of one case."""

import re

import numpy as np
import pytest
from case_files import make_case, write
from evaluations import evaluate, read, request, results_in, rows_in

from SlicePropagationLib.errors import CheckpointError, ConfigError, InputError
from SlicePropagationLib.evaluation.jobs import read_jobs, read_protocol

COPY_ONCE = ("--engines", "copy", "--shots", "1")


def test_evaluation_scores_the_split_and_writes_the_tables(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out) == 0
    rows = rows_in(out)
    assert len(rows) == 3 * 2 * 2
    assert {row["patient"] for row in rows} == {"p0", "p1", "p3"}
    text = results_in(out)
    assert "| discs †" in text
    assert "Median millimetres" in text


def test_each_pick_goes_with_each_correction_and_uniform_slices_need_no_pick(cases, tmp_path):
    out = tmp_path / "out"
    assert (
        evaluate(
            cases,
            out,
            "--pick",
            "largest,middle",
            "--correct",
            "suggested,worst,uniform",
            "--max-cases",
            "1",
        )
        == 0
    )
    users = {
        ("largest", "suggested"),
        ("middle", "suggested"),
        ("largest", "worst"),
        ("middle", "worst"),
        ("uniform", "uniform"),
    }
    rows = rows_in(out)
    results = read(out / "results.csv")
    assert (
        {(row["pick"], row["correct"]) for row in rows}
        == {(row["pick"], row["correct"]) for row in results}
        == users
    )
    assert len(rows) == 2 * 2 * 5 * 2
    text = results_in(out)
    assert (
        text.count("### Mean Dice (failures)") == 5
        and "## First slice: middle, corrections: worst" in text
        and "## Uniform slices" in text
    )


def test_the_first_cases_of_each_data_set_are_taken_and_the_report_says_so(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--max-cases", "1") == 0
    assert {(row["dataset"], row["case"]) for row in rows_in(out)} == {
        ("discs", "p0_ED"),
        ("plates", "p3_ED"),
    }
    assert "only the first 1 cases of each data set" in results_in(out).splitlines()[0]


def test_the_scores_of_a_column_that_is_copied_past_its_ends_are_those_worked_out_by_hand(
    column,
    tmp_path,
):
    out = tmp_path / "out"
    assert evaluate(column, out, *COPY_ONCE) == 0
    (row,) = rows_in(out)
    assert float(row["dice"]) == pytest.approx(2 * 7 / (12 + 7), abs=1e-5)
    assert float(row["dice_thesis"]) == 1  # slices; the one that was drawn left out
    assert (row["mm_past_first"], row["mm_past_last"], row["mm_past_ends"]) == (
        "4.0",
        "6.0",
        "10.0",
    )
    assert (row["slices_to_90"], row["slices_to_95"]) == ("", "")
    assert float(row["seconds_per_slice"]) > 0


def test_the_surface_of_that_column_is_nearer_than_its_furthest_points(column, tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch, the extra 'train'")
    pytest.importorskip("monai", reason="needs MONAI, the extra 'train'")
    out = tmp_path / "out"
    assert evaluate(column, out, *COPY_ONCE) == 0
    (row,) = rows_in(out)
    assert 0 < float(row["surface_dice"]) < 1
    assert 0 < float(row["mean_surface_mm"]) < float(row["hd95_mm"]) <= 6


def test_the_drift_of_that_column_counts_the_slices_past_its_ends(column, tmp_path):
    out = tmp_path / "out"
    evaluate(column, out, *COPY_ONCE)
    counts = {
        row["slices_away"]: (int(row["intersection"]), int(row["size"]))
        for row in read(out / "drift.csv")
    }
    assert counts == {
        "1": (100, 300),
        "2": (100, 300),
        "3-4": (200, 400),
        "5-8": (300, 700),
        "9-16": (0, 200),
        "17+": (0, 0),
    }


@pytest.mark.parametrize(
    "stored, nominal",
    [(b'{"spacing_is_nominal": true}', "1"), (b"[1]", "0"), (b"{", "0"), (b"\xff", "0")],
)
def test_only_a_meta_file_that_says_so_makes_a_spacing_nominal(
    column,
    tmp_path,
    stored,
    nominal,
):
    out = tmp_path / "out"
    (tmp_path / "meta.json").write_bytes(stored)
    assert evaluate(column, out, *COPY_ONCE) == 0
    assert {row["is_nominal"] for row in rows_in(out)} == {nominal}


def test_structures_on_few_slices_are_left_out(
    cases,
    tmp_path,
    capsys,
):
    assert evaluate(cases, tmp_path / "out", "--min-slices", "11") == 2
    assert "at least 11 slices" in capsys.readouterr().err


def test_a_case_that_cannot_be_read_is_told_at_the_end_and_the_others_are_scored(
    cases,
    tmp_path,
    capsys,
):
    out = tmp_path / "out"
    (tmp_path / "p0" / "truth.nii.gz").write_text("no image", encoding="utf-8")
    write(
        tmp_path / "p1" / "truth.nii.gz",
        np.ones((5, 9, 9), np.uint8),
    )  # another grid than its image
    assert evaluate(cases, out) == 1
    said = capsys.readouterr().err
    text = results_in(out)
    for case in ("discs p0_ED", "discs p1_ED"):
        assert f"{case} was not scored: " in said
        assert f"Not scored: {case}. " in text
    assert {row["case"] for row in rows_in(out)} == {"p3_ED"}

    make_case(tmp_path / "p0")
    make_case(tmp_path / "p1")
    assert evaluate(cases, out) == 0
    assert {row["case"] for row in rows_in(out)} == {
        "p0_ED",
        "p1_ED",
        "p3_ED",
    }
    assert "Not scored" not in results_in(out)


def test_where_no_case_can_be_read_the_first_one_is_named_and_nothing_written(
    cases,
    tmp_path,
    capsys,
):
    out = tmp_path / "out"
    for name in ("p0", "p1", "p3"):
        (tmp_path / name / "image.nii.gz").write_text("no image", encoding="utf-8")
    assert evaluate(cases, out) == 2
    assert "discs p0_ED" in capsys.readouterr().err
    assert not (out).exists()


def test_a_split_without_cases_is_refused(
    cases,
    tmp_path,
    capsys,
):
    assert evaluate(cases, tmp_path / "out", "--split", "nope") == 2
    assert "test, val" in capsys.readouterr().err


def test_a_row_without_a_label_file_is_named_before_anything_is_scored(
    cases,
    tmp_path,
    capsys,
):
    out = tmp_path / "out"
    cases.write_text(
        "\ufeff" + cases.read_text(encoding="utf-8") + "p3/image.nii.gz\n",
        encoding="utf-8",
    )  # and the mark that a spreadsheet begins a file with
    assert evaluate(cases, out) == 2
    assert "no label in row 5" in capsys.readouterr().err
    assert not (out).exists()


@pytest.mark.parametrize(
    "changed, words",
    [
        (("--pick", "thickest"), "largest, middle"),
        (("--correct", "suggested,random"), "'random'"),
        (("--shots", "1,none"), "1,2,3,5"),
        (("--shots", "0,1"), "1,2,3,5"),
        (("--labels", "0"), "list of labels"),
        (("--engines", "copy,magic"), "magic"),
        (("--engines", "copy,copy"), "NAME=MODEL.pt"),
        (("--engines", "copy,"), "names nothing at one place"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(changed, words):
    with pytest.raises(ConfigError, match=words):
        read_protocol(request(*changed))


def test_a_model_file_may_lie_in_a_folder_with_the_sign_of_a_name(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "rate=0.1" / "best.pt"
    path.parent.mkdir()
    path.write_bytes(b"none")
    for text in (str(path), f"1°/1 %={path}"):
        with pytest.raises(CheckpointError, match=f"^{path} is not a model file"):
            read_protocol(request("--engines", text))


@pytest.mark.parametrize("engines", ["copy,", ",copy", "floor=", "=copy"])
def test_an_engine_without_a_name_is_not_taken_for_the_default_one(engines):
    with pytest.raises(ConfigError, match="engine"):
        read_protocol(request("--engines", engines))


def test_a_table_of_a_spreadsheet_that_begins_with_a_mark_is_read(cases):
    cases.write_text(cases.read_text(encoding="utf-8"), encoding="utf-8-sig", newline="\r\n")
    assert len(read_jobs(request(cases=cases))) == 3


@pytest.mark.parametrize(
    "row, words",
    [
        ("p0/image.nii.gz", "no label in row 5"),
        ("p0/image.nii.gz,,val,discs,p9", "no label in row 5"),
        ("p0/image.nii.gz,p0/truth.nii.gz,val,discs,p0_ED", "p0_ED.*twice"),
        ("p0/image.nii.gz,p0/absent.nii.gz,val,discs,p9_ED", "p9_ED.*absent.nii.gz"),
    ],
    ids=["short row", "empty cell", "twice", "no such file"],
)
def test_a_row_that_cannot_be_scored_is_refused_before_the_others_are(
    cases,
    tmp_path,
    capsys,
    row,
    words,
):
    out = tmp_path / "out"
    cases.write_text(cases.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    assert evaluate(cases, out) == 2
    assert re.search(words, capsys.readouterr().err)
    assert not (out).exists()


def test_a_data_set_that_the_table_does_not_have_is_refused_beside_one_that_it_has(cases):
    with pytest.raises(InputError, match="hearts.*discs, plates"):
        read_jobs(request("--datasets", "discs,hearts", cases=cases))


def test_cases_that_say_no_split_are_taken_as_those_of_a_table_without_that_column(column):
    column.write_text("image,label,split,case\nimage.nii.gz,truth.nii.gz,,one\n", encoding="utf-8")
    assert len(read_jobs(request(cases=column))) == 1
    column.write_text(
        column.read_text(encoding="utf-8") + "image.nii.gz,truth.nii.gz,val,two\n",
        encoding="utf-8",
    )
    assert [job.case for job in read_jobs(request(cases=column))] == [
        "two"
    ]  # where others say theirs, it is of none


def test_an_engine_can_be_given_a_name_for_the_tables():
    assert read_protocol(request("--engines", "floor=copy,interpolation")).engines == (
        ("floor", "copy"),
        ("interpolation", "interpolation"),
    )


def test_without_a_limit_all_cases_of_the_split_are_taken(cases):
    assert [job.case for job in read_jobs(request(cases=cases))] == ["p0_ED", "p1_ED", "p3_ED"]
    assert [job.case for job in read_jobs(request("--max-cases", "1", cases=cases))] == [
        "p0_ED",
        "p3_ED",
    ]
