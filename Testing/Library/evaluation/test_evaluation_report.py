"""What `evaluate` makes of its scores: kinds, means, intervals, drift, effort, plots."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from evaluations import evaluate, files, read, request, results_in, rows_in

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.evaluation.jobs import read_kinds, read_protocol
from SlicePropagationLib.evaluation.protocol import LOST_COLUMNS
from SlicePropagationLib.evaluation.report import kind_of
from SlicePropagationLib.evaluation.scores import drift_counts, slices_needed
from SlicePropagationLib.evaluation.statistics import (
    REAL_SETS,
    aggregate,
    drift_curve,
    effort,
    interval_of_mean,
    is_pooled,
)


def test_kinds_add_a_mean_for_each_kind_of_structure(cases, tmp_path):
    out = tmp_path / "out"
    kinds = tmp_path / "kinds.csv"
    kinds.write_text("dataset,label,kind\ndiscs,1,seen\n*,*,unseen\n", encoding="utf-8")
    assert evaluate(cases, out, "--kinds", str(kinds)) == 0
    lines = results_in(out).splitlines()
    assert [line.split(" | ")[:4] for line in lines if line.startswith(("| seen", "| unseen"))] == [
        ["| seen", "discs", "2/2", "2"],
        ["| unseen", "plates", "1/1", "1"],
    ]


def test_a_table_of_kinds_without_its_columns_is_refused_before_anything_is_scored(
    cases,
    tmp_path,
    capsys,
):
    out = tmp_path / "out"
    (tmp_path / "kinds.csv").write_text("dataset,kind\ndiscs,seen\n", encoding="utf-8")
    assert evaluate(cases, out, "--kinds", str(tmp_path / "kinds.csv")) == 2
    assert "dataset, label and kind" in capsys.readouterr().err
    assert not (out).exists()


def test_a_row_of_the_kinds_without_its_kind_is_refused_by_its_number(tmp_path):
    (tmp_path / "kinds.csv").write_text(
        "dataset,label,kind\ndiscs,1,seen\nplates,*\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="no kind in row 2"):
        read_kinds(tmp_path / "kinds.csv")


def test_the_kinds_of_our_data_sets_are_those_of_the_training_plan():
    kinds = read_kinds(Path(__file__).resolve().parents[2] / "kinds.csv")
    assert (
        kind_of(kinds, "sunnybrook_cine", 1)
        == kind_of(kinds, "openkbp_headneck_ct", 7)
        == kind_of(kinds, "msd_hippocampus", 2)
        == "seen kind"
    )
    assert (
        kind_of(kinds, "acdc_NC", 3)
        == kind_of(kinds, "oasis_brain_NC", 9)
        == kind_of(kinds, "oasis_brain_NC", 11)
        == "seen kind, new source"
    )
    assert (
        kind_of(kinds, "acdc_NC", 1)
        == kind_of(kinds, "oasis_brain_NC", 12)
        == kind_of(kinds, "la2018_UNK", 1)
        == "unseen"
    )


def test_the_plots_are_drawn_for_any_number_of_users(cases, tmp_path):
    image = pytest.importorskip("matplotlib.image")
    widths = []
    for correct in ("worst", "worst,suggested,uniform"):
        assert (
            evaluate(
                cases,
                tmp_path / correct,
                "--correct",
                correct,
                "--pick",
                "largest,middle",
                "--max-cases",
                "1",
            )
            == 0
        )
        pictures = [
            image.imread(tmp_path / correct / f"{name}.png") for name in ("dice", "drift", "ends")
        ]
        assert all(picture[..., :3].std() > 0.02 for picture in pictures)  # something is drawn
        widths.append(pictures[0].shape[1])
    assert widths[1] > widths[0]


def test_without_matplotlib_there_are_tables_and_no_plots(
    cases,
    tmp_path,
    monkeypatch,
):
    out = tmp_path / "out"
    monkeypatch.setattr("SlicePropagationLib.evaluation.plots.util.find_spec", lambda name: None)
    assert evaluate(cases, out, "--max-cases", "1") == 0
    assert sorted(path.name for path in (out).iterdir()) == [
        "drift.csv",
        "files.json",
        "results.csv",
        "results.md",
        "rows.csv",
        "weights.json",
    ]


def test_effort_and_drift_have_tables_of_their_own(cases, tmp_path):
    out = tmp_path / "out"
    evaluate(cases, out, "--correct", "suggested,worst")
    text = results_in(out)
    assert (
        text.count("Median number of annotated slices") == 4  # by two scores, of two users
        and text.count("## Drift") == text.count("### First slice: largest") == 1
    )


# Scores put together


def scored(
    dataset,
    patient,
    dice,
    label=1,
    **more,
):
    return {
        "dataset": dataset,
        "patient": patient,
        "case": patient,
        "label": label,
        "engine": "copy",
        "pick": "largest",
        "correct": "worst",
        "shots": 1,
        "extent": 9,
        "dice": dice,
        "dice_whole": dice,
        "surface_dice": dice,
        "hd95_mm": 1.0,
        "mean_surface_mm": 1.0,
        "mm_past_ends": 2.0,
        "ends_found": 0.5,
        "ends_early": 0.0,
        "ends_past": 0.5,
        **dict.fromkeys(LOST_COLUMNS, 0.1),
        "seconds_per_slice": "",
        "is_nominal": 0,
    } | more


PROTOCOL = read_protocol(request("--shots", "1", "--correct", "worst"))


def test_data_sets_weigh_the_same_in_the_mean_and_simulated_ones_are_left_out():
    rows = [scored("big", f"p{number}", 0.8) for number in range(8)]
    rows += [scored("small", f"q{number}", 0.4) for number in range(6)]
    rows += [scored("sim", f"r{number}", 0.0) for number in range(6)]
    mean = next(row for row in aggregate(rows, PROTOCOL) if row["dataset"] == REAL_SETS)
    assert (mean["dice"], mean["objects"], mean["patients"], mean["failures"]) == (
        pytest.approx(0.6),
        14,
        14,
        6,
    )
    assert mean["seconds_per_slice_median"] == ""
    assert mean["mm_past_ends_median"] == 2.0


@pytest.mark.parametrize(
    "dataset, is_real",
    [
        ("acdc_NC", True),
        ("simone_hearts", True),
        ("maximal", True),
        ("prostate_mr_sim_UNK", False),
        ("Simulated-2", False),
        ("totalseg_examples", False),
    ],
)
def test_a_data_set_is_simulated_where_a_word_of_its_name_says_so(dataset, is_real):
    assert is_pooled(dataset) == is_real


def test_a_data_set_is_summarised_with_its_tenth_percentile_and_an_interval_from_six_patients_on():
    rows = [scored("six", f"p{number}", number / 10) for number in range(6)]
    rows += [scored("five", f"p{number}", 0.9) for number in range(5)]
    summaries = {row["dataset"]: row for row in aggregate(rows, PROTOCOL)}
    five = summaries["five"]
    six = summaries["six"]
    assert six["dice"] == 0.25
    assert six["dice_p10"] == 0.05
    assert six["failures"] == 5
    assert 0.05 < six["dice_low"] < 0.25 < six["dice_high"] < 0.45
    assert five["dice_low"] == ""


def test_the_interval_draws_patients_and_not_their_objects():
    one_each = interval_of_mean({"set": {f"p{number}": [float(number % 2)] for number in range(8)}})
    ten_each = interval_of_mean(
        {"set": {f"p{number}": [float(number % 2)] * 10 for number in range(8)}}
    )
    assert one_each == ten_each
    assert one_each[1] - one_each[0] > 0.4


def test_the_drift_is_pooled_over_objects_and_then_averaged_over_real_sets():
    def counts(
        dataset,
        slices_away,
        intersection,
        size,
    ):
        return {
            "dataset": dataset,
            "engine": "copy",
            "slices_away": slices_away,
            "intersection": intersection,
            "size": size,
        }

    curve = drift_curve(
        [
            counts("a", "1", 10, 20),
            counts("a", "1", 0, 60),
            counts("b", "1", 30, 80),
            counts("sim", "1", 9, 9),
            counts("a", "2", 0, 0),
        ],
        engine="copy",
    )
    assert curve["1"] == pytest.approx((20 / 80 + 60 / 80) / 2)
    assert math.isnan(curve["2"])


def test_slices_at_the_end_of_a_bin_belong_to_it():
    masks = np.ones((20, 1, 1), bool)
    assert {name: size for name, (_, size) in drift_counts(masks, masks, [0]).items()} == {
        "1": 2,
        "2": 2,
        "3-4": 4,
        "5-8": 8,
        "9-16": 16,
        "17+": 6,
    }
    assert drift_counts(masks, ~masks, [4, 15])["3-4"] == (
        0,
        8,
    )  # slices 0, 1, 7, 8, 11, 12, 18 and 19


def test_the_slices_needed_are_counted_to_the_first_score_that_is_good_enough():
    assert slices_needed([0.8, 0.9, 0.85, 0.96], 0.9) == 2
    assert slices_needed([0.8, 0.9], 0.95) == ""


def test_the_median_effort_is_unknown_when_most_never_got_there():
    rows = [{"dataset": "a", "slices_to_90": needed} for needed in (1, 3, 3, "")]
    assert effort(rows, "slices_to_90") == (3, pytest.approx(0.75))
    assert effort([*rows, {"dataset": "b", "slices_to_90": ""}], "slices_to_90") == (
        math.inf,
        pytest.approx(0.375),
    )


def test_the_kind_of_a_structure_is_the_most_particular_one_of_the_table():
    kinds = {
        ("heart", "3"): "new source",
        ("heart", "*"): "seen",
        ("*", "*"): "unseen",
    }
    assert [kind_of(kinds, *key) for key in (("heart", 3), ("heart", 1), ("brain", 3))] == [
        "new source",
        "seen",
        "unseen",
    ]
    assert kind_of({}, "heart", 3) == "other"


def test_a_shape_model_says_how_implausible_each_predicted_shape_is(cases, tmp_path):
    out = tmp_path / "out"
    torch = pytest.importorskip("torch")
    from dataclasses import asdict

    from SlicePropagationLib.networks.acnn.autoencoder import ShapeAutoencoder
    from SlicePropagationLib.networks.acnn.config import AutoencoderConfig, FineGridConfig
    from SlicePropagationLib.networks.checkpoint import save_checkpoint

    torch.manual_seed(0)
    config = AutoencoderConfig(
        FineGridConfig((12, 24, 24), (3.0, 2.0, 2.0), 4),
        num_classes=2,
        base_channels=2,
        bottleneck_channels=8,
    )
    save_checkpoint(
        tmp_path / "prior.pt",
        "acnn.autoencoder",
        {"network": asdict(config), "labels": (1,)},
        ShapeAutoencoder(config).state_dict(),
    )
    assert (
        evaluate(
            cases,
            out,
            "--datasets",
            "discs",
            "--prior",
            str(tmp_path / "prior.pt"),
        )
        == 0
    )
    scores = [float(row["implausibility"]) for row in rows_in(out)]
    assert all(score > 0 for score in scores)
    assert len(set(scores)) > 1
    assert all(0 <= float(row["misfit"]) <= 1 for row in rows_in(out))
    assert evaluate(cases, out, "--datasets", "discs") == 0
    assert "implausibility" not in rows_in(out)[0]


def test_evaluate_prints_a_short_table_and_names_the_report(cases, tmp_path, capsys):
    out = tmp_path / "out"
    few = ["--engines", "copy,interpolation", "--shots", "1", "--max-cases", "1"]
    assert main(["evaluate", *files(cases, out), *few]) == 0
    said = capsys.readouterr()
    assert (out / "results.md").is_file()
    assert f"The whole report: {out / 'results.md'}" in said.out
    assert said.out.count("annotated slices excluded") == 1
    assert len(said.out.splitlines()) <= 12
    means = [row for row in read(out / "results.csv") if row["dataset"].startswith("mean")]
    for row in means:
        line = next(line for line in said.out.splitlines() if line.startswith(row["engine"]))
        assert f"{float(row['dice']):.3f}" in line.split()
    assert [line[:7] for line in said.err.splitlines()] == ["case 1 ", "case 2 "]
    assert all(re.search(r"of 2, .* left: ", line) for line in said.err.splitlines())
