"""Training of the network that fills a gap: samples from volumes, a loss that falls, weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, the extra 'train'")
pytest.importorskip("lightning", reason="needs Lightning, the extra 'train'")
pytest.importorskip("monai", reason="needs MONAI, the extra 'train'")

import SimpleITK as sitk

from SlicePropagationLib.engines.model_file import engine_of_file
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.networks.gap.config import GapUNetConfig
from SlicePropagationLib.training.gap.drawing import DrawingConfig, draw_annotated, draw_window
from SlicePropagationLib.training.gap.gap_unet import DEFAULT, GapTraining
from SlicePropagationLib.training.gap.painting import PaintingConfig, paint, vary
from SlicePropagationLib.training.gap.samples import GapDataset, SamplesConfig
from SlicePropagationLib.training.gap.task import GapTask, GapTaskConfig
from SlicePropagationLib.training.gap.volumes import prepare_volumes
from SlicePropagationLib.training.loop_config import LoopConfig

SMALL = GapUNetConfig(widths=(4, 8, 8, 8), key_channels=4, scalar_channels=8)
SAMPLES = SamplesConfig(lengths=(6, 8), slices_per_batch=16)


def case_in(folder, number, split="train"):
    """A ball in noise, as image and label map."""
    rng = np.random.default_rng(number)
    points = np.indices((14, 40, 40)) - np.array([7, 20, 18 + number])[:, None, None, None]
    ball = (points[0] * 2.0) ** 2 + points[1] ** 2 + points[2] ** 2 < 11**2
    image = 100 * ball + rng.normal(0, 15, ball.shape)
    paths = []
    for name, array in (("image", image.astype(np.float32)), ("label", ball.astype(np.uint8))):
        picture = sitk.GetImageFromArray(array)
        picture.SetSpacing((1.0, 1.0, 2.0))
        paths.append(str(folder / f"{number}-{name}.nii.gz"))
        sitk.WriteImage(picture, paths[-1])
    return TrainingCase(*paths, "balls", f"case{number}", split)


@pytest.fixture
def structures(tmp_path):
    """(structures, folder) of two cases, pseudo-objects and a phantom."""
    cases = [case_in(tmp_path, number) for number in range(2)]
    folder = tmp_path / "volumes"
    return prepare_volumes(cases, folder, num_pseudo=2, num_phantoms=1), folder


def test_structures_of_cases_pseudo_objects_and_phantoms_are_listed(structures, tmp_path):
    found, folder = structures
    assert {entry.group for entry in found} == {"balls", "pseudo-objects", "phantoms"}
    ball = next(entry for entry in found if entry.group == "balls")
    assert ball.spacing_mm == (2.0, 1.0, 1.0)
    assert ball.box[0] == (2, 12)
    cases = [case_in(tmp_path, number) for number in range(2)]
    assert len(prepare_volumes(cases, folder, num_pseudo=2, num_phantoms=1)) == len(found)


def test_what_was_unpacked_is_not_read_again(tmp_path, monkeypatch):
    cases = [case_in(tmp_path, 0)]
    first = prepare_volumes(cases, tmp_path / "volumes")
    monkeypatch.setattr(
        "SlicePropagationLib.training.gap.volumes.read_volume", lambda path: pytest.fail("read")
    )
    assert prepare_volumes(cases, tmp_path / "volumes") == first


def test_a_cluster_unpacks_what_one_process_does(structures, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    found, folder = structures
    cases = [case_in(tmp_path, number) for number in range(2)]
    cases = [replace(case, image=Path(case.image).name) for case in cases]
    monkeypatch.chdir(tmp_path)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    there = tmp_path / "there"
    kept = {"num_pseudo": 2, "num_phantoms": 1}
    with distributed.LocalCluster(**options, processes=False) as cluster:
        address = cluster.scheduler_address
        assert prepare_volumes(cases, there, **kept, scheduler=address) == found
        for path in folder.glob("*.npy"):
            assert np.array_equal(np.load(path), np.load(there / path.name))
        (tmp_path / "1-label.nii.gz").write_text("no image", encoding="utf-8")
        cases += [replace(case_in(tmp_path, 2), label_map=str(tmp_path / "none.nii.gz"))]
        (tmp_path / "none.nii.gz").write_text("no image", encoding="utf-8")
        other = tmp_path / "other"
        with pytest.raises(InputError, match="cannot be read"):
            prepare_volumes(cases, other, scheduler=address)
    assert len(list(other.glob("*.json"))) == 1


def test_a_batch_has_windows_of_one_length_with_something_annotated_in_each(structures):
    data = GapDataset(*structures, SAMPLES)
    torch.manual_seed(1)
    for _ in range(4):
        batch = data[0]
        length = batch["maps"].shape[1]
        assert length in SAMPLES.lengths
        assert len(batch["maps"]) == round(SAMPLES.slices_per_batch / length)
        annotated = batch["maps"][:, :, 8].abs().amax(dim=(2, 3)) > 0
        assert annotated.any(dim=1).all()
        assert (batch["weight"][annotated] == 0).all()
        assert torch.isfinite(batch["maps"]).all()


def test_validation_samples_are_the_same_every_time(structures):
    data = GapDataset(*structures, SAMPLES, is_varied=False)
    first, second = data[1], data[1]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_annotated_slices_show_the_structure_or_lie_just_beyond_an_end():
    rng = np.random.default_rng(0)
    areas = np.array([0, 0, 0, 5, 30, 60, 80, 60, 30, 12, 0, 0, 0])
    counts = set()
    for _ in range(200):
        annotated = draw_annotated(areas, DrawingConfig(), rng)
        shown = [index for index in annotated if areas[index]]
        assert all(areas[index] >= 10 for index in shown)
        assert set(annotated) - set(shown) <= {0, 1, 2, 10, 11, 12}
        counts.add(len(shown))
    assert counts == {1, 2, 3, 4, 5, 6}


def test_a_structure_too_small_to_be_annotated_is_left_out():
    areas = np.array([0, 3, 4, 3, 0])
    assert draw_annotated(areas, DrawingConfig(), np.random.default_rng(0)) is None


def test_every_window_holds_an_end_of_a_gap():
    rng = np.random.default_rng(0)
    for _ in range(200):
        start = draw_window([10, 30], 50, 16, DrawingConfig(), rng)
        assert any(start <= index < start + 16 for index in (10, 30))


def test_a_painted_image_has_one_grey_value_for_each_label(structures):
    rng = np.random.default_rng(0)
    labels = np.zeros((6, 30, 30), np.uint8)
    labels[:, 8:20, 8:20] = 1
    images = rng.normal(0, 1, labels.shape).astype(np.float32)
    differences = []
    for _ in range(20):
        painted = paint(images, labels, rng)
        assert painted.dtype == np.float32
        differences.append(painted[2:4, 10:18, 10:18].mean() - painted[2:4, :6].mean())
    assert min(differences) < 0 < max(differences)


def test_a_varied_image_keeps_its_shape_and_stays_finite():
    rng = np.random.default_rng(0)
    constant = np.full((4, 10, 10), 3.0, np.float32)
    for images in (constant, rng.normal(0, 500, (4, 10, 10)).astype(np.float32)):
        for _ in range(10):
            varied = vary(images, PaintingConfig(), rng)
            assert varied.shape == images.shape
            assert np.isfinite(varied).all()


def test_the_loss_falls_on_one_batch(structures):
    torch.manual_seed(0)
    data = GapDataset(*structures, SAMPLES)
    batch = {name: values[None] for name, values in data[0].items()}
    task = GapTask(GapTaskConfig(SMALL))
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        loss = task(batch)["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert all(parameter.grad is not None for parameter in task.parameters())


def test_a_training_leaves_weights_that_an_engine_walks_with(tmp_path):
    training = GapTraining(
        task=GapTaskConfig(SMALL),
        samples=SAMPLES,
        pseudo_objects=1,
        phantoms=1,
        loop=LoopConfig(epochs=2, batches_per_epoch=2, batch_size=1, optimizer="adamw"),
    )
    train_cases = [case_in(tmp_path, number) for number in range(2)]
    val_cases = [case_in(tmp_path, 5, "val")]
    best = training.train(train_cases, val_cases, tmp_path / "out", device="cpu")
    assert engine_of_file(best, "cpu").name == "gap_unet"
    assert (tmp_path / "out" / "volumes").is_dir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loop": LoopConfig(batch_size=4)}, "slices_per_batch"),
        ({"pseudo_share": 0.7, "phantom_share": 0.4}, "pseudo_share"),
        ({"task": GapTaskConfig(GapUNetConfig(cells=64))}, "cells"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change, words):
    from dataclasses import replace

    with pytest.raises(ConfigError, match=words):
        replace(DEFAULT, **change)
