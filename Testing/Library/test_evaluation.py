import csv
import math
import os
import re
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from SlicePropagationLib.cli import main
from SlicePropagationLib.evaluation import read_jobs, read_kinds, read_protocol
from SlicePropagationLib.evaluation_report import kind_of
from SlicePropagationLib.evaluation_scores import drift_counts, slices_needed
from SlicePropagationLib.evaluation_statistics import REAL_SETS, aggregate, drift_curve, effort, interval_of_mean, is_pooled
from SlicePropagationLib.errors import CheckpointError, ConfigError, InputError
from files import make_case, write

TIMES = ("seconds_per_slice",)


@pytest.fixture
def cases(tmp_path):
    """Four patients with one disc each: two of the split val, one of test, and one of val in a set of its own."""
    lines = ["image,label,split,dataset,case"]
    for number, (split, dataset) in enumerate([("val", "discs"), ("val", "discs"), ("test", "discs"), ("val", "plates")]):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        make_case(folder)
        lines.append(f"p{number}/image.nii.gz,p{number}/truth.nii.gz,{split},{dataset},p{number}_ED")
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def column(tmp_path):
    """A case with the same square of 100 pixels on slices 2 to 9 of 13, 2 mm apart; the first of equals, 2, is drawn."""
    truth = np.zeros((13, 24, 24), np.uint8)
    truth[2:10, 5:15, 5:15] = 1
    for name, values in (("image", 100 * truth.astype(np.int16)), ("truth", truth)):
        write(tmp_path / f"{name}.nii.gz", values, spacing=(1.0, 1.0, 2.0))
    path = tmp_path / "cases.csv"
    path.write_text("image,label\nimage.nii.gz,truth.nii.gz\n", encoding="utf-8")
    return path


def evaluate(cases, out, *options):
    return main(["evaluate", "--cases", str(cases), "--out", str(out), "--engines", "copy,interpolation", "--shots", "1,2", "--quiet", *options])


def read(path, without=()):
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: value for key, value in row.items() if key not in without} for row in csv.DictReader(file)]


def mark(path):
    """Make every Dice of a table one that no engine reaches by itself, so that it shows whether it was scored again."""
    rows = read(path)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(row | {"dice": "0.125"} for row in rows)


def arguments(**changed):
    known = {"cases": "cases.csv", "engines": "copy", "shots": "1,3", "pick": "largest", "correct": "suggested", "axis": "k", "min_slices": 5, "split": "val",
             "max_cases": None, "datasets": None, "labels": None, "device": "auto"}
    return SimpleNamespace(**known | changed)


# What is scored

