"""`train registration`.

It learns two phantoms, its engine warps the anchor once, its losses are what they say.
"""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from case_files import write
from cine_phantoms import cine_cases
from phantoms import disc

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.registration.voxelmorph import VoxelMorphEngine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.losses.registration import (
    gradient_penalty,
    local_ncc_loss,
    mask_dice,
)
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import VoxelMorph
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.registration.pairs import (
    RegistrationPairs,
    RegistrationPairsConfig,
)
from SlicePropagationLib.training.registration.task import PRESETS, folded_share

SHAPE = (8, 48, 48)
NARROW = VoxelMorphConfig(
    encoder=(8, 16, 16),
    decoder=(16, 16, 16),
    final=(8,),
)


def moving_disc(step=3):
    """A bright disc that moves `step` pixels a slice: (image, truth)."""
    truth = np.stack(
        [disc(SHAPE[1:], (24, 12 + step * index), 7) for index in range(SHAPE[0])]
    ).astype(np.uint8)
    return (100 * truth + np.random.default_rng(step).normal(0, 3, SHAPE)).astype(np.int16), truth


def two_phantoms(folder, names=("one_ED", "one_ES")):
    cases = []
    for number, name in enumerate(names):
        image, truth = moving_disc(2 + number)
        cases.append(
            TrainingCase(
                str(write(folder / f"{name}.nii.gz", image)),
                str(write(folder / f"{name}_label.nii.gz", truth)),
                "discs",
                name,
            )
        )
    return cases


def small():
    training = PRESETS["default"]
    return replace(
        training,
        pairs=RegistrationPairsConfig(
            size=48,
            furthest=1,
            shift=0.0,
        ),
        task=replace(training.task, overlap=0.5, network=NARROW),
        loop=replace(
            training.loop,
            epochs=30,
            batch_size=4,
            learning_rate=4e-3,
        ),
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model file that has learnt two phantoms."""
    folder = tmp_path_factory.mktemp("registration")
    cases = two_phantoms(folder)
    return small().train(cases, cases, folder / "out", device="cpu")


def test_it_learns_two_phantoms_and_its_engine_follows_the_disc_to_both_sides(trained):
    engine = make_engine(trained, "cpu")
    assert engine.name == "voxelmorph"
    assert len(engine.model_sha256) == 64
    image, truth = moving_disc(3)
    session = AnnotationSession(SliceStack(image.astype(np.float32), (3.0, 1.0, 1.0)), (1,))
    session.annotate(1, 0, truth[0].astype(bool))
    session.annotate(1, 7, truth[7].astype(bool))
    for _ in propagate(session, engine, plan_session(session)):
        pass
    found = session.masks(1)[1:7]
    truth = truth[1:7].astype(bool)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9


def test_pairs_for_a_network_of_upright_slices_are_those_of_any_way_of_storing(tmp_path):
    samples = {}
    for letters in ("LPS", "PLS", "RAI"):
        image, truth = moving_disc(2)
        paths = []
        for name, array in (("image", image), ("label", truth)):
            stored = sitk.DICOMOrient(sitk.GetImageFromArray(array), letters)
            paths.append(str(tmp_path / f"{letters}_{name}.nii.gz"))
            sitk.WriteImage(stored, paths[-1])
        cases = [TrainingCase(*paths, "discs", letters)]
        config = RegistrationPairsConfig(size=48, furthest=1)
        pairs = RegistrationPairs(cases, config, is_random=False, is_upright=True)
        samples[letters] = sorted(float(sample["moving"][0, :24].sum()) for sample in pairs)
    assert samples["PLS"] == pytest.approx(samples["LPS"], rel=1e-4)
    assert samples["RAI"] == pytest.approx(samples["LPS"], rel=1e-4)


def test_the_engine_composes_displacements_and_warps_the_anchor_once():
    engine = VoxelMorphEngine(VoxelMorph(VoxelMorphConfig()))
    engine.register = lambda fixed, moving, config: np.full((2, *fixed.shape), 0.5, np.float32)
    anchor = np.zeros((48, 48), bool)
    anchor[20:28, 20:28] = True
    steps = engine.follow(
        SliceStack(np.random.default_rng(0).normal(size=(4, 48, 48)).astype(np.float32)),
        Run(0, (1, 2), 1),
        {0: anchor, 3: anchor},
    )
    next(steps)
    track = next(
        steps
    ).warped  # two steps of half a pixel are one shift by a pixel, without any blur
    carried = track.window.paste(track.distance(), (48, 48)) > 0
    assert np.array_equal(np.argwhere(carried).min(axis=0), (19, 19))
    assert carried.sum() == 64


def test_pairs_are_neighbours_both_ways_or_frames_of_a_patient(tmp_path):
    cases = two_phantoms(tmp_path)
    assert len(RegistrationPairs(cases, RegistrationPairsConfig(size=48, furthest=2))) == 2 * (
        2 * 7 + 2 * 6
    )
    assert len(RegistrationPairs(cases, RegistrationPairsConfig(kind="frames", size=48))) == 2 * 8


def test_pairs_of_times_are_annotated_frames_and_in_training_successive_ones_too(tmp_path):
    case = cine_cases(tmp_path)[0]
    config = RegistrationPairsConfig(kind="times", size=32)
    assert len(RegistrationPairs([case], config, is_random=False)) == 2
    assert len(RegistrationPairs([case], config)) == 2 + 2 * 8
    successive = RegistrationPairs([case], config)[0]
    assert not successive["fixed_mask"].any()
    assert successive["fixed"].std() > 0.1
    with pytest.raises(InputError, match="no sequence"):
        RegistrationPairs(two_phantoms(tmp_path), config)
    with pytest.raises(InputError, match="two annotated frames"):
        RegistrationPairs(cine_cases(tmp_path, frames=(0,)), config)


def test_frames_without_a_second_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="two frames on one grid"):
        RegistrationPairs(
            two_phantoms(tmp_path, ("one_ED", "two_ED")),
            RegistrationPairsConfig(kind="frames", size=48),
        )


def test_the_paper_preset_is_the_sheet():
    training = PRESETS["paper"]
    assert (training.task.likeness, training.task.smoothness, training.task.overlap) == (
        "mse",
        0.01,
        0.01,
    )
    assert (
        training.loop.learning_rate,
        training.loop.batch_size,
        training.loop.epochs,
        training.loop.batches_per_epoch,
    ) == (1e-4, 1, 1500, 100)
    assert training.pairs.kind == "frames"


def test_local_correlation_does_not_mind_gain_and_offset():
    image = torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    assert local_ncc_loss(image, 3 * image + 2) < 0.01
    assert (
        local_ncc_loss(image, torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(1)))
        > 0.8
    )


def test_a_slope_of_two_along_the_rows_costs_half_of_its_square():
    velocity = torch.zeros(1, 2, 4, 4)
    velocity[:] = 2 * torch.arange(4.0)[:, None]
    assert gradient_penalty(velocity) == pytest.approx((4 + 0) / 2)


def test_dice_of_masks_by_hand():
    first, second = torch.zeros(2, 1, 1, 2, 2)
    first[..., 0, :], second[..., 0, 0] = 1, 1
    assert mask_dice(first, second).tolist() == pytest.approx([2 / 3], abs=1e-4)
    assert mask_dice(0 * first, 0 * second).tolist() == pytest.approx([1.0])


def test_a_map_that_turns_back_folds():
    displacement = torch.zeros(1, 2, 8, 8)
    displacement[0, 0] = -2 * torch.arange(8.0)[:, None]  # row r goes to -r
    assert folded_share(displacement) == 1
    assert folded_share(0 * displacement) == 0
