"""`train acnn_*`: every task learns two phantoms.

The prior is needed, fits and pulls; grids and cases that cannot work are refused with a remedy.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from shape_phantoms import CORE, GRID, SHELL, shape_arrays, shape_cases, small, write_table

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import CheckpointError, ConfigError, InputError
from SlicePropagationLib.losses.shape import code_distance
from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.training.acnn import autoencoder as acnn_autoencoder
from SlicePropagationLib.training.acnn import segmentation as acnn_segmentation
from SlicePropagationLib.training.acnn import superresolution as acnn_superresolution
from SlicePropagationLib.training.acnn.presets import PAPER_GRID, SMALL_GRID, on_grid
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset
from SlicePropagationLib.training.acnn.tasks import mean_dice, swap_labels


def best_score(weights):
    lines = [
        json.loads(line)
        for line in (weights.parent / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return max(line.get("dice", line.get("ssim")) for line in lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("acnn")


@pytest.fixture(scope="module")
def cases(folder):
    return shape_cases(folder)


@pytest.fixture(scope="module")
def autoencoder(folder, cases):
    """Model file of an auto-encoder that learnt the two phantoms."""
    return small("acnn_autoencoder", epochs=14).train(
        cases,
        cases,
        folder / "autoencoder",
        device="cpu",
    )


@pytest.fixture(scope="module")
def tl_network(folder, cases, autoencoder):
    """Model file of a predictor that learnt the codes of the two phantoms."""
    return small(
        "acnn_predictor",
        epochs=8,
        labels=(),
        prior=autoencoder,
    ).train(
        cases,
        cases,
        folder / "predictor",
        device="cpu",
    )


def test_the_autoencoder_learns_two_shapes(autoencoder):
    assert best_score(autoencoder) > 0.6


def test_the_predictor_learns_the_codes_of_two_images_alone_and_then_with_the_autoencoder(
    tl_network,
    autoencoder,
):
    assert best_score(tl_network) > 0.6
    lines = [
        json.loads(line)
        for line in (tl_network.parent / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    before = load_shape_model(autoencoder)
    after = load_shape_model(tl_network.parent / "last.pt")
    _, labels = shape_arrays(0)
    assert len(lines) == 8
    assert after.labels == before.labels == (SHELL, CORE)
    code, earlier = (
        model.code(model.classes_of(labels, (1.0, 1.0, 1.0), "shape")) for model in (after, before)
    )
    assert np.abs(code - earlier).max() > 1e-3  # the joint part has changed the encoder too


def test_the_encoder_stands_still_while_the_predictor_learns_alone(tmp_path, cases, autoencoder):
    training = small(
        "acnn_predictor",
        epochs=1,
        labels=(),
        prior=autoencoder,
    )
    best = replace(training, task=replace(training.task, alone=1.0)).train(
        cases,
        cases,
        tmp_path,
        device="cpu",
    )
    before = load_checkpoint(autoencoder).weights
    after = load_checkpoint(best).weights
    assert all(torch.equal(value, after[f"autoencoder.{name}"]) for name, value in before.items())


@pytest.mark.parametrize(
    "preset, has_prior",
    [("default", True), ("cascade", False), ("annotation", True)],
)
def test_a_segmentation_learns_the_fine_labels_of_two_thick_stacks(
    tmp_path,
    cases,
    autoencoder,
    preset,
    has_prior,
):
    training = small(
        "acnn_segmentation",
        preset,
        epochs=12,
        labels=() if has_prior else (SHELL, CORE),
        prior=autoencoder if has_prior else "",
    )
    weights = training.train(cases, cases, tmp_path, device="cpu")
    assert best_score(weights) > 0.6
    assert load_checkpoint(weights).config["labels"] == (SHELL, CORE)


@pytest.mark.parametrize("preset", ["default", "plain"])
def test_a_superresolution_learns_the_fine_images_of_two_thick_stacks(
    tmp_path,
    cases,
    tl_network,
    preset,
):
    training = small(
        "acnn_superresolution",
        preset,
        epochs=9,
        labels=() if preset == "default" else (SHELL,),
        prior=tl_network if preset == "default" else "",
    )
    assert best_score(training.train(cases, cases, tmp_path, device="cpu")) > 0.6


def test_the_prior_pulls_the_segmentation_towards_the_codes_of_the_truth(cases, autoencoder):
    """A step along the gradient of the prior's part alone brings the code nearer."""
    training = small("acnn_segmentation", labels=(), prior=autoencoder)
    task = training.new_task().eval()
    batch = next(
        iter(
            torch.utils.data.DataLoader(
                ShapeDataset(cases, GRID, (SHELL, CORE), needs_fine_truth=True),
                2,
            )
        )
    )
    losses = task(batch)
    assert losses["code"] > 0
    assert losses["total"] == losses["entropy"] + losses["code"]
    losses["code"].backward()
    assert all(parameter.grad is None for parameter in task.prior.parameters())
    assert task.network.head.classify.weight.grad.abs().max() > 0