def test_evaluation_scores_the_split_and_writes_the_tables(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out") == 0
    rows = read(tmp_path / "out" / "rows.csv")
    assert len(rows) == 3 * 2 * 2 and {row["patient"] for row in rows} == {"p0", "p1", "p3"}
    text = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "| discs †" in text and "Median millimetres" in text


def test_each_pick_goes_with_each_correction_and_uniform_slices_need_no_pick(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out", "--pick", "largest,middle", "--correct", "suggested,worst,uniform", "--max-cases", "1") == 0
    users = {("largest", "suggested"), ("middle", "suggested"), ("largest", "worst"), ("middle", "worst"), ("uniform", "uniform")}
    rows, results = read(tmp_path / "out" / "rows.csv"), read(tmp_path / "out" / "results.csv")
    assert {(row["pick"], row["correct"]) for row in rows} == {(row["pick"], row["correct"]) for row in results} == users
    assert len(rows) == 2 * 2 * 5 * 2
    text = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert text.count("### Mean Dice (failures)") == 5 and "## First slice: middle, corrections: worst" in text and "## Uniform slices" in text


def test_the_first_cases_of_each_data_set_are_taken_and_the_report_says_so(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out", "--max-cases", "1") == 0
    assert {(row["dataset"], row["case"]) for row in read(tmp_path / "out" / "rows.csv")} == {("discs", "p0_ED"), ("plates", "p3_ED")}
    assert "only the first 1 cases of each data set" in (tmp_path / "out" / "results.md").read_text(encoding="utf-8").splitlines()[0]


def test_the_scores_of_a_column_that_is_copied_past_its_ends_are_those_worked_out_by_hand(column, tmp_path):
    assert main(["evaluate", "--cases", str(column), "--out", str(tmp_path / "out"), "--engines", "copy", "--shots", "1", "--quiet"]) == 0
    row, = read(tmp_path / "out" / "rows.csv")
    assert float(row["dice"]) == pytest.approx(2 * 7 / (12 + 7), abs=1e-5) and float(row["dice_thesis"]) == 1       # slices; the one that was drawn left out
    assert (row["mm_past_first"], row["mm_past_last"], row["mm_past_ends"]) == ("4.0", "6.0", "10.0")
    assert (row["slices_to_90"], row["slices_to_95"]) == ("", "")
    assert 0 < float(row["surface_dice"]) < 1 and 0 < float(row["mean_surface_mm"]) < float(row["hd95_mm"]) <= 6 and float(row["seconds_per_slice"]) > 0


def test_the_drift_of_that_column_counts_the_slices_past_its_ends(column, tmp_path):
    main(["evaluate", "--cases", str(column), "--out", str(tmp_path / "out"), "--engines", "copy", "--shots", "1", "--quiet"])
    counts = {row["slices_away"]: (int(row["intersection"]), int(row["size"])) for row in read(tmp_path / "out" / "drift.csv")}
    assert counts == {"1": (100, 300), "2": (100, 300), "3-4": (200, 400), "5-8": (300, 700), "9-16": (0, 200), "17+": (0, 0)}


@pytest.mark.parametrize("stored, nominal", [(b'{"spacing_is_nominal": true}', "1"), (b"[1]", "0"), (b"{", "0"), (b"\xff", "0")])
def test_only_a_meta_file_that_says_so_makes_a_spacing_nominal(column, tmp_path, stored, nominal):
    (tmp_path / "meta.json").write_bytes(stored)
    assert evaluate(column, tmp_path / "out", "--engines", "copy", "--shots", "1") == 0
    assert {row["is_nominal"] for row in read(tmp_path / "out" / "rows.csv")} == {nominal}


def test_structures_on_few_slices_are_left_out(cases, tmp_path, capsys):
    assert evaluate(cases, tmp_path / "out", "--min-slices", "11") == 2
    assert "at least 11 slices" in capsys.readouterr().err


def test_a_case_that_cannot_be_read_is_told_at_the_end_and_the_others_are_scored(cases, tmp_path, capsys):
    (tmp_path / "p0" / "truth.nii.gz").write_text("no image", encoding="utf-8")
    write(tmp_path / "p1" / "truth.nii.gz", np.ones((5, 9, 9), np.uint8))          # another grid than its image
    assert evaluate(cases, tmp_path / "out") == 1
    said, text = capsys.readouterr().err, (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    for case in ("discs p0_ED", "discs p1_ED"):
        assert f"{case} was not scored: " in said and f"Not scored: {case}. " in text
    assert {row["case"] for row in read(tmp_path / "out" / "rows.csv")} == {"p3_ED"}

    make_case(tmp_path / "p0")
    make_case(tmp_path / "p1")
    assert evaluate(cases, tmp_path / "out") == 0
    assert {row["case"] for row in read(tmp_path / "out" / "rows.csv")} == {"p0_ED", "p1_ED", "p3_ED"}
    assert "Not scored" not in (tmp_path / "out" / "results.md").read_text(encoding="utf-8")


def test_where_no_case_can_be_read_the_first_one_is_named_and_nothing_written(cases, tmp_path, capsys):
    for name in ("p0", "p1", "p3"):
        (tmp_path / name / "image.nii.gz").write_text("no image", encoding="utf-8")
    assert evaluate(cases, tmp_path / "out") == 2
    assert "discs p0_ED" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_split_without_cases_is_refused(cases, tmp_path, capsys):
    assert evaluate(cases, tmp_path / "out", "--split", "nope") == 2
    assert "test, val" in capsys.readouterr().err


def test_a_row_without_a_label_file_is_named_before_anything_is_scored(cases, tmp_path, capsys):
    cases.write_text("\ufeff" + cases.read_text(encoding="utf-8") + "p3/image.nii.gz\n", encoding="utf-8")         # and the mark that a spreadsheet begins a file with
    assert evaluate(cases, tmp_path / "out") == 2
    assert "no label in row 5" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("changed, words", [({"pick": "thickest"}, "largest, middle"), ({"correct": "suggested,random"}, "'random'"), ({"shots": "1,none"}, "1,2,3,5"),
                                            ({"shots": "0,1"}, "1,2,3,5"), ({"engines": "copy,magic"}, "magic"), ({"engines": "copy,copy"}, "NAME=MODEL.pt"), ({"engines": "copy,"}, "names nothing at one place")])
def test_what_is_not_known_is_refused_with_what_is(changed, words):
    with pytest.raises(ConfigError, match=words):
        read_protocol(arguments(**changed))


def test_a_model_file_may_lie_in_a_folder_with_the_sign_of_a_name(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "rate=0.1" / "best.pt"
    path.parent.mkdir()
    path.write_bytes(b"none")
    for text in (str(path), f"1°/1 %={path}"):
        with pytest.raises(CheckpointError, match=f"^{path} is not a model file"):
            read_protocol(arguments(engines=text))


@pytest.mark.parametrize("engines", ["copy,", ",copy", "floor=", "=copy"])
def test_an_engine_without_a_name_is_not_taken_for_the_default_one(engines):
    with pytest.raises(ConfigError, match="engine"):
        read_protocol(arguments(engines=engines))


def test_a_table_of_a_spreadsheet_that_begins_with_a_mark_is_read(cases):
    cases.write_text(cases.read_text(encoding="utf-8"), encoding="utf-8-sig", newline="\r\n")
    assert len(read_jobs(arguments(cases=cases))) == 3


@pytest.mark.parametrize("row, words", [("p0/image.nii.gz", "no label in row 5"), ("p0/image.nii.gz,,val,discs,p9", "no label in row 5"), ("p0/image.nii.gz,p0/truth.nii.gz,val,discs,p0_ED", "p0_ED.*twice"),
                                        ("p0/image.nii.gz,p0/absent.nii.gz,val,discs,p9_ED", "p9_ED.*absent.nii.gz")], ids=["short row", "empty cell", "twice", "no such file"])
def test_a_row_that_cannot_be_scored_is_refused_before_the_others_are(cases, tmp_path, capsys, row, words):
    cases.write_text(cases.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    assert evaluate(cases, tmp_path / "out") == 2
    assert re.search(words, capsys.readouterr().err) and not (tmp_path / "out").exists()


def test_a_data_set_that_the_table_does_not_have_is_refused_beside_one_that_it_has(cases):
    with pytest.raises(InputError, match="hearts.*discs, plates"):
        read_jobs(arguments(cases=cases, datasets="discs,hearts"))


def test_cases_that_say_no_split_are_taken_as_those_of_a_table_without_that_column(column):
    column.write_text("image,label,split,case\nimage.nii.gz,truth.nii.gz,,one\n", encoding="utf-8")
    assert len(read_jobs(arguments(cases=column))) == 1
    column.write_text(column.read_text(encoding="utf-8") + "image.nii.gz,truth.nii.gz,val,two\n", encoding="utf-8")
    assert [job.case for job in read_jobs(arguments(cases=column))] == ["two"]          # where others say theirs, it is of none


def test_an_engine_can_be_given_a_name_for_the_tables():
    assert read_protocol(arguments(engines="floor=copy,interpolation")).engines == (("floor", "copy"), ("interpolation", "interpolation"))


def test_without_a_limit_all_cases_of_the_split_are_taken(cases):
    assert [job.case for job in read_jobs(arguments(cases=cases))] == ["p0_ED", "p1_ED", "p3_ED"]
    assert [job.case for job in read_jobs(arguments(cases=cases, max_cases=1))] == ["p0_ED", "p3_ED"]


# Going on where it stopped

def test_an_evaluation_goes_on_where_it_stopped(cases, tmp_path):
    out = tmp_path / "out"
    evaluate(cases, out)
    rows, drift = read(out / "rows.csv", TIMES), (out / "drift.csv").read_text(encoding="utf-8")
    untouched = (out / "rows.csv").read_text(encoding="utf-8").splitlines()
    (out / "rows.csv").write_text("\n".join(line for line in untouched if "p1_ED" not in line) + "\n", encoding="utf-8")      # as if it was killed there, drift.csv written already
    assert evaluate(cases, out) == 0
    assert sorted(map(str, read(out / "rows.csv", TIMES))) == sorted(map(str, rows))
    assert sorted((out / "drift.csv").read_text(encoding="utf-8").split()) == sorted(drift.split())
    assert [line for line in untouched if "p1_ED" not in line] == [line for line in (out / "rows.csv").read_text(encoding="utf-8").splitlines() if "p1_ED" not in line]


def test_other_weights_under_the_same_name_are_scored_from_the_beginning(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out") == 0
    first = read(tmp_path / "out" / "rows.csv")
    mark(tmp_path / "out" / "rows.csv")
    assert evaluate(cases, tmp_path / "out") == 0
    assert {row["dice"] for row in read(tmp_path / "out" / "rows.csv")} == {"0.125"}        # taken over
    (tmp_path / "out" / "weights.json").write_text('{"copy": "an older model", "interpolation": null}', encoding="utf-8")
    assert evaluate(cases, tmp_path / "out") == 0
    dice = {name: [row["dice"] for row in read(tmp_path / "out" / "rows.csv") if row["engine"] == name] for name in ("copy", "interpolation")}
    assert dice["copy"] == [row["dice"] for row in first if row["engine"] == "copy"] and set(dice["interpolation"]) == {"0.125"}


def test_an_evaluation_killed_while_it_wrote_does_not_show_the_scores_of_the_engine_before(cases, tmp_path, monkeypatch):
    assert evaluate(cases, tmp_path / "fresh", "--engines", "x=interpolation") == 0
    for last in ("drift.csv", "rows.csv", "weights.json", "files.json"):
        out, moved = tmp_path / last, os.replace
        assert evaluate(cases, out, "--engines", "x=copy") == 0

        def replace(source, target, last=last, moved=moved):
            moved(source, target)
            if Path(target).name == last:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            assert evaluate(cases, out, "--engines", "x=interpolation") == 130
        (out / ".partial-left").mkdir()
        assert evaluate(cases, out, "--engines", "x=interpolation") == 0
        assert not list(out.glob(".partial-*"))
        assert sorted(map(str, read(out / "rows.csv", TIMES))) == sorted(map(str, read(tmp_path / "fresh" / "rows.csv", TIMES)))


def test_an_engine_that_is_added_does_not_have_the_others_scored_again(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out", "--engines", "copy") == 0
    mark(tmp_path / "out" / "rows.csv")
    marked = read(tmp_path / "out" / "rows.csv")
    assert evaluate(cases, tmp_path / "out", "--engines", "interpolation,copy") == 0
    rows = read(tmp_path / "out" / "rows.csv")
    assert [row for row in rows if row["engine"] == "copy"] == marked and len(rows) == 2 * len(marked)
    assert {row["engine"] for row in read(tmp_path / "out" / "drift.csv")} == {"copy", "interpolation"}


def test_only_the_data_sets_and_labels_asked_for_are_scored(cases, tmp_path, capsys):
    assert evaluate(cases, tmp_path / "out", "--labels", "1", "--datasets", "discs") == 0
    assert {(row["dataset"], row["label"]) for row in read(tmp_path / "out" / "rows.csv")} == {("discs", "1")}
    assert evaluate(cases, tmp_path / "other", "--datasets", "hearts") == 2
    assert "hearts" in capsys.readouterr().err


def test_a_worker_that_dies_is_named_with_what_to_do(cases, tmp_path, capsys, monkeypatch):
    def killed(*_):
        raise BrokenProcessPool("killed")
        yield

    monkeypatch.setattr(ProcessPoolExecutor, "map", killed)
    assert evaluate(cases, tmp_path / "out", "--workers", "2") == 2
    assert "fewer --workers" in capsys.readouterr().err


@pytest.mark.parametrize("changed", [("--axis", "i"), ("--min-slices", "6"), ("--labels", "1"), ("--engines", "copy=registration,interpolation=copy")])
def test_what_was_asked_for_otherwise_is_scored_from_the_beginning(cases, tmp_path, changed):
    assert evaluate(cases, tmp_path / "out", "--max-cases", "1") == 0
    mark(tmp_path / "out" / "rows.csv")
    assert evaluate(cases, tmp_path / "out", "--max-cases", "1", *changed) == 0
    assert "0.125" not in {row["dice"] for row in read(tmp_path / "out" / "rows.csv")}


def test_a_case_whose_label_map_changed_is_scored_again_and_no_other(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out") == 0
    mark(tmp_path / "out" / "rows.csv")
    os.utime(tmp_path / "p1" / "truth.nii.gz", ns=(0, 0))
    assert evaluate(cases, tmp_path / "out") == 0
    assert {row["case"] for row in read(tmp_path / "out" / "rows.csv") if row["dice"] != "0.125"} == {"p1_ED"}


@pytest.mark.parametrize("damage", [lambda text: text[:-40], lambda text: text + "\udcff"], ids=["cut short", "no text"])
def test_a_table_that_is_damaged_is_scored_again(cases, tmp_path, damage):
    assert evaluate(cases, tmp_path / "out", "--max-cases", "1") == 0
    first = read(tmp_path / "out" / "rows.csv", TIMES)
    text = (tmp_path / "out" / "rows.csv").read_text(encoding="utf-8")
    (tmp_path / "out" / "rows.csv").write_text(damage(text), encoding="utf-8", errors="surrogateescape")
    assert evaluate(cases, tmp_path / "out", "--max-cases", "1") == 0
    assert sorted(map(str, read(tmp_path / "out" / "rows.csv", TIMES))) == sorted(map(str, first))


def test_scores_of_a_version_that_did_not_write_down_the_state_of_files_are_taken_over(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out") == 0
    mark(tmp_path / "out" / "rows.csv")
    (tmp_path / "out" / "files.json").unlink()
    assert evaluate(cases, tmp_path / "out") == 0
    assert {row["dice"] for row in read(tmp_path / "out" / "rows.csv")} == {"0.125"}


def test_where_nothing_can_be_scored_nothing_is_written(cases, tmp_path, capsys):
    assert evaluate(cases, tmp_path / "out", "--labels", "7") == 2
    assert "label 7" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_other_users_are_scored_from_the_beginning(cases, tmp_path):
    evaluate(cases, tmp_path / "out")
    evaluate(cases, tmp_path / "out", "--correct", "worst")
    assert {row["correct"] for row in read(tmp_path / "out" / "rows.csv")} == {"worst"}


def test_along_another_axis_all_is_scored_from_the_beginning(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out") == 0
    mark(tmp_path / "out" / "rows.csv")
    assert evaluate(cases, tmp_path / "out", "--axis", "i") == 0
    assert "0.125" not in {row["dice"] for row in read(tmp_path / "out" / "rows.csv")}


@pytest.mark.parametrize("option", [("--labels", "2"), ("--min-slices", "11")])
def test_scores_of_other_structures_are_not_passed_off_as_those_asked_for(cases, tmp_path, option):
    assert evaluate(cases, tmp_path / "out") == 0
    assert evaluate(cases, tmp_path / "out", *option) == 2          # the discs are label 1, on 10 slices


def test_another_engine_under_the_same_name_is_scored_again(cases, tmp_path):
    assert evaluate(cases, tmp_path / "out", "--engines", "mine=copy") == 0
    mark(tmp_path / "out" / "rows.csv")
    assert evaluate(cases, tmp_path / "out", "--engines", "mine=interpolation") == 0
    assert "0.125" not in {row["dice"] for row in read(tmp_path / "out" / "rows.csv")}


# Reports

def test_kinds_add_a_mean_for_each_kind_of_structure(cases, tmp_path):
    kinds = tmp_path / "kinds.csv"
    kinds.write_text("dataset,label,kind\ndiscs,1,seen\n*,*,unseen\n", encoding="utf-8")
    assert evaluate(cases, tmp_path / "out", "--kinds", str(kinds)) == 0
    lines = (tmp_path / "out" / "results.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[:4] for line in lines if line.startswith(("| seen", "| unseen"))] == [["| seen", "discs", "2", "2"], ["| unseen", "plates", "1", "1"]]


def test_a_table_of_kinds_without_its_columns_is_refused_before_anything_is_scored(cases, tmp_path, capsys):
    (tmp_path / "kinds.csv").write_text("dataset,kind\ndiscs,seen\n", encoding="utf-8")
    assert evaluate(cases, tmp_path / "out", "--kinds", str(tmp_path / "kinds.csv")) == 2
    assert "dataset, label and kind" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_row_of_the_kinds_without_its_kind_is_refused_by_its_number(tmp_path):
    (tmp_path / "kinds.csv").write_text("dataset,label,kind\ndiscs,1,seen\nplates,*\n", encoding="utf-8")
    with pytest.raises(InputError, match="no kind in row 2"):
        read_kinds(tmp_path / "kinds.csv")


def test_the_kinds_of_our_data_sets_are_those_of_the_training_plan():
    kinds = read_kinds(Path(__file__).resolve().parents[1] / "kinds.csv")
    assert kind_of(kinds, "sunnybrook_cine", 1) == kind_of(kinds, "openkbp_headneck_ct", 7) == kind_of(kinds, "msd_hippocampus", 2) == "seen kind"
    assert kind_of(kinds, "acdc_NC", 3) == kind_of(kinds, "oasis_brain_NC", 9) == kind_of(kinds, "oasis_brain_NC", 11) == "seen kind, new source"
    assert kind_of(kinds, "acdc_NC", 1) == kind_of(kinds, "oasis_brain_NC", 12) == kind_of(kinds, "la2018_UNK", 1) == "unseen"


def test_the_plots_are_drawn_for_any_number_of_users(cases, tmp_path):
    image = pytest.importorskip("matplotlib.image")
    widths = []
    for correct in ("worst", "worst,suggested,uniform"):
        assert evaluate(cases, tmp_path / correct, "--correct", correct, "--pick", "largest,middle", "--max-cases", "1") == 0
        pictures = [image.imread(tmp_path / correct / f"{name}.png") for name in ("dice", "drift", "ends")]
        assert all(picture[..., :3].std() > 0.02 for picture in pictures)       # something is drawn
        widths.append(pictures[0].shape[1])
    assert widths[1] > widths[0]


def test_without_matplotlib_there_are_tables_and_no_plots(cases, tmp_path, monkeypatch):
    monkeypatch.setattr("SlicePropagationLib.evaluation_plots.util.find_spec", lambda name: None)
    assert evaluate(cases, tmp_path / "out", "--max-cases", "1") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["drift.csv", "files.json", "results.csv", "results.md", "rows.csv", "weights.json"]


def test_effort_and_drift_have_tables_of_their_own(cases, tmp_path):
    evaluate(cases, tmp_path / "out", "--correct", "suggested,worst")
    text = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert text.count("Median number of annotated slices") == 2 and text.count("## Drift") == text.count("### First slice: largest") == 1


# Scores put together

def scored(dataset, patient, dice, label=1, **more):
    return {"dataset": dataset, "patient": patient, "case": patient, "label": label, "engine": "copy", "pick": "largest", "correct": "worst", "shots": 1,
            "dice": dice, "surface_dice": dice, "hd95_mm": 1.0, "mean_surface_mm": 1.0, "mm_past_ends": 2.0, "seconds_per_slice": "", "is_nominal": 0} | more


PROTOCOL = read_protocol(arguments(engines="copy", shots="1", correct="worst"))


def test_data_sets_weigh_the_same_in_the_mean_and_simulated_ones_are_left_out():
    rows = [scored("big", f"p{number}", 0.8) for number in range(8)] + [scored("small", "q", 0.4), scored("sim", "r", 0.0)]
    mean = next(row for row in aggregate(rows, PROTOCOL) if row["dataset"] == REAL_SETS)
    assert (mean["dice"], mean["objects"], mean["patients"], mean["failures"]) == (pytest.approx(0.6), 9, 9, 1)
    assert mean["seconds_per_slice_median"] == "" and mean["mm_past_ends_median"] == 2.0


@pytest.mark.parametrize("dataset, is_real", [("acdc_NC", True), ("simone_hearts", True), ("maximal", True), ("prostate_mr_sim_UNK", False), ("Simulated-2", False), ("totalseg_examples", False)])
def test_a_data_set_is_simulated_where_a_word_of_its_name_says_so(dataset, is_real):
    assert is_pooled(dataset) == is_real


def test_a_data_set_is_summarised_with_its_tenth_percentile_and_an_interval_from_six_patients_on():
    rows = [scored("six", f"p{number}", number / 10) for number in range(6)] + [scored("five", f"p{number}", 0.9) for number in range(5)]
    five, six = (next(row for row in aggregate(rows, PROTOCOL) if row["dataset"] == name) for name in ("five", "six"))
    assert six["dice"] == 0.25 and six["dice_p10"] == 0.05 and six["failures"] == 5
    assert 0.05 < six["dice_low"] < 0.25 < six["dice_high"] < 0.45 and five["dice_low"] == ""


def test_the_interval_draws_patients_and_not_their_objects():
    one_each = interval_of_mean({"set": {f"p{number}": [float(number % 2)] for number in range(8)}})
    ten_each = interval_of_mean({"set": {f"p{number}": [float(number % 2)] * 10 for number in range(8)}})
    assert one_each == ten_each and one_each[1] - one_each[0] > 0.4


def test_the_drift_is_pooled_over_objects_and_then_averaged_over_real_sets():
    def counts(dataset, slices_away, intersection, size):
        return {"dataset": dataset, "engine": "copy", "slices_away": slices_away, "intersection": intersection, "size": size}
    curve = drift_curve([counts("a", "1", 10, 20), counts("a", "1", 0, 60), counts("b", "1", 30, 80), counts("sim", "1", 9, 9), counts("a", "2", 0, 0)], engine="copy")
    assert curve["1"] == pytest.approx((20 / 80 + 60 / 80) / 2) and math.isnan(curve["2"])


def test_slices_at_the_end_of_a_bin_belong_to_it():
    masks = np.ones((20, 1, 1), bool)
    assert {name: size for name, (_, size) in drift_counts(masks, masks, [0]).items()} == {"1": 2, "2": 2, "3-4": 4, "5-8": 8, "9-16": 16, "17+": 6}
    assert drift_counts(masks, ~masks, [4, 15])["3-4"] == (0, 8)     # slices 0, 1, 7, 8, 11, 12, 18 and 19


def test_the_slices_needed_are_counted_to_the_first_score_that_is_good_enough():
    assert slices_needed([0.8, 0.9, 0.85, 0.96], 0.9) == 2 and slices_needed([0.8, 0.9], 0.95) == ""


def test_the_median_effort_is_unknown_when_most_never_got_there():
    rows = [{"dataset": "a", "slices_to_90": needed} for needed in (1, 3, 3, "")]
    assert effort(rows, "slices_to_90") == (3, pytest.approx(0.75))
    assert effort([*rows, {"dataset": "b", "slices_to_90": ""}], "slices_to_90") == (math.inf, pytest.approx(0.375))


def test_the_kind_of_a_structure_is_the_most_particular_one_of_the_table():
    kinds = {("heart", "3"): "new source", ("heart", "*"): "seen", ("*", "*"): "unseen"}
    assert [kind_of(kinds, *key) for key in (("heart", 3), ("heart", 1), ("brain", 3))] == ["new source", "seen", "unseen"]
    assert kind_of({}, "heart", 3) == "other"


def test_a_shape_model_says_how_implausible_each_predicted_shape_is(cases, tmp_path):
    torch = pytest.importorskip("torch")
    from SlicePropagationLib.checkpoint import save_checkpoint
    from SlicePropagationLib.networks.acnn_config import AutoencoderConfig, FineGridConfig
    from SlicePropagationLib.networks.shape_autoencoder import ShapeAutoencoder
    from dataclasses import asdict
    torch.manual_seed(0)
    config = AutoencoderConfig(FineGridConfig((12, 24, 24), (3.0, 2.0, 2.0), 4), num_classes=2, base_channels=2, bottleneck_channels=8)
    save_checkpoint(tmp_path / "prior.pt", "acnn.autoencoder", {"network": asdict(config), "labels": (1,)}, ShapeAutoencoder(config).state_dict())
    assert evaluate(cases, tmp_path / "out", "--datasets", "discs", "--prior", str(tmp_path / "prior.pt")) == 0
    scores = [float(row["implausibility"]) for row in read(tmp_path / "out" / "rows.csv")]
    assert all(score > 0 for score in scores) and len(set(scores)) > 1
    assert all(0 <= float(row["misfit"]) <= 1 for row in read(tmp_path / "out" / "rows.csv"))
    assert evaluate(cases, tmp_path / "out", "--datasets", "discs") == 0
    assert "implausibility" not in read(tmp_path / "out" / "rows.csv")[0]
