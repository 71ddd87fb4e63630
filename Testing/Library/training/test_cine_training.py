"""unet2d, cine_unet and cine_bilstm: each learns two phantoms.

Frames count by their distance; unusable series are named.
"""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from cine_phantoms import SIDE, beating_disc, cine_cases, write_4d

from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.distance_table import write_distances
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig, CineUNetConfig
from SlicePropagationLib.networks.config import UNetConfig
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.temporal_window import WindowConfig
from SlicePropagationLib.training.cine import bilstm as cine_bilstm
from SlicePropagationLib.training.cine import unet as cine_unet
from SlicePropagationLib.training.cine import unet2d
from SlicePropagationLib.training.cine.frames import (
    FrameAugmentationConfig,
    FrameDataset,
    FramesConfig,
    WindowDataset,
    frame_dice,
    vary_frames,
    weighted_cross_entropy,
)
from SlicePropagationLib.training.cine.series import Series, read_series
from SlicePropagationLib.training.loop import LoopConfig

GRID = FrameGridConfig(SIDE, 0.0, "zscore")
MILD = FrameAugmentationConfig(turn=3.0, scale=0.02)
LOOP = LoopConfig(
    epochs=4,
    batches_per_epoch=12,
    batch_size=4,
    learning_rate=1e-2,
    schedule="cosine",
)
UNET = CineUNetConfig(out_channels=2, widths=(6, 12, 24))


def unet2d_training():
    network = UNetConfig(
        in_channels=1,
        out_channels=2,
        depth=2,
        base_channels=6,
    )
    return unet2d.UNet2dTraining(
        unet2d.UNet2dTaskConfig(network, FramesConfig(GRID, WindowConfig(3, 0.0)), MILD),
        LOOP,
    )


def cine_unet_training():
    return cine_unet.CineUNetTraining(
        cine_unet.CineUNetTaskConfig(UNET, FramesConfig(GRID, uses_pseudo_labels=False), MILD),
        LOOP,
    )


def cine_bilstm_training(**changes):
    task = cine_bilstm.CineBiLSTMTaskConfig(
        CineBiLSTMConfig(UNET, 4),
        FramesConfig(GRID, WindowConfig(3, 0.1)),
        MILD,
        **changes,
    )
    return cine_bilstm.CineBiLSTMTraining(
        task,
        replace(
            LOOP,
            epochs=6,
            batch_size=2,
            learning_rate=5e-3,
        ),
    )


def best_dice(path):
    return load_checkpoint(path).metrics["dice"]


@pytest.mark.parametrize(
    "training",
    [unet2d_training(), cine_unet_training()],
    ids=["unet2d", "cine_unet"],
)
def test_a_network_learns_two_phantoms(training, tmp_path):
    cases = cine_cases(tmp_path)
    assert best_dice(training.train(cases, cases, tmp_path / "out", device="cpu")) > 0.9


@pytest.mark.parametrize("updates_unet", [True, False])
def test_the_second_stage_learns_on_from_the_first(tmp_path, updates_unet):
    cases = cine_cases(tmp_path)
    first = replace(cine_unet_training(), loop=replace(LOOP, epochs=2)).train(
        cases,
        cases,
        tmp_path / "first",
        device="cpu",
    )
    second = cine_bilstm_training(updates_unet=updates_unet).train(
        cases,
        cases,
        tmp_path / "second",
        init=first,
        device="cpu",
    )
    assert best_dice(second) > 0.9
    before = load_checkpoint(first).weights
    after = load_checkpoint(second).weights
    # statistics stay in either case
    assert torch.equal(
        before["encoders.0.0.1.running_mean"],
        after["unet.encoders.0.0.1.running_mean"],
    )
    assert torch.equal(before["encoders.0.0.0.weight"], after["unet.encoders.0.0.0.weight"]) == (
        not updates_unet
    )


def test_the_second_stage_needs_the_first():
    with pytest.raises(ConfigError, match="--init"):
        cine_bilstm_training().new_task()


def test_the_presets_are_the_papers():
    assert (
        unet2d.PRESETS["default"].loop.schedule,
        unet2d.PRESETS["default"].loop.learning_rate,
    ) == ("plateau", 1e-3)
    for module, size in ((cine_unet, 10), (cine_bilstm, 2)):
        loop = module.PRESETS["default"].loop
        assert (
            loop.epochs * loop.batches_per_epoch,
            loop.milestones[0] * loop.batches_per_epoch,
        ) == (20_000, 5_000)
        assert (loop.optimizer, loop.learning_rate, loop.factor, loop.batch_size) == (
            "adam",
            1e-3,
            0.1,
            size,
        )
    window = cine_bilstm.PRESETS["default"].task.frames.window
    assert (window.length, window.power) == (9, 0.1)


