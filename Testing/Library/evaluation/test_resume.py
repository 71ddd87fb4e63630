"""`evaluate` goes on where it stopped, and scores again what no longer is what was asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from evaluations import evaluate, files, mark, read, rows_in

from SlicePropagationLib.workers import WorkerDiedError

pytestmark = pytest.mark.usefixtures("quick_plots")
TIMES = ("seconds_per_slice",)


def test_an_evaluation_goes_on_where_it_stopped(cases, tmp_path):
    out = tmp_path / "out"
    evaluate(cases, out)
    rows = rows_in(out, TIMES)
    drift = (out / "drift.csv").read_text(encoding="utf-8")
    untouched = (out / "rows.csv").read_text(encoding="utf-8").splitlines()
    (out / "rows.csv").write_text(
        "\n".join(line for line in untouched if "p1_ED" not in line) + "\n",
        encoding="utf-8",
    )  # as if it was killed there, drift.csv written already
    assert evaluate(cases, out) == 0
    assert sorted(map(str, rows_in(out, TIMES))) == sorted(map(str, rows))
    assert sorted((out / "drift.csv").read_text(encoding="utf-8").split()) == sorted(drift.split())
    assert [line for line in untouched if "p1_ED" not in line] == [
        line
        for line in (out / "rows.csv").read_text(encoding="utf-8").splitlines()
        if "p1_ED" not in line
    ]


def test_volumes_that_stay_in_their_files_are_scored_as_those_that_are_read(
    cases, tmp_path, monkeypatch
):
    evaluate(cases, tmp_path / "whole")
    monkeypatch.setattr("SlicePropagationLib.files.mapped_file.MAPPED_BYTES", 0)
    monkeypatch.setattr("SlicePropagationLib.files.mapped_file.UNPACKED_BYTES", 0)
    monkeypatch.setenv("SLICE_PROPAGATION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("SlicePropagationLib.files.volume.load_image", None)  # reads all of it
    evaluate(cases, tmp_path / "mapped")
    assert rows_in(tmp_path / "mapped", TIMES) == rows_in(tmp_path / "whole", TIMES)


def test_two_processes_come_to_the_tables_of_one(cases, tmp_path):
    pytest.importorskip("lightning")
    evaluate(cases, tmp_path / "one")
    options = ["--engines", "copy,interpolation", "--shots", "1,2", "--devices", "2"]
    command = [sys.executable, "-m", "SlicePropagationLib", "evaluate", "--device", "cpu"]
    done = subprocess.run(
        [*command, *files(cases, tmp_path / "two"), *options],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The whole report") == 1 and "Initializing" not in done.stderr
    assert rows_in(tmp_path / "two", TIMES) == rows_in(tmp_path / "one", TIMES)
    drift = [(tmp_path / out / "drift.csv").read_bytes() for out in ("one", "two")]
    assert drift[0] == drift[1]


def dice_of(engine, rows):
    return [row["dice"] for row in rows if row["engine"] == engine]


def test_other_weights_under_the_same_name_are_scored_from_the_beginning(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out) == 0
    first = rows_in(out)
    mark(out)
    assert evaluate(cases, out) == 0
    assert {row["dice"] for row in rows_in(out)} == {"0.125"}  # taken over
    weights = json.loads((out / "weights.json").read_text(encoding="utf-8"))
    older = json.dumps({**weights, "copy": "an older model"})
    (out / "weights.json").write_text(older, encoding="utf-8")
    assert evaluate(cases, out) == 0
    again = rows_in(out)
    assert dice_of("copy", again) == dice_of("copy", first)
    assert set(dice_of("interpolation", again)) == {"0.125"}


def test_an_evaluation_killed_while_it_wrote_does_not_show_the_scores_of_the_engine_before(
    cases,
    tmp_path,
    monkeypatch,
):
    assert evaluate(cases, tmp_path / "fresh", "--engines", "x=interpolation") == 0
    for last in ("drift.csv", "rows.csv", "weights.json", "files.json"):
        out = tmp_path / last
        moved = os.replace
        assert evaluate(cases, out, "--engines", "x=copy") == 0

        def replace(
            source,
            target,
            last=last,
            moved=moved,
        ):
            moved(source, target)
            if Path(target).name == last:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            assert evaluate(cases, out, "--engines", "x=interpolation") == 130
        (out / ".partial-left").mkdir()
        assert evaluate(cases, out, "--engines", "x=interpolation") == 0
        assert not list(out.glob(".partial-*"))
        assert sorted(map(str, rows_in(out, TIMES))) == sorted(
            map(str, rows_in(tmp_path / "fresh", TIMES))
        )


def test_an_engine_that_is_added_does_not_have_the_others_scored_again(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--engines", "copy") == 0
    mark(out)
    marked = rows_in(out)
    assert evaluate(cases, out, "--engines", "interpolation,copy") == 0
    rows = rows_in(out)
    assert [row for row in rows if row["engine"] == "copy"] == marked
    assert len(rows) == 2 * len(marked)
    assert {row["engine"] for row in read(out / "drift.csv")} == {
        "copy",
        "interpolation",
    }


def test_only_the_data_sets_and_labels_asked_for_are_scored(
    cases,
    tmp_path,
    capsys,
):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--labels", "1", "--datasets", "discs") == 0
    assert {(row["dataset"], row["label"]) for row in rows_in(out)} == {("discs", "1")}
    assert evaluate(cases, tmp_path / "other", "--datasets", "hearts") == 2
    assert "hearts" in capsys.readouterr().err


def test_a_worker_that_dies_is_named_with_what_to_do(
    cases,
    tmp_path,
    capsys,
    monkeypatch,
):
    def killed(*_, **options):
        raise WorkerDiedError("killed")
        yield

    monkeypatch.setattr("SlicePropagationLib.evaluation.evaluate.in_order", killed)
    assert evaluate(cases, tmp_path / "out", "--workers", "2") == 2
    assert "fewer --workers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed",
    [
        ("--axis", "i"),
        ("--min-slices", "6"),
        ("--labels", "1"),
        ("--engines", "copy=registration,interpolation=copy"),
    ],
)
def test_what_was_asked_for_otherwise_is_scored_from_the_beginning(
    cases,
    tmp_path,
    changed,
):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--max-cases", "1") == 0
    mark(out)
    assert evaluate(cases, out, "--max-cases", "1", *changed) == 0
    assert "0.125" not in {row["dice"] for row in rows_in(out)}


def test_a_case_whose_label_map_changed_is_scored_again_and_no_other(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out) == 0
    mark(out)
    os.utime(tmp_path / "p1" / "truth.nii.gz", ns=(0, 0))
    assert evaluate(cases, out) == 0
    assert {row["case"] for row in rows_in(out) if row["dice"] != "0.125"} == {"p1_ED"}


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[:-40], lambda text: text + "\udcff"],
    ids=["cut short", "no text"],
)
def test_a_table_that_is_damaged_is_scored_again(
    cases,
    tmp_path,
    damage,
):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--max-cases", "1") == 0
    first = rows_in(out, TIMES)
    text = (out / "rows.csv").read_text(encoding="utf-8")
    (out / "rows.csv").write_text(
        damage(text),
        encoding="utf-8",
        errors="surrogateescape",
    )
    assert evaluate(cases, out, "--max-cases", "1") == 0
    assert sorted(map(str, rows_in(out, TIMES))) == sorted(map(str, first))


def test_scores_of_a_version_that_did_not_write_down_the_state_of_files_are_taken_over(
    cases,
    tmp_path,
):
    out = tmp_path / "out"
    assert evaluate(cases, out) == 0
    mark(out)
    (out / "files.json").unlink()
    assert evaluate(cases, out) == 0
    assert {row["dice"] for row in rows_in(out)} == {"0.125"}


def test_where_nothing_can_be_scored_nothing_is_written(
    cases,
    tmp_path,
    capsys,
):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--labels", "7") == 2
    assert "label 7" in capsys.readouterr().err
    assert not (out).exists()


def test_other_users_are_scored_from_the_beginning(cases, tmp_path):
    out = tmp_path / "out"
    evaluate(cases, out)
    evaluate(cases, out, "--correct", "worst")
    assert {row["correct"] for row in rows_in(out)} == {"worst"}


def test_along_another_axis_all_is_scored_from_the_beginning(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out) == 0
    mark(out)
    assert evaluate(cases, out, "--axis", "i") == 0
    assert "0.125" not in {row["dice"] for row in rows_in(out)}


@pytest.mark.parametrize("option", [("--labels", "2"), ("--min-slices", "11")])
def test_scores_of_other_structures_are_not_passed_off_as_those_asked_for(
    cases,
    tmp_path,
    option,
):
    out = tmp_path / "out"
    assert evaluate(cases, out) == 0
    assert evaluate(cases, out, *option) == 2  # the discs are label 1, on 10 slices


def test_another_engine_under_the_same_name_is_scored_again(cases, tmp_path):
    out = tmp_path / "out"
    assert evaluate(cases, out, "--engines", "mine=copy") == 0
    mark(out)
    assert evaluate(cases, out, "--engines", "mine=interpolation") == 0
    assert "0.125" not in {row["dice"] for row in rows_in(out)}
