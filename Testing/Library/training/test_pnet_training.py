"""`train pnet_msa` and `train pnet_birnn`: both learn two phantoms.

The curriculum, the fine-tune, the runs and the rates do what they say.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import write
from phantoms import disc

from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.networks.checkpoint import load_checkpoint, save_checkpoint
from SlicePropagationLib.networks.pnet.config import PNetConfig, RefinementConfig, SlicesConfig
from SlicePropagationLib.segmenters.pnet.abnormal_slices import abnormal_slices, area_changes
from SlicePropagationLib.segmenters.pnet.neighbour_slices import neighbour_indices, rescale_volume
from SlicePropagationLib.segmenters.pnet.segmenter import make_pnet
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.pnet.birnn import PRESETS as BIRNN_PRESETS
from SlicePropagationLib.training.pnet.msa import (
    FIRST,
    PRESETS,
    PNetTask,
    PNetTaskConfig,
    PNetTraining,
    mean_score,
    reached_units,
)
from SlicePropagationLib.training.pnet.slice_runs import RunAugmentationConfig, SliceRuns, vary_runs

SHAPE = (10, 32, 32)
SLICES = SlicesConfig(size=32, label=1)


def two_phantoms(folder):
    """Two cases on disk; (cases, volume and truth of the first).

    A bright disc (label 1) drifts on slices 2 to 7 beside a darker one (label 2).
    """
    cases = []
    first = None
    for number in range(2):
        truth = np.zeros(SHAPE, np.uint8)
        for index in range(2, 8):
            truth[index] = disc(SHAPE[1:], (16, 10 + index + number), 6)
        truth[:, 1:5, 1:5] = 2
        volume = (
            100 * (truth == 1)
            + 50 * (truth == 2)
            + np.random.default_rng(number).normal(0, 5, SHAPE)
        )
        cases.append(
            TrainingCase(
                str(write(folder / f"image{number}.nii.gz", volume.astype(np.int16))),
                str(write(folder / f"label{number}.nii.gz", truth)),
                "phantoms",
                f"p{number}",
            )
        )
        first = first or (volume.astype(np.int16), truth == 1)
    return cases, *first


def small(preset, epochs=5, **task):
    training = PRESETS[preset]
    network = replace(
        training.task.network,
        channels=8,
        num_units=5 if training.task.network.architecture == "hnn" else 3,
    )
    mild = RunAugmentationConfig(
        turn=3.0,
        scale=0.03,
        shift=0.02,
    )
    rate = 0.1 if training.loop.optimizer == "sgd" else 0.01
    loop = replace(
        training.loop,
        epochs=epochs,
        batches_per_epoch=20,
        batch_size=5,
        learning_rate=rate,
        precision="32-true",
    )
    return replace(
        training,
        task=replace(training.task, network=network, slices=SLICES, augmentation=mild, **task),
        loop=loop,
    )


def segmenter_of(path):
    return make_pnet(load_checkpoint(path), path, "cpu")


def overlap(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize(
    "preset, loss",
    [
        ("default", "jaccard"),
        ("joint", "jaccard"),
        ("joint", "cross_entropy"),
        ("joint", "balanced_cross_entropy"),
        ("paper", "jaccard_printed"),
        ("direct", "jaccard"),
        ("pnet", "jaccard"),
        ("hnn", "jaccard"),
        ("unet", "jaccard"),
    ],
)
def test_a_network_learns_two_phantoms(tmp_path, preset, loss):
    cases, volume, truth = two_phantoms(tmp_path)
    best = small(preset, loss=loss, plateau_epochs=1).train(
        cases,
        cases,
        tmp_path / "out",
        device="cpu",
    )
    found = segmenter_of(best).segment(SliceStack(volume, (3.0, 1.0, 1.0)))
    assert found.shape == SHAPE
    assert found.dtype == np.uint8
    assert overlap(found == 1, truth) > 0.85


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_the_birnn_learns_two_phantoms_on_top_of_a_network_of_slices(tmp_path, preset):
    cases, volume, truth = two_phantoms(tmp_path)
    first = small("joint").train(cases, cases, tmp_path / "pnet", device="cpu")
    training = BIRNN_PRESETS[preset]
    training = replace(
        training,
        task=replace(training.task, length=5, augmentation=RunAugmentationConfig(3.0, 0.03, 0.02)),
        loop=replace(training.loop, epochs=4, precision="32-true"),
    )
    segmenter = segmenter_of(
        training.train(
            cases,
            cases,
            tmp_path / "birnn",
            init=first,
            device="cpu",
        )
    )
    before = segmenter.probability(volume, uses_birnn=False)
    after = segmenter.probability(volume)
    assert overlap(after >= 0.5, truth) > 0.85
    assert not np.allclose(before, after)


def test_the_birnn_learns_faster_than_the_network_below_it_and_keeps_its_normalisation(tmp_path):
    cases, _, _ = two_phantoms(tmp_path)
    first = small("joint", epochs=1).train(cases, cases, tmp_path / "pnet", device="cpu")
    training = BIRNN_PRESETS["default"]
    training = replace(
        training,
        loop=replace(
            training.loop,
            epochs=1,
            batches_per_epoch=1,
            schedule="constant",
            precision="32-true",
        ),
    )
    start = {
        name: value.clone() for name, value in training.new_task(first).network.state_dict().items()
    }
    learnt = load_checkpoint(
        training.train(
            cases,
            cases,
            tmp_path / "birnn",
            init=first,
            device="cpu",
        )
    ).weights
    change = {
        name: (learnt[name].float() - value.float()).abs().max().item()
        for name, value in start.items()
    }
    # the first step of Adam is the learning rate
    assert change["birnn.upward.from_input"] == pytest.approx(
        1e-3,
        rel=0.05,
    )
    assert change["pnet.stages.0.0.weight"] == pytest.approx(1e-4, rel=0.05)
    assert (
        max(value for name, value in change.items() if "running" in name or "num_batches" in name)
        == 0
    )


def test_a_unit_joins_when_the_loss_of_the_last_one_has_converged():
    task = PNetTask(PNetTaskConfig(network=PNetConfig(channels=2, num_units=3), slices=SLICES))
    joined = []
    for loss in (0.9, 0.5, 0.5, 0.4999, 0.7, 0.6, 0.6, 0.6, 0.6):
        task.after_epoch({f"unit{int(task.network.num_active)}": loss})
        joined.append(int(task.network.num_active))
    assert joined == [1, 1, 1, 2, 2, 2, 2, 3, 3]  # 0.4999 is less than 0.1 % below 0.5


def test_units_below_go_on_learning_when_another_has_joined(tmp_path):
    task = PNetTask(PNetTaskConfig(network=PNetConfig(channels=2, num_units=3), slices=SLICES))
    task.network.num_active.fill_(2)
    losses = task(
        {"image": torch.rand(2, 1, 3, 32, 32), "truth": (torch.rand(2, 1, 32, 32) > 0.5).float()}
    )
    losses["total"].backward()
    assert set(losses) == {"total", "unit1", "unit2"}
    assert [
        any(parameter.grad is not None for parameter in stage.parameters())
        for stage in task.network.stages
    ] == [True, True, False]


def test_joint_training_has_a_loss_for_every_output_and_their_sum():
    task = PNetTask(
        PNetTaskConfig(
            network=PNetConfig(channels=2, num_units=2),
            slices=SLICES,
            is_layerwise=False,
            augmentation=RunAugmentationConfig(0, 0, 0),
        )
    ).eval()
    batch = {
        "image": torch.rand(2, 1, 3, 32, 32),
        "truth": (torch.rand(2, 1, 32, 32) > 0.5).float(),
    }
    losses = task(batch)
    fused = task.network.fuse(task.network(batch["image"].flatten(0, 1)))
    assert losses["total"].item() == pytest.approx(
        (losses["unit1"] + losses["unit2"] + task.loss(fused, batch["truth"][:, 0])).item(),
        rel=1e-5,
    )


def test_a_curriculum_that_was_interrupted_goes_on_with_its_units(tmp_path):
    cases, _, _ = two_phantoms(tmp_path)
    # every epoch counts as converged
    training = small(
        "default",
        epochs=2,
        plateau=0.99,
        plateau_epochs=1,
    )
    training.train(cases, cases, tmp_path / "out", device="cpu")
    lines = []
    replace(training, loop=replace(training.loop, epochs=3)).train(
        cases,
        cases,
        tmp_path / "out",
        device="cpu",
        report=lines.append,
    )
    assert "going on after epoch 2" in lines[0]
    assert "units 2" in lines[1]


def read_lines(folder):
    return [
        json.loads(line)
        for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_the_fine_tune_ends_when_the_validation_cases_are_as_good_as_the_training_cases_were(
    tmp_path,
):
    cases, _, _ = two_phantoms(tmp_path)
    training = replace(small("paper", epochs=3, plateau_epochs=1), finetune_epochs=40)
    said = []
    best = training.train(
        cases[:1],
        cases[1:],
        tmp_path / "out",
        device="cpu",
        report=said.append,
    )
    first = tmp_path / "out" / FIRST
    reached = mean_score(
        training.new_task(first / "best.pt"),
        SliceRuns(cases[:1], SLICES, 3, is_random=False),
        5,
        "cpu",
    )
    lines = read_lines(tmp_path / "out")
    assert len(read_lines(first)) == 3
    assert any(f"{reached:.4f}" in text for text in said)
    assert lines[-1]["dice"] >= reached
    assert all(line["dice"] < reached for line in lines[:-1])
    assert lines[0]["learning_rate"] == pytest.approx(0.1 * training.loop.learning_rate)
    before = best.read_bytes()
    assert (
        training.train(cases[:1], cases[1:], tmp_path / "out", device="cpu").read_bytes() == before
    )
    assert read_lines(tmp_path / "out") == lines


def test_a_fine_tune_learns_from_the_validation_cases_and_training_alone_does_not(tmp_path):
    """The validation case is the negative of a phantom."""
    cases, volume, _ = two_phantoms(tmp_path)
    negative = replace(
        cases[0],
        image=str(write(tmp_path / "negative.nii.gz", (100 - volume).astype(np.int16))),
        name="negative",
    )
    training = replace(small("joint", epochs=3), finetune_epochs=12)
    tuned = training.train(cases[1:], [negative], tmp_path / "out", device="cpu")
    runs = SliceRuns([negative], SLICES, 3, is_random=False)
    before, after = (
        mean_score(training.new_task(path), runs, 5, "cpu")
        for path in (tmp_path / "out" / FIRST / "best.pt", tuned)
    )
    assert before < 0.2 and after > before + 0.1, (before, after)


def test_stochastic_gradient_descent_steps_by_the_rate_times_the_gradient(tmp_path):
    cases, _, _ = two_phantoms(tmp_path)
    training = small("paper", epochs=1)
    still = RunAugmentationConfig(0, 0, 0)
    training = replace(
        training,
        finetune_epochs=0,
        task=replace(training.task, augmentation=still),
        loop=replace(training.loop, batches_per_epoch=1, batch_size=20),
    )
    task = training.new_task()
    runs = SliceRuns(cases[:1], SLICES, 3)
    training = replace(training, loop=replace(training.loop, batches_per_epoch=1, batch_size=1))
    start = {name: value.clone() for name, value in task.network.state_dict().items()}
    learnt = load_checkpoint(
        training.train(cases[:1], cases[:1], tmp_path / "out", device="cpu")
    ).weights
    steps = {}
    for position in range(len(runs)):  # one of these slices was drawn
        task = training.new_task().train()
        task({name: value[None] for name, value in runs[position].items()})["total"].backward()
        gradient = dict(task.network.named_parameters())["branches.0.head.weight"].grad
        steps[position] = (
            (
                start["branches.0.head.weight"]
                - training.loop.learning_rate * gradient
                - learnt["branches.0.head.weight"].float()
            )
            .abs()
            .max()
            .item()
        )
    assert min(steps.values()) < 1e-6
    assert training.loop.optimizer == "sgd"


def test_runs_show_every_slice_with_its_neighbours_and_repeat_the_last_beyond_the_volume(tmp_path):
    cases, volume, truth = two_phantoms(tmp_path)
    singles = SliceRuns(cases, SLICES, 3)
    assert len(singles) == 20
    assert singles[4]["image"].shape == (1, 3, 32, 32)
    assert np.array_equal(singles[4]["truth"][0], truth[4])
    scaled = rescale_volume(volume, SLICES.window)
    assert np.allclose(singles[4]["image"][0], scaled[3:6], atol=1e-3)
    assert np.allclose(
        singles[9]["image"][0],
        scaled[[8, 9, 9]],
        atol=1e-3,
    )
    assert neighbour_indices(torch.tensor([0]), 5, 10).tolist() == [[0, 0, 0, 1, 2]]


def test_runs_of_validation_cover_every_slice_and_short_volumes_are_repeated(tmp_path):
    cases, _, truth = two_phantoms(tmp_path)
    runs = SliceRuns(cases[:1], SLICES, 3, 4, is_random=False)
    assert [start for _, start in runs.places] == [0, 4, 6]
    long = SliceRuns(cases[:1], SLICES, 3, 12)
    assert len(long) == 1
    assert np.array_equal(long[0]["truth"], truth[[*range(10), 9, 9]])


def test_slices_with_the_structure_are_drawn_more_often_and_cases_without_it_never(tmp_path):
    cases, _, truth = two_phantoms(tmp_path)
    singles = SliceRuns(cases[:1], SLICES, 3)
    weights = np.array(singles.weights())
    assert weights[truth.any(axis=(1, 2))].sum() == pytest.approx(0.6)
    assert weights.sum() == pytest.approx(1)
    assert len(SliceRuns(cases, replace(SLICES, label=3), 3)) == 0
    everything = SliceRuns(cases[:1], replace(SLICES, label=0), 3)[0]["truth"]
    assert everything[0, 1:5, 1:5].all()


def test_all_slices_of_a_run_are_varied_alike():
    torch.manual_seed(0)
    truth = torch.zeros(3, 4, 32, 32)
    truth[:, :, 10:20, 8:14] = 1
    images, moved = vary_runs(
        truth[:, :, None].expand(-1, -1, 3, -1, -1).clone(),
        truth,
        RunAugmentationConfig(),
    )
    assert torch.equal(moved[:, 0], moved[:, 3])
    assert not torch.equal(moved[0], moved[1])
    assert not torch.equal(moved, truth)
    assert ((images[:, :, 1] >= 0.5) == moved.bool()).float().mean() > 0.99


def test_ct_is_cut_at_the_window_and_other_images_at_their_percentiles():
    assert rescale_volume(
        np.array([-1000, -100, 70, 240, 3000]),
        (-100.0, 240.0),
    ).tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    stretched = rescale_volume(np.arange(101), (-100.0, 240.0))
    assert stretched[1] == 0
    assert stretched[99] == 1
    assert stretched[50] == pytest.approx(0.5)


def test_what_cannot_be_trained_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="use 64"):
        PNetTaskConfig(slices=SlicesConfig(size=70))
    with pytest.raises(ConfigError, match="is_layerwise"):
        PNetTaskConfig(network=PNetConfig("unet"))
    with pytest.raises(ConfigError, match="joint"):
        PNetTraining(loop=replace(PRESETS["default"].loop, devices=2))
    with pytest.raises(ConfigError, match="finetune_epochs"):
        PNetTraining(finetune_epochs=-1)
    with pytest.raises(ConfigError, match="--init"):
        BIRNN_PRESETS["default"].new_task()
    save_checkpoint(tmp_path / "odd.pt", "pnet", {"network": {"magic": 1}}, {})
    with pytest.raises(CheckpointError, match="magic"):
        BIRNN_PRESETS["default"].new_task(tmp_path / "odd.pt")


def test_slices_whose_outline_jumps_or_that_are_lost_are_refined_and_the_others_stay():
    masks = np.zeros((8, 20, 20), bool)
    masks[1:7, 5:15, 5:15] = True
    masks[3, 5:15, 5:15] = False
    masks[3, 8:18, 5:15] = True  # three rows further than its neighbours
    spacing = (2.0, 1.0, 1.0)
    rule = RefinementConfig(slices="abnormal")
    # the pair of an end and an empty slice is a loss of all area
    assert abnormal_slices(masks, spacing, rule).tolist() == [1, 1, 1, 1, 1, 0, 1, 1]
    assert not abnormal_slices(masks, spacing, replace(rule, most_mm=3.0))[2:6].any()
    assert abnormal_slices(masks, spacing, RefinementConfig()).all()
    masks[3] = masks[2]
    assert not abnormal_slices(masks, spacing, rule)[2:6].any()
    masks[4, 5:15, 5:15] = False
    assert abnormal_slices(masks, spacing, rule)[3:6].all()  # lost within the structure
    masks[4, 5:10, 5:15] = True  # half of it lost
    assert area_changes(masks).tolist() == [0, 1, 0, 0, 0.5, 0.5, 0, 1]
    with pytest.raises(ConfigError, match="slices must be one of all, abnormal"):
        RefinementConfig(slices="some")


def test_the_rule_of_the_paper_takes_the_birnn_on_abnormal_slices_only(tmp_path):
    cases, volume, _ = two_phantoms(tmp_path)
    first = small("joint", epochs=2).train(cases, cases, tmp_path / "pnet", device="cpu")
    training = BIRNN_PRESETS["paper"]
    assert training.task.refinement.slices == "abnormal"
    assert training.task.loss == PRESETS["paper"].task.loss == "jaccard_printed"
    loop = replace(training.loop, epochs=1, batches_per_epoch=2, precision="32-true")
    best = replace(training, loop=loop).train(
        cases, cases, tmp_path / "birnn", init=first, device="cpu"
    )
    segmenter = segmenter_of(best)
    spacing = (3.0, 1.0, 1.0)
    single = segmenter.probability(volume, spacing, uses_birnn=False)
    refined = segmenter.probability(volume, spacing, refinement=RefinementConfig())
    is_abnormal = abnormal_slices(single >= 0.5, spacing, training.task.refinement)
    found = segmenter.probability(volume, spacing)
    assert is_abnormal.any()
    assert np.array_equal(found[is_abnormal], refined[is_abnormal])
    assert np.array_equal(found[~is_abnormal], single[~is_abnormal])


def test_a_curriculum_that_ends_before_every_unit_has_joined_says_so(tmp_path):
    cases, _, _ = two_phantoms(tmp_path)
    lines = []
    training = small("default", epochs=1)
    best = training.train(cases, cases, tmp_path / "out", device="cpu", report=lines.append)
    assert reached_units(best) == 1
    assert any("only 1 of 3 units joined" in line for line in lines)