def series(distances, is_cyclic=True):
    images = np.arange(len(distances), dtype=np.float32)[:, None, None] + np.zeros(
        (1, 4, 4),
        np.float32,
    )
    return Series(images, np.ones(images.shape, np.uint8), np.array(distances, float), is_cyclic)


def test_frames_weigh_by_their_distance_and_not_at_all_without_a_label():
    data = FrameDataset([series([0, 1, 2, np.inf])], WindowConfig(2, 1.0))
    assert [(float(item["image"][0, 0, 0]), float(item["weight"])) for item in data] == [
        (0, 1),
        (1, 0.5),
    ]
    assert (
        len(FrameDataset([series([0, 1, 2, np.inf])], WindowConfig(2, 1.0), is_random=False)) == 1
    )


def test_a_window_lies_about_every_annotated_frame_and_wraps_around():
    data = WindowDataset([series([0, 1, np.inf, 1])], WindowConfig(2, 1.0))
    assert len(data) == 1
    item = data[0]
    assert item["image"][:, 0, 0, 0].tolist() == [3, 0, 1]
    assert item["weight"].tolist() == [
        0.5,
        1,
        0.5,
    ]
    clamped = WindowDataset([series([0, 1, np.inf, 1], is_cyclic=False)], WindowConfig(2, 1.0))[0]
    assert clamped["image"][:, 0, 0, 0].tolist() == [0, 0, 1]
    assert clamped["weight"].tolist() == [
        0,
        1,
        0.5,
    ]


def test_the_loss_is_divided_by_the_sum_of_the_weights():
    logits = torch.zeros(1, 2, 2, 4, 4)
    truth = torch.zeros(1, 2, 4, 4, dtype=torch.long)
    logits[0, 1, 0] = 50.0  # the second frame is right, the first undecided
    half = weighted_cross_entropy(logits, truth, torch.tensor([[0.5, 0.5]]))
    assert float(half) == pytest.approx(np.log(2) / 2)
    assert float(half) == pytest.approx(
        float(weighted_cross_entropy(logits, truth, torch.tensor([[2.0, 2.0]])))
    )
    assert float(
        weighted_cross_entropy(logits, truth, torch.tensor([[0.0, 1.0]]))
    ) == pytest.approx(0, abs=1e-6)
    assert float(weighted_cross_entropy(logits, truth, torch.zeros(1, 2))) == 0


def test_ct_may_be_seen_in_the_window_of_soft_tissue():
    grid = FrameGridConfig(SIDE, 0.0, "soft_tissue")
    seen = grid.normalise(np.array([[[-1000, -160], [40, 3000]]], np.int16))
    assert seen.tolist() == [[[0, 0], [0.5, 1]]]


def test_the_dice_loss_is_of_structures_on_frames_with_a_label():
    truth = torch.zeros((2, 8, 8), dtype=torch.int64)
    truth[0, 2:4, 2:4] = 1  # the second frame shows it, too, and has no label
    task = unet2d.UNet2dTask(replace(unet2d.UNet2dTaskConfig(), dice_weight=1.0))
    right = torch.zeros((2, 4, 8, 8))
    right[0, 0] = 10.0
    right[0, 1, 2:4, 2:4] = 20.0
    right[1, 1] = 20.0
    nothing = torch.zeros((2, 4, 8, 8))
    nothing[:, 0] = 10.0
    weights = torch.tensor([1.0, 0.0])
    found = task.losses(right, truth, weights)
    assert found["total"] == found["cross_entropy"] + found["dice_loss"]
    missed = task.losses(nothing, truth, weights)
    # one of three structures is there
    assert float(missed["dice_loss"] - found["dice_loss"]) == pytest.approx(1 / 3, abs=0.02)
    probabilities = torch.nn.functional.one_hot(truth, 4).movedim(-1, 1).float()
    again = task.losses(right, probabilities, weights)
    assert float(again["dice_loss"]) == pytest.approx(float(found["dice_loss"]))
    assert task.losses(right, truth, torch.zeros(2))["dice_loss"] == 0


def test_dice_leaves_out_structures_that_are_nowhere_and_frames_without_a_label():
    truth = torch.zeros(2, 4, 4, dtype=torch.long)
    truth[:, :2] = 1
    logits = torch.nn.functional.one_hot(truth, 3).movedim(-1, 1).float()
    logits[1] = logits[1].flip(1)
    values = frame_dice(logits, truth, torch.tensor([1.0, 0.0]))
    assert float(values["dice"]) == 1
    assert values["count"] == 1


def test_all_frames_of_a_window_are_varied_alike():
    torch.manual_seed(0)
    images = torch.rand(1, 1, 1, 16, 16).expand(1, 3, 1, 16, 16)
    truth = torch.randint(0, 2, (1, 1, 16, 16)).expand(1, 3, 16, 16)
    varied, labels = vary_frames(images, truth, FrameAugmentationConfig())
    assert torch.equal(varied[:, 0], varied[:, 2])
    assert torch.equal(labels[:, 0], labels[:, 2])
    assert not torch.equal(varied, images)


