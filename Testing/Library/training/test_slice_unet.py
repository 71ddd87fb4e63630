"""`train slice_unet`: each preset learns two phantoms; its parts do what they say."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import write
from phantoms import disc

from SlicePropagationLib.engines.model_file import make_slice_unet
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.slice.augmentation import (
    WalkAugmentationConfig,
    draw_affine,
    warp_masks,
)
from SlicePropagationLib.training.slice.guided import (
    GuidedTask,
    GuidedTaskConfig,
    _read_turned,
    _to_next_square,
)
from SlicePropagationLib.training.slice.pseudo_objects import make_pseudo_objects
from SlicePropagationLib.training.slice.slice_unet import PRESETS, PlainTraining
from SlicePropagationLib.training.slice.synthetic import make_phantom
from SlicePropagationLib.training.slice.thesis import PairAugmentationConfig, vary_pairs
from SlicePropagationLib.training.slice.walk_data import Shard, WalkDataset, load_shard
from SlicePropagationLib.training.slice.walk_files import prepare_walks
from SlicePropagationLib.training.slice.walk_names import source_name
from SlicePropagationLib.training.slice.walks import record_walks
from SlicePropagationLib.training.train import TrainRequest, train

SHAPE = (10, 32, 32)


def two_phantoms(folder):
    """Two cases on disk: a bright disc that drifts, on slices 2 to 7; (cases, truths)."""
    cases = []
    truths = []
    for number in range(2):
        truth = np.zeros(SHAPE, np.uint8)
        for index in range(2, 8):
            truth[index] = disc(SHAPE[1:], (16, 10 + index + number), 6)
        noise = np.random.default_rng(number).normal(0, 5, SHAPE)
        place = folder / f"phantom{number}"
        place.mkdir(exist_ok=True)
        cases.append(
            TrainingCase(
                str(
                    write(
                        place / "image.nii.gz",
                        (100 * truth + noise).astype(np.int16),
                        spacing=(1.0, 1.0, 3.0),
                    )
                ),
                str(write(place / "label.nii.gz", truth, spacing=(1.0, 1.0, 3.0))),
                "phantoms",
                f"phantom{number}",
            )
        )
        truths.append(truth.astype(bool))
    return cases, truths


def small(preset):
    """A preset at the size of the phantoms."""
    training = PRESETS[preset]
    loop = replace(
        training.loop,
        epochs=12,
        batch_size=4,
        batches_per_epoch=0,
        learning_rate=0.01,
        optimizer="adamw",
        schedule="cosine",
        precision="32-true",
        warmup_batches=0,
    )
    if isinstance(training, PlainTraining):
        network = replace(training.task.network, base_channels=8, depth=3)
        mild = PairAugmentationConfig(
            turn=5.0,
            scale=0.05,
            mirrors=False,
            gain=0.0,
            offset=0.0,
            prior_turn=1.0,
            prior_scale=0.02,
        )
        return replace(
            training,
            loop=loop,
            pairs=replace(training.pairs, size=32),
            task=replace(training.task, network=network, augmentation=mild),
        )
    task = replace(
        training.task, network=GuidedUNetConfig(base_channels=4, depth=2, is_upright=True)
    )
    return replace(
        training,
        loop=replace(loop, epochs=4),
        phantoms=0,
        pseudo_objects=0,
        steps=3,
        walks=replace(training.walks, axes=(0,), anchors=6),
        task=task,
    )


@pytest.mark.parametrize(
    "preset, is_residual",
    [
        ("default", False),
        ("thesis", False),
        ("thesis", True),
        ("basic", False),
        ("automatic", False),
    ],
)
def test_a_network_learns_two_phantoms_and_walks_them(tmp_path, preset, is_residual):
    cases, truths = two_phantoms(tmp_path)
    training = small(preset)
    if is_residual:
        training = replace(
            training,
            task=replace(training.task, network=replace(training.task.network, is_residual=True)),
        )
    best = training.train(cases, cases, tmp_path / "out", device="cpu")
    engine = make_slice_unet("cpu", best)
    volume = np.asarray(100.0 * truths[0], np.float32) + np.random.default_rng(0).normal(
        0,
        5,
        SHAPE,
    ).astype(np.float32)
    session = AnnotationSession(SliceStack(volume, (3.0, 1.0, 1.0)), (1,))
    session.annotate(1, 4, truths[0][4])
    for _ in propagate(session, engine, plan_session(session)):
        pass
    found = session.masks(1)
    others = [index for index in range(10) if index != 4]
    overlap = (
        2 * (found & truths[0])[others].sum() / (found[others].sum() + truths[0][others].sum())
    )
    assert overlap > 0.85


def test_the_thesis_preset_is_the_thesis():
    training = PRESETS["thesis"]
    network = training.task.network
    loop = training.loop
    pairs = training.pairs
    augmentation = training.task.augmentation
    assert (network.depth, network.base_channels, network.in_channels, network.is_residual) == (
        4,
        64,
        2,
        False,
    )
    assert (loop.optimizer, loop.learning_rate, loop.epochs, loop.milestones, loop.factor) == (
        "adam",
        1e-4,
        30,
        (10, 20, 25),
        0.1,
    )
    assert set(pairs.neighbours) == {-2, -1, 1, 2}
    assert pairs.beyond_ends == 2
    assert pairs.size == 256
    assert (
        augmentation.turn,
        augmentation.scale,
        augmentation.mirrors,
        augmentation.prior_turn,
        augmentation.prior_scale,
    ) == (180, 0.2, True, 1, 0.1)


def half_masks():
    image = torch.zeros(4, 1, 32, 32)
    image[:, :, 8:16, 8:16] = 1
    return image, image.clone(), image[:, 0].long()


def test_joint_variation_moves_image_prior_and_truth_alike():
    torch.manual_seed(0)
    config = PairAugmentationConfig(
        gain=0,
        offset=0,
        prior_turn=0,
        prior_scale=0,
    )
    image, prior, truth = vary_pairs(*half_masks(), config)
    assert torch.equal(prior[:, 0].long(), truth)
    assert ((image[:, 0] > 0.5) == truth.bool()).float().mean() > 0.99
    assert not torch.equal(truth, half_masks()[2])


def test_the_prior_alone_moves_about_the_image_or_its_own_centroid():
    torch.manual_seed(0)
    still = {
        "turn": 0,
        "scale": 0,
        "mirrors": False,
        "gain": 0,
        "offset": 0,
        "prior_turn": 0,
        "prior_scale": 0.5,
    }

    def drift(pivot):
        _, prior, truth = vary_pairs(*half_masks(), PairAugmentationConfig(**still, pivot=pivot))
        assert torch.equal(truth, half_masks()[2])
        rows = torch.arange(32.0)
        return (
            ((prior[:, 0].sum(dim=2) * rows).sum(dim=1) / prior.sum(dim=(1, 2, 3)) - 11.5)
            .abs()
            .max()
        )

    assert drift("image") > 1.0 > 0.6 > drift("centroid")


def test_phantoms_are_the_same_for_the_same_seed_and_touch_what_looks_alike():
    first, again, other = (make_phantom(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.volume, again.volume)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.mask, other.mask)
    assert first.mask.any()


def test_pseudo_objects_are_smooth_pieces_of_one_tissue_on_several_slices():
    rng = np.random.default_rng(0)
    halves = np.where(np.arange(40)[None, None, :] < 20, 100.0, 300.0) + rng.normal(
        0,
        10,
        (24, 40, 40),
    )
    masks = list(make_pseudo_objects(halves, (1.0, 1.0, 1.0), 6, np.random.default_rng(1)))
    assert len(masks) == 6
    again = make_pseudo_objects(halves, (1.0, 1.0, 1.0), 6, np.random.default_rng(1))
    assert np.array_equal(np.stack(masks), np.stack(list(again)))
    for mask in masks:
        assert mask.any(axis=(1, 2)).sum() >= 4
        right = mask[:, :, 20:].sum() / mask.sum()
        assert min(right, 1 - right) < 0.1  # the border of the halves is not crossed


def test_an_image_without_texture_has_no_pseudo_object():
    assert (
        list(
            make_pseudo_objects(np.ones((10, 20, 20)), (1.0, 1.0, 1.0), 5, np.random.default_rng(0))
        )
        == []
    )


def test_a_training_draws_walks_of_pseudo_objects_and_phantoms_too(tmp_path):
    cases, _ = two_phantoms(tmp_path)
    training = replace(
        small("default"),
        pseudo_objects=3,
        phantoms=1,
        loop=replace(small("default").loop, epochs=1),
    )
    training.train(cases, cases, tmp_path / "out", device="cpu")
    assert len(list((tmp_path / "out" / "walks").glob("train-*-pseudo.walks.json"))) == 2


def test_a_cluster_records_the_walks_that_one_process_does(tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    cases, _ = two_phantoms(tmp_path)
    training = replace(small("default"), pseudo_objects=1, phantoms=1)
    sources = training._sources(cases, is_training=True)
    own = prepare_walks(sources, tmp_path / "own")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options, processes=False) as cluster:
        address = cluster.scheduler_address
        found = prepare_walks(sources, tmp_path / "there", scheduler=address)
    assert [(path.name, group) for path, group in found] == [
        (path.name, group) for path, group in own
    ]
    for one, other in zip(own, found, strict=True):
        assert one[0].read_bytes() == other[0].read_bytes()
    assert prepare_walks(sources, tmp_path / "there") == found  # nothing is left to be recorded


def test_a_cluster_is_refused_where_nothing_is_prepared_beforehand(tmp_path):
    request = TrainRequest(
        "registration", tmp_path / "cases.csv", tmp_path / "out", scheduler="tcp://x:1"
    )
    with pytest.raises(ConfigError, match="prepares nothing beforehand; leave --scheduler out"):
        train(request)


@pytest.mark.parametrize(
    "prior, dice",
    [(-127, 1.0), (127, 0.0)],
    ids=["nothing is found", "all is found"],
)
def test_a_walk_that_has_left_the_structure_is_right_where_nothing_is_found(prior, dice):
    task = GuidedTask(
        GuidedTaskConfig(GuidedUNetConfig(base_channels=4, depth=2))
    ).eval()  # not trained: it says what the prior says
    batch = {
        "maps": torch.full((1, 2, 8, 66, 66), prior, dtype=torch.int8),
        "scalar_features": torch.zeros(1, 2, 5),
        "squares": torch.tensor([[[32.0, 32.0, 1.0]] * 2]),
        "truth": torch.zeros(1, 2, 66, 66, dtype=torch.uint8),
        "previous": torch.zeros(1, 66, 66, dtype=torch.uint8),
        "is_annotated": torch.tensor([True]),
        "weight": torch.ones(1, 2),
    }
    assert float(task.metrics(batch)["dice"]) == dice


def test_the_walks_of_cases_whose_names_look_alike_are_kept_apart():
    pairs = [("set", "a/b"), ("set", "a_b"), ("set", "a b"), ("set-a", "b"), ("set", "a-b")]
    names = [
        source_name("train", TrainingCase("i.nii", "l.nii", dataset, name))
        for dataset, name in pairs
    ]
    assert len(set(names)) == len(pairs)
    assert not any("/" in name for name in names)
    assert (
        source_name("val", TrainingCase("i.nii", "l.nii", "msd_hippocampus", "hippocampus_001"))
        == "val-msd_hippocampus-hippocampus_001"
    )


def test_recorded_walks_stay_in_their_files_and_what_is_drawn_of_them_is_what_was_recorded(
    tmp_path,
):
    cases, _ = two_phantoms(tmp_path)
    training = replace(small("default"), loop=replace(small("default").loop, epochs=1))
    training.train(cases, cases, tmp_path / "out", device="cpu")
    path = tmp_path / "out" / "walks" / "train-phantoms-phantom0.npz"
    shard = load_shard(path, "phantoms")
    assert not any(
        getattr(shard, name).flags.owndata
        for name in ("maps", "scalar_features", "squares", "truth", "seeds")
    )
    with np.load(path) as recorded:
        drawn = WalkDataset([shard], 2, inner_share=0.0)[1]
        first = recorded["lengths"][0]
        assert np.array_equal(
            drawn["maps"],
            recorded["maps"][first : first + 2],
        )
        assert np.array_equal(drawn["previous"], recorded["seeds"][1])
    drawn["previous"][:] = 0
    assert shard.seeds[1].any()
    handed_over = pickle.dumps(shard)  # to a process that loads data
    assert len(handed_over) < 1000
    assert np.array_equal(pickle.loads(handed_over).maps, shard.maps)


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.4), (0.5, 0.6), (1.0, 0.72)])
def test_a_set_of_more_cases_is_drawn_more_often_with_balance(balance, share):
    """Nine files and one of two sets, beside a group whose share is given."""
    groups = ["large"] * 9 + ["small"] + ["phantoms"] * 3
    shards = [
        Shard(Path("walks.npz"), group, np.array([0, 4, 9]), *([np.zeros(0)] * 4), np.zeros(2))
        for group in groups
    ]
    weights = WalkDataset(shards, 2, shares={"phantoms": 0.2}, balance=balance).weights()
    drawn = dict.fromkeys(groups, 0.0)
    for group, weight in zip(np.repeat(groups, 2), weights, strict=True):
        drawn[group] += weight
    assert drawn["phantoms"] == pytest.approx(0.2)
    assert drawn["large"] == pytest.approx(share)
    assert drawn["small"] == pytest.approx(0.8 - share)


def test_a_walk_that_is_shifted_shows_the_neighbours_mask_where_the_next_slice_shows_the_truth():
    """The mask handed from one square to the next stays on the structure.

    However the walk is turned and shifted.
    """
    torch.manual_seed(0)
    affine = draw_affine(16, WalkAugmentationConfig(any_turn=1.0, shift=0.1), "cpu")
    rows, columns = torch.meshgrid(torch.arange(66.0), torch.arange(66.0), indexing="ij")

    def stored(row, column, pitch):
        """A disc about (50, 60) of the slice with a radius of 8 pixels, on a stored square."""
        offset = ((rows - 32.5) * pitch + row - 50) ** 2 + (
            (columns - 32.5) * pitch + column - 60
        ) ** 2
        return torch.sigmoid((64 - offset) / 8)[None, None].expand(16, 1, 66, 66)

    here = (48.0, 63.0, 0.8)
    there = (53.0, 58.0, 1.0)
    squares = [torch.tensor(square).expand(16, 3) for square in (here, there)]
    handed = _to_next_square(_read_turned(stored(*here), affine), *squares, affine)
    expected = _read_turned(stored(*there), affine)
    assert (handed - expected).abs().mean() < 0.01 < expected.mean()


def test_a_mask_is_replaced_by_the_carried_shape_where_it_stands_for_a_prediction():
    torch.manual_seed(0)
    masks = torch.zeros(4, 1, 8, 8)
    distance = torch.full((4, 1, 8, 8), -1.0)
    masks[1:, :, :2] = 1.0
    distance[:, :, 4:] = 1.0
    is_annotated = torch.tensor([False, False, True, False])
    carried = (
        warp_masks(
            masks,
            distance,
            is_annotated,
            WalkAugmentationConfig(carry=1.0, carry_past=1.0),
        )
        > 0.5
    )
    assert torch.equal(carried[is_annotated], masks[is_annotated] > 0.5)
    assert torch.equal(
        carried[~is_annotated],
        distance[~is_annotated] > 0,
    )
    kept = (
        warp_masks(
            masks,
            distance,
            is_annotated,
            WalkAugmentationConfig(carry=0.0, carry_past=1.0),
        )
        > 0.5
    )
    assert torch.equal(kept[1:], masks[1:] > 0.5)
    # beyond its end the structure is gone
    assert torch.equal(
        kept[0],
        distance[0] > 0,
    )


def test_a_run_from_an_empty_anchor_predicts_nothing(tmp_path):
    cases, truths = two_phantoms(tmp_path)
    training = small("default")
    best = replace(training, loop=replace(training.loop, epochs=1)).train(
        cases,
        cases,
        tmp_path / "out",
        device="cpu",
    )
    stack = SliceStack(np.zeros(SHAPE, np.float32))
    assert (
        list(
            make_slice_unet("cpu", best).walk(stack, Run(0, (1, 2)), {0: np.zeros(SHAPE[1:], bool)})
        )
        == []
    )


def test_walks_are_recorded_upright_however_a_volume_is_stored():
    truth = np.zeros((8, 40, 44), bool)
    for index in range(8):
        truth[index] = disc(truth.shape[1:], (16 + index, 20), 7)
    image = (60 * truth + np.random.default_rng(0).normal(0, 8, truth.shape)).astype(np.float32)
    config = replace(PRESETS["default"].walks, axes=(0,), anchors=2, thick_share=0.0)

    def walks(towards, turn):
        rng = np.random.default_rng(5)
        spacing_mm = (3.0, 1.0, 1.0)
        return list(record_walks(turn(image), spacing_mm, turn(truth), config, rng, towards))

    usual = walks("SPL", np.asarray)
    turned = walks("SAR", lambda array: np.ascontiguousarray(array[:, ::-1, ::-1]))
    assert len(usual) == len(turned) > 1
    for one, other in zip(usual, turned, strict=True):
        assert np.abs(one.maps.astype(int) - other.maps).mean() < 0.5  # of 127
        assert np.abs(one.truth.astype(int) - other.truth).max() <= 1
        moved = np.diff(one.squares[:, :2], axis=0)
        assert np.diff(other.squares[:, :2], axis=0) == pytest.approx(moved, abs=1e-3)
