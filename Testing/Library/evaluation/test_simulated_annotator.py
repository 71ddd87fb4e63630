"""The simulated annotator: which slices it draws, what each is worth, and `simulate`."""

import json
import tracemalloc

import numpy as np
import pytest
from case_files import make_case
from phantoms import RepeatingEngine, drifting_disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.simulated_annotator import (
    SimulateRequest,
    first_slice,
    simulate,
    slice_to_correct,
    slices_in_steps,
)
from SlicePropagationLib.files.patients import patient_of
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack


@pytest.fixture
def phantom():
    stack, truth = drifting_disc()
    truth[5] &= np.arange(48)[None, :] < 22  # the largest slice is no longer the first of equals
    return stack, truth


def rounds_of(phantom, **options):
    stack, truth = phantom
    session = AnnotationSession(stack, (1,))
    return list(simulate(session, truth, RepeatingEngine(), **options))


def test_the_first_slice_is_the_largest_or_the_middle_one(phantom):
    _, truth = phantom
    assert first_slice(truth, "largest") == 3
    assert first_slice(truth, "middle") == 8


@pytest.mark.parametrize("correct", ["worst", "suggested", "uniform", "steps"])
def test_corrections_help(phantom, correct):
    rounds = rounds_of(phantom, correct=correct, budget=4)
    assert [entry.shots for entry in rounds] == [1, 2, 3, 4]
    assert rounds[-1].dice_thesis > rounds[0].dice_thesis


def test_the_worst_slice_is_the_one_with_most_wrong_pixels(phantom):
    rounds = rounds_of(phantom, correct="worst", budget=2)
    # The disc has drifted farthest there, and slices beyond hold one disc, not two.
    assert rounds[-1].annotated[1] == 12


def test_the_worst_slice_of_a_large_volume_is_found_without_an_array_of_its_size():
    truth = np.zeros((64, 128, 128), bool)
    truth[:, 40:80, 40:80] = True
    truth[40, 40:90, 40:90] = True
    stack = SliceStack(np.zeros(truth.shape, np.float32), (1.0, 1.0, 1.0))
    session = AnnotationSession(stack, (1,))
    session.annotate(1, 3, truth[3])
    tracemalloc.start()
    worst = slice_to_correct(session, truth, "worst")
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert worst == 40
    assert most_bytes < truth.nbytes / 8


def test_uniform_slices_are_the_middles_of_equal_parts(phantom):
    rounds = rounds_of(phantom, correct="uniform", budget=2)
    assert [entry.annotated for entry in rounds] == [(8,), (5, 10)]


def test_uniform_slices_end_with_the_extent(phantom):
    rounds = rounds_of(phantom, correct="uniform", budget=14)
    assert [entry.shots for entry in rounds] == list(range(1, 11))
    assert sorted(rounds[-1].annotated) == list(range(3, 13))


def test_steps_go_from_the_middle_outwards_by_tenths_of_the_extent_and_end_with_it():
    truth = np.zeros((30, 4, 4), bool)
    truth[5:25] = True
    assert slices_in_steps(truth)[:5] == [15, 17, 13, 19, 11]
    assert sorted(slices_in_steps(truth)) == [5, 7, 9, 11, 13, 15, 17, 19, 21, 23]
    truth[:] = False
    truth[10:14] = True
    assert slices_in_steps(truth) == [12, 13, 11, 10]  # steps are at least one slice long


def test_a_correction_in_steps_is_propagated_outwards_only(phantom):
    stack, truth = phantom
    engine = RepeatingEngine()
    session = AnnotationSession(stack, (1,))
    rounds = simulate(
        session,
        truth,
        engine,
        correct="steps",
        budget=3,
    )
    next(rounds)
    for outer, expected in ((9, range(10, 16)), (7, range(7))):
        engine.asked.clear()
        assert next(rounds).annotated[-1] == outer
        assert sorted(index for _, index in engine.asked) == list(expected)


def test_the_seconds_of_a_round_are_shared_by_the_slices_it_predicted(phantom, monkeypatch):
    stack, truth = phantom
    clock = iter((10.0, 13.0))
    monkeypatch.setattr(
        "SlicePropagationLib.evaluation.simulated_annotator.time.perf_counter", lambda: next(clock)
    )
    rounds = simulate(AnnotationSession(stack, (1,)), truth, RepeatingEngine(), budget=1)
    assert next(rounds).seconds_per_slice == pytest.approx(3 / 15)  # 16 slices, one of them drawn


def simulate_command(
    case,
    label,
    *options,
):
    files = ["--image", str(case["image"]), "--truth", str(case["truth"])]
    return main(["simulate", *files, "--label", label, *options])


def test_simulate_prints_and_writes_its_rounds(tmp_path, capsys):
    case = make_case(tmp_path)
    out = tmp_path / "rounds.json"
    assert simulate_command(case, "1", "--budget", "2", "--out", str(out)) == 0
    rounds = json.loads(out.read_text(encoding="utf-8"))
    assert [entry["shots"] for entry in rounds] == [1, 2]
    assert "annotated slices excluded" in capsys.readouterr().out


def test_a_label_that_is_not_in_the_truth_is_refused(tmp_path, capsys):
    assert simulate_command(make_case(tmp_path), "9") == 2
    assert "label 9" in capsys.readouterr().err


def test_a_request_for_what_no_annotator_does_is_refused():
    for wrong in ({"pick": "thickest"}, {"correct": "random"}, {"axis": "x"}, {"budget": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            SimulateRequest("image.nii.gz", "truth.nii.gz", label=1, **wrong)


def test_frames_of_one_patient_are_one_patient():
    assert patient_of("patient001_ED") == patient_of("patient001_ES") == "patient001"