def test_the_prior_is_no_part_of_what_is_stored_or_trained(cases, autoencoder):
    task = small("acnn_segmentation", labels=(), prior=autoencoder).new_task().train()
    assert not task.prior.training
    assert not any(parameter.requires_grad for parameter in task.prior.parameters())
    assert not any(name.startswith("prior") for name in task.network.state_dict())


def test_the_only_shape_that_a_model_knows_is_perfectly_plausible_and_no_other_is(
    autoencoder,
    cases,
):
    model = load_shape_model(autoencoder)
    model.autoencoder.from_code[0].weight.zero_()  # every code decodes to the same shape
    known = model.probabilities(np.zeros(64)).argmax(axis=0).astype(np.uint8)
    shapes = [
        sample[1]
        for sample in ShapeDataset(cases, GRID, (SHELL, CORE), needs_fine_truth=False).samples
    ]
    others = [shape for shape in shapes if not np.array_equal(shape, known)]
    assert model.implausibility(known) == 0
    assert all(model.implausibility(shape) > 0 for shape in others)
    assert all(model.reconstruction_error(shape) > 0 for shape in others)
    assert np.isnan(model.reconstruction_error(np.zeros_like(known)))
    assert model.reconstruction_error(known) == 0 or not known.any()


def test_missing_and_superfluous_priors_are_refused_with_a_remedy(autoencoder):
    for task, remedy in (
        ("acnn_segmentation", "train acnn_autoencoder"),
        ("acnn_superresolution", "train acnn_predictor"),
        ("acnn_predictor", "train acnn_autoencoder"),
    ):
        with pytest.raises(ConfigError, match=f"{remedy}.*--prior"):
            small(task).new_task()
    with pytest.raises(ConfigError, match="leave --prior out"):
        small("acnn_segmentation", "plain", prior=autoencoder).new_task()


def test_a_prior_of_another_grid_other_labels_or_another_family_is_refused(autoencoder):
    other = FineGridConfig((24, 24, 24), (1.0, 1.0, 1.0), 4)
    with pytest.raises(ConfigError, match="12x24x24.*24x24x24.*train a prior for this grid"):
        on_grid(small("acnn_segmentation", prior=autoencoder), other).new_task()
    with pytest.raises(ConfigError, match="about labels 1, 2.*about 1;.*leave --labels out"):
        small("acnn_segmentation", labels=(SHELL,), prior=autoencoder).new_task()
    with pytest.raises(CheckpointError, match="acnn.predictor"):
        small("acnn_superresolution", labels=(), prior=autoencoder).new_task()


def test_a_model_about_no_label_is_refused():
    with pytest.raises(ConfigError, match="--labels 1,2"):
        small("acnn_autoencoder", labels=()).new_task()


def test_a_structure_larger_than_the_grid_and_slices_thicker_than_it_are_refused_with_a_remedy(
    tmp_path,
    cases,
):
    narrow = replace(GRID, spacing_mm=(1.0, 0.4, 0.4))
    with pytest.raises(InputError, match="lies outside.*grid.spacing_mm to at least"):
        ShapeDataset(cases, narrow, (SHELL, CORE), needs_fine_truth=False)
    thick = shape_cases(tmp_path, 1, spacing=(1.0, 1.0, 3.0))
    with pytest.raises(InputError, match="slices 3 mm apart, the fine grid 1 mm.*at most 1.5 mm"):
        ShapeDataset(thick, GRID, (SHELL,), needs_fine_truth=True)
    with pytest.raises(InputError, match="None of the 2 cases has label 7"):
        ShapeDataset(cases, GRID, (SHELL, 7), needs_fine_truth=False)


@pytest.mark.parametrize(
    "task, preset",
    [("acnn_autoencoder", "default"), ("acnn_segmentation", "cascade")],
)
def test_a_batch_of_one_case_on_a_grid_of_one_cell_is_refused_with_a_remedy(
    tmp_path,
    cases,
    task,
    preset,
):
    training = small(task, preset, epochs=1)  # the grid 12 x 24 x 24 leaves one cell
    single = replace(training, passes=1)
    with pytest.raises(ConfigError, match="one cell.*passes to at least 2"):
        single.train(cases[:1], cases[:1], tmp_path, device="cpu")
    with pytest.raises(ConfigError, match="one cell.*loop.batch_size to at least 2"):
        replace(training, loop=replace(training.loop, batch_size=1)).train(
            cases,
            cases,
            tmp_path,
            device="cpu",
        )
    with pytest.raises(
        ValueError,
        match="more than 1 value per channel",
    ):  # what it would be without the refusal
        single.new_task().train()(
            next(
                iter(
                    torch.utils.data.DataLoader(
                        ShapeDataset(cases[:1], GRID, (SHELL, CORE), needs_fine_truth=False),
                        1,
                    )
                )
            )
        )
    assert not (tmp_path / "best.pt").exists()


