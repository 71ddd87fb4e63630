"""The ACNN paper as printed: its equations by hand, its presets, and where grids lie."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from shape_phantoms import CORE, GRID, SHELL, shape_arrays, shape_cases, small

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.shape import class_entropy, code_loss
from SlicePropagationLib.networks.acnn.config import PlaceConfig
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.acnn import segmentation as acnn_segmentation
from SlicePropagationLib.training.acnn import superresolution as acnn_superresolution
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset, mean_place


def untrained(path, task, prior="", *, is_paper=True):
    """Model file of a network at its beginning."""
    labels = () if prior else (SHELL, CORE)
    made = tiny(task, "paper" if is_paper else "default", labels, prior).new_task()
    if prior:
        made.network.predictor.layers[-2].bias.data.fill_(1.0)  # no ReLU that says nothing
    save_checkpoint(path, made.family, made.config, made.network.state_dict())
    return path


def tiny(task, preset, labels=(SHELL, CORE), prior=""):
    """A preset on the grid of the phantoms, of width 4."""
    training = small(task, preset, labels=labels, prior=prior)
    network = training.task.network
    width = {"base_channels": 4}
    if hasattr(network, "autoencoder"):
        network = replace(network, autoencoder=replace(network.autoencoder, **width), **width)
    else:
        network = replace(network, **width)
    return replace(training, task=replace(training.task, network=network))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("paper")


@pytest.fixture(scope="module")
def cases(folder):
    return shape_cases(folder)


@pytest.fixture(scope="module")
def tl_network(folder):
    """Model file of a T-L network that has yet to learn."""
    torch.manual_seed(0)
    autoencoder = untrained(folder / "ae.pt", "acnn_autoencoder")
    return untrained(folder / "tl.pt", "acnn_predictor", autoencoder)


@pytest.mark.parametrize(
    "name, preset, is_guided",
    [
        ("acnn_segmentation", "paper", True),
        ("acnn_segmentation", "paper-motion", True),
        ("acnn_segmentation", "paper-classes", True),
        ("acnn_segmentation", "cascade-large", False),
        ("acnn_superresolution", "paper", True),
        ("acnn_superresolution", "paper-unet", False),
    ],
)
def test_every_reading_of_the_paper_learns_for_a_few_steps(
    cases,
    tl_network,
    name,
    preset,
    is_guided,
):
    labels = () if is_guided else (SHELL, CORE)
    task = tiny(name, preset, labels, tl_network if is_guided else "").new_task().train()
    data = ShapeDataset(cases, GRID, (SHELL, CORE), needs_fine_truth=True)
    batch = torch.utils.data.default_collate([data[0], data[1]])
    optimizer = torch.optim.Adam(task.network.parameters(), 0.01, weight_decay=5e-6)
    totals = []
    for _ in range(6):
        losses = task(batch)
        totals.append(float(losses["total"].detach()))
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
    assert totals[-1] < totals[0]
    assert (losses["code"] > 0) == is_guided


def test_equation_1_adds_the_squared_distance_of_codes_undivided_and_the_relative_form_divides_it():
    found = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    wanted = torch.tensor([[4.0, 6.0], [0.0, 2.0]])
    # distances 9 + 16 and 4, lengths 16 + 36 and 4
    assert code_loss(found, wanted, "printed") == (25 + 4) / 2
    assert code_loss(found, wanted, "relative") == pytest.approx((29 / 2) / (56 / 2))


def test_cross_entropy_is_the_mean_over_voxels_or_over_the_classes_that_occur():
    share = torch.tensor([[0.5, 0.8, 0.9, 0.25], [0.3, 0.1, 0.05, 0.5], [0.2, 0.1, 0.05, 0.25]])
    logits = share.log()[None, :, None, None]  # (1, 3, 1, 1, 4)
    labels = torch.tensor([0, 0, 0, 1])[None, None, None]
    losses = -np.log([0.5, 0.8, 0.9, 0.5])
    assert float(class_entropy(logits, labels)) == pytest.approx(losses.mean(), rel=1e-5)
    of_classes = (losses[:3].mean() + losses[3]) / 2
    assert float(class_entropy(logits, labels, "classes")) == pytest.approx(of_classes, rel=1e-5)


def test_the_paper_presets_are_equations_1_and_2_as_printed():
    segmentation = acnn_segmentation.PRESETS["paper"].task
    assert (segmentation.code_form, segmentation.code_weight, segmentation.entropy) == (
        "printed",
        0.01,
        "voxels",
    )
    assert acnn_segmentation.PRESETS["paper-classes"].task.entropy == "classes"
    images = acnn_superresolution.PRESETS["paper"].task
    assert images.code_form == "printed"
    assert set(vars(images.augmentation).values()) == {0.0}  # no affine maps, but slices move
    assert images.degradation.shift_mm > 0
    assert acnn_segmentation.PRESETS["default"].task.code_form == "relative"
    assert segmentation.place == images.place == PlaceConfig("image")
    assert acnn_segmentation.PRESETS["plain"].task.place == PlaceConfig("structure")


def test_a_grid_that_the_image_places_lies_where_it_is_told_and_says_what_it_does_not_hold(cases):
    told = mean_place(cases, (SHELL, CORE))
    # ellipsoids about (7.5, 14, 13) of 16 x 28 x 28 voxels
    assert told.by == "image"
    assert told.centre == pytest.approx((7.5 / 15, 14 / 27, 13 / 27), abs=1e-3)
    about_truth = ShapeDataset(cases, GRID, (SHELL, CORE), needs_fine_truth=True)
    about_image = ShapeDataset(cases, GRID, (SHELL, CORE), needs_fine_truth=True, place=told)
    for (_, first), (_, second) in zip(about_truth.samples, about_image.samples, strict=True):
        # the grid's cells lie half-way between voxels, where a hair decides
        assert np.mean(first != second) < 0.04
    aside = PlaceConfig("image", (0.5, 0.9, 0.5))
    cut = ShapeDataset(cases, GRID, (SHELL, CORE), needs_fine_truth=True, place=aside)
    # the grid's 24 rows begin at .9 * 27 - 11.5 = 12.8: what lies before row 13 is not held
    _, labels = shape_arrays(0)
    expected = np.count_nonzero(labels[:, :13] == SHELL) / np.count_nonzero(labels == SHELL)
    assert cut.outside[0][0] == pytest.approx(expected)
    with pytest.raises(ConfigError, match="three shares"):
        PlaceConfig("image", (0.5, 1.9, 0.5))


def test_the_tl_network_alone_segments_on_the_grid_that_the_image_places(tl_network):
    image, _ = shape_arrays(0)
    segmenter = load_segmenter(tl_network, "cpu")
    assert segmenter.labels == (SHELL, CORE)
    decoder = segmenter.network.autoencoder.decoder
    with torch.no_grad():  # a decoder that says the core everywhere
        decoder[-1].weight.zero_()
        decoder[-1].bias.copy_(torch.tensor([0.0, 0.0, 9.0]))
    found = segmenter.segment(SliceStack(image.astype(np.float32), (1.0, 1.0, 1.0)))
    assert found.shape == image.shape
    # the grid of 12 x 24 x 24 voxels lies in the middle of 16 x 28 x 28
    assert (found[2:14, 2:26, 2:26] == CORE).all()
    assert not found[0].any()
    assert not found[:, 0].any()


def test_a_prior_whose_grids_lay_elsewhere_is_refused_with_a_remedy(folder):
    prior = untrained(folder / "about_labels.pt", "acnn_autoencoder", is_paper=False)
    with pytest.raises(ConfigError, match="lie about the labels.*0.5, 0.5, 0.5.*same preset"):
        tiny("acnn_segmentation", "paper", (), prior).new_task()


@pytest.mark.parametrize("task", ["acnn_segmentation", "acnn_superresolution"])
def test_without_a_prior_the_papers_preset_asks_for_the_papers_t_l_network(task):
    with pytest.raises(ConfigError, match="train acnn_predictor --preset paper.*as --prior"):
        tiny(task, "paper").new_task()