def test_a_table_beside_the_labels_says_which_frames_are_pseudo_labels(tmp_path):
    case = cine_cases(tmp_path, frames=range(8))[0]
    assert read_series(case, GRID)[0].distances.tolist() == [0] * 8
    write_distances(tmp_path / "cine0_label.distances.csv", [0, 1, 2, np.inf, 2, 1, 0, 1])
    assert read_series(case, GRID)[0].distances.tolist() == [0, 1, 2, np.inf, 2, 1, 0, 1]
    write_distances(tmp_path / "cine0_label.distances.csv", [0.0] * 9)
    with pytest.raises(InputError, match="frame 8"):
        read_series(case, GRID)


def test_soft_pseudo_labels_are_learnt_as_probabilities(tmp_path):
    case = cine_cases(tmp_path, frames=range(8))[0]
    write_distances(tmp_path / "cine0_label.distances.csv", [0, 1, 2, 3, 4, 3, 2, 1])
    with pytest.raises(InputError, match="pseudo-label --soft"):
        read_series(case, GRID, uses_soft_labels=True)
    write_4d(tmp_path / "cine0_label.soft-1.nii.gz", (204 * beating_disc()[1]).astype(np.uint8))
    (one,) = read_series(case, GRID, uses_soft_labels=True)
    target = FrameDataset([one], WindowConfig(5, 0.0), soft_classes=3)[2]["target"]
    inside = one.labels[2] == 1
    assert target.shape == (3, SIDE, SIDE)
    assert target[1][inside].numpy() == pytest.approx(0.8, abs=0.01)
    assert target[0][inside].numpy() == pytest.approx(0.2, abs=0.01)
    assert (target[2] == 0).all()
    assert torch.allclose(target.sum(dim=0), torch.ones(SIDE, SIDE))
    assert WindowDataset([one], WindowConfig(2, 0.0), soft_classes=2)[0]["target"].shape == (
        3,
        2,
        SIDE,
        SIDE,
    )


def test_labels_that_share_a_pixel_sum_to_one():
    two = Series(
        np.zeros((2, 4, 4), np.float32),
        np.ones((2, 4, 4), np.uint8),
        np.zeros(2),
        True,
        {1: np.full((2, 4, 4), 204, np.uint8), 2: np.full((2, 4, 4), 204, np.uint8)},
    )
    assert two.probabilities([0], 3)[0, :, 0, 0].tolist() == pytest.approx([0, 0.5, 0.5])


def test_the_loss_of_probabilities_that_are_certain_is_that_of_labels():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, 5)
    truth = torch.randint(0, 4, (2, 3, 5, 5))
    weights = torch.rand(2, 3)
    certain = torch.nn.functional.one_hot(truth, 4).movedim(-1, 2).float()
    assert float(weighted_cross_entropy(logits, certain, weights)) == pytest.approx(
        float(weighted_cross_entropy(logits, truth, weights)),
        rel=1e-5,
    )


def test_what_comes_from_outside_a_varied_frame_is_background():
    torch.manual_seed(0)
    target = torch.zeros(1, 1, 2, 16, 16)
    target[:, :, 1] = 1.0  # the structure is everywhere
    varied = vary_frames(
        torch.rand(1, 1, 1, 16, 16),
        target,
        FrameAugmentationConfig(turn=45.0, scale=0.3),
    )[1]
    assert torch.allclose(varied.sum(dim=2), torch.ones(1, 1, 16, 16))
    assert varied[0, 0, 0].max() > 0.9
    assert varied[0, 0, 1, 8, 8] == 1


def test_a_network_learns_from_soft_labels(tmp_path):
    cases = cine_cases(tmp_path, frames=range(8))
    for seed in range(len(cases)):
        write_distances(tmp_path / f"cine{seed}_label.distances.csv", [0, 1, 2, 3, 4, 3, 2, 1])
        write_4d(
            tmp_path / f"cine{seed}_label.soft-1.nii.gz",
            (230 * beating_disc(seed)[1]).astype(np.uint8),
        )
    training = unet2d_training()
    training = replace(
        training,
        task=replace(
            training.task,
            frames=replace(
                training.task.frames,
                window=WindowConfig(5, 0.0),
                uses_soft_labels=True,
            ),
        ),
    )
    assert best_dice(training.train(cases, cases, tmp_path / "out", device="cpu")) > 0.9


def test_unusable_sequences_are_named(tmp_path):
    case = cine_cases(tmp_path, frames=())[0]
    with pytest.raises(InputError, match="no annotated frame"):
        read_series(case, GRID)
    longer = replace(
        case,
        label_map=str(write_4d(tmp_path / "longer.nii.gz", beating_disc(count=9)[1])),
    )
    with pytest.raises(InputError, match="9 frames, .* has 8"):
        read_series(longer, GRID)