def test_a_single_case_is_learnt_from_where_the_coarsest_level_has_several_cells(tmp_path, cases):
    training = replace(small("acnn_segmentation", "plain", epochs=1), passes=1)
    assert training.train(cases[:1], cases[:1], tmp_path, device="cpu").is_file()


def test_the_presets_are_the_papers():
    training = acnn_segmentation.PRESETS["default"]
    assert training.grid == PAPER_GRID == FineGridConfig((60, 120, 120), (2.0, 1.25, 1.25), 5)
    assert PAPER_GRID.thick_mm == 10
    assert PAPER_GRID.num_thick == 12
    assert (
        training.loop.learning_rate,
        training.loop.batch_size,
        training.loop.weight_decay,
        training.loop.schedule,
    ) == (1e-3, 8, 5e-6, "constant")
    assert training.task.code_weight == 0.01
    assert training.task.degradation.blur * PAPER_GRID.thick_mm == 4.0
    assert acnn_autoencoder.PRESETS["default"].task.swap == 0.1
    assert acnn_autoencoder.PRESETS["default"].task.network.code_size == 64
    assert (
        acnn_superresolution.PRESETS["default"].task.degradation.shift_mm
        > 0
        == acnn_segmentation.PRESETS["default"].task.degradation.shift_mm
    )
    assert acnn_segmentation.PRESETS["small"].grid == SMALL_GRID
    assert SMALL_GRID.shape == (
        24,
        48,
        48,
    )


def test_a_tenth_of_the_labels_is_swapped_for_another_class_never_for_its_own():
    torch.manual_seed(0)
    labels = torch.ones(1, 20, 20, 20, dtype=torch.long)
    swapped = swap_labels(labels, 4, 0.1)
    assert (swapped != 1).float().mean() == pytest.approx(0.1, abs=0.01)
    assert (swap_labels(labels, 4, 1.0) != 1).all()
    assert set(swapped.unique().tolist()) == {0, 1, 2, 3}


def test_the_distance_of_codes_is_summed_over_the_code_and_averaged_over_the_batch():
    assert code_distance(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.zeros(2, 2)) == 2.5


def test_dice_leaves_out_structures_that_are_nowhere():
    truth = torch.zeros(2, 1, 2, 2, dtype=torch.long)
    truth[0, 0, 0] = 1
    found = torch.zeros_like(truth)
    found[0, 0, 0, 0] = 1
    assert mean_dice(found, truth, 3) == pytest.approx(2 / 3)


@pytest.fixture
def train(tmp_path):
    """`train` on a table of three shapes, with a tiny network where it is one of theirs."""
    table = tmp_path / "cases.csv"
    write_table(table, shape_cases(tmp_path, 3), ("train", "train", "val"))
    grid = {
        "shape": [12, 24, 24],
        "spacing_mm": [1.0, 1.0, 1.0],
        "factor": 4,
    }
    settings = {
        "task": {"network": {"grid": grid, "base_channels": 2}},
        "loop": {"epochs": 1, "batch_size": 2},
    }
    (tmp_path / "tiny.json").write_text(json.dumps(settings), encoding="utf-8")

    def run(task, out, *options):
        config = ("--config", str(tmp_path / "tiny.json")) if task.startswith("acnn") else ()
        where = ("--cases", str(table), "--out", str(tmp_path / out))
        return main(["train", task, *where, *config, "--device", "cpu", "--quiet", *options])

    return run


def test_the_command_trains_with_labels_and_then_with_a_prior(train, tmp_path):
    assert train("acnn_autoencoder", "ae", "--labels", "1,2") == 0
    prior = str(tmp_path / "ae" / "best.pt")
    assert train("acnn_segmentation", "seg", "--prior", prior) == 0
    record = json.loads((tmp_path / "seg" / "config.json").read_text(encoding="utf-8"))["training"]
    assert record["prior"].endswith("best.pt")
    assert record["task"]["network"]["base_channels"] == 2


def test_the_command_says_which_option_a_task_lacks_or_does_not_take(train, tmp_path, capsys):
    assert train("acnn_segmentation", "none") == 2
    assert "train acnn_autoencoder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert train("slice_unet", "none", "--labels", "1") == 2
    assert "takes no --labels" in capsys.readouterr().err
    assert train("acnn_autoencoder", "none", "--labels", "one") == 2
    assert "'one' is not a list of labels; write for example 1,2." in capsys.readouterr().err
