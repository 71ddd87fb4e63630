"""Weights of an earlier version compute what they computed, and its trainings go on."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from case_files import read
from earlier import (  # noqa: F401  a fixture, too
    FIXTURES,
    earlier_files,
    evaluate_anew,
    most_different,
    read_json,
    run,
)
from evaluations import mark
from evaluations import read as rows_of

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.pipelines.superresolve_file import FAMILIES
from SlicePropagationLib.planning import Run
from SlicePropagationLib.segmenters.acnn.shape_model import load_shape_model
from SlicePropagationLib.stack import SliceStack

WEIGHTS = FIXTURES / "weights"
EXPECTED = read_json(WEIGHTS / "expected.json")
COMPUTED = np.load(WEIGHTS / "computed.npz")
WALKERS = ("slice_unet.guided", "slice_unet.plain", "voxelmorph", "birnn", "cine_bilstm")
SHAPES = ("acnn.autoencoder", "acnn.predictor")


def weights_of(*families):
    """Names of the weights of some families."""
    return [name for name, facts in EXPECTED.items() if facts["family"] in families]


def stack_of(name, spacing_mm, frame=None):
    """A stack of one of the images that the weights were used on."""
    array = read(FIXTURES / f"{name}.nii.gz").astype(np.float32)
    is_cine = frame is not None
    return SliceStack(array[:, frame] if is_cine else array, spacing_mm, is_cyclic=is_cine)


def volume():
    return stack_of("image", (3.0, 1.5, 1.0))


def cine():
    return stack_of("cine", (1.0, 1.0, 1.0), frame=0)


def thick():
    return stack_of("thick", (4.0, 1.0, 1.0))


def assert_close(name, found):
    """What was computed is what the earlier version computed."""
    np.testing.assert_allclose(
        found,
        COMPUTED[name],
        rtol=1e-4,
        atol=1e-4,
    )


def assert_same_labels(name, found):
    """Labels are those of then; a pixel on a border may differ."""
    assert found.shape == COMPUTED[name].shape
    assert np.count_nonzero(found != COMPUTED[name]) <= 0.001 * found.size


@pytest.mark.parametrize("name", EXPECTED)
def test_weights_of_an_earlier_version_hold_what_they_held(name):
    checkpoint = load_checkpoint(WEIGHTS / f"{name}.pt")
    facts = EXPECTED[name]
    assert checkpoint.family == facts["family"]
    assert checkpoint.sha256 == facts["sha256"]
    assert sorted(checkpoint.weights) == facts["names"]
    assert len(checkpoint.weights) == facts["num_tensors"]
    assert checkpoint.metrics == facts["metrics"]
    assert as_json(checkpoint.config) == facts["config"]


def as_json(value):
    """Configurations as JSON has them: lists in the place of tuples."""
    if isinstance(value, dict):
        return {key: as_json(entry) for key, entry in value.items()}
    return [as_json(entry) for entry in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", weights_of(*WALKERS))
def test_an_engine_with_weights_of_an_earlier_version_walks_as_it_did(name):
    path = WEIGHTS / f"{name}.pt"
    is_smoother = EXPECTED[name]["family"] == "birnn"
    engine = make_engine(f"copy+{path}" if is_smoother else str(path), "cpu")
    if engine.name == "cine_bilstm":
        drawn = {0: read(FIXTURES / "cine_seed.nii.gz")[0, 0] == 1}
        steps = engine.walk(cine(), Run(0, (1,), 1), drawn)
    else:
        drawn = {5: read(FIXTURES / "seed.nii.gz")[5] == 1}
        steps = engine.walk(volume(), Run(5, (6, 7), 1), drawn)
    assert_close(f"{name}.walk", np.stack(list(steps)))


@pytest.mark.parametrize("name", weights_of("pnet", "pnet_birnn"))
def test_a_network_of_slices_of_an_earlier_version_segments_as_it_did(name):
    segmenter = load_segmenter(WEIGHTS / f"{name}.pt", "cpu")
    stack = volume()
    probability = segmenter.probability(stack.images)
    assert_close(f"{name}.probability", probability[5:7])
    assert np.array_equal(segmenter.segment(stack) > 0, probability >= 0.5)


@pytest.mark.parametrize("name", weights_of("unet2d", "cine_unet"))
def test_a_network_of_frames_of_an_earlier_version_segments_as_it_did(name):
    found = load_segmenter(WEIGHTS / f"{name}.pt", "cpu").segment(cine())
    assert_same_labels(f"{name}.labels", found)


def test_a_recurrent_network_of_an_earlier_version_segments_as_it_did():
    segmenter = load_segmenter(WEIGHTS / "cine_bilstm.pt", "cpu")
    assert_close("cine_bilstm.probability", segmenter.probabilities(cine())[1][:2])
    assert segmenter.segment(cine()).shape == (6, 32, 32)


@pytest.mark.parametrize("name", weights_of(*SHAPES))
def test_a_shape_model_of_an_earlier_version_has_the_same_codes(name):
    model = load_shape_model(WEIGHTS / f"{name}.pt")
    code = COMPUTED[f"{name}.code"]
    assert model.labels == (1, 2)
    assert_close(f"{name}.probability", model.probabilities(code)[:, 5:7])
    shape = model.nearest_shape(model.probabilities(code).argmax(axis=0))
    assert shape.shape == model.grid.shape
    assert (model.predictor is not None) == (EXPECTED[name]["family"] == "acnn.predictor")


@pytest.mark.parametrize("name", weights_of("acnn.segmentation"))
def test_a_network_of_thick_slices_of_an_earlier_version_finds_the_same_fine_labels(name):
    segmenter = load_segmenter(WEIGHTS / f"{name}.pt", "cpu", FAMILIES)
    if segmenter.gives_labels:
        labels = read(FIXTURES / "thick_labels.nii.gz")
        found = segmenter.refine(thick(), labels.repeat(segmenter.factor, axis=0))
    else:
        found = segmenter.segment(thick())
    assert_same_labels(f"{name}.labels", found)


def test_a_network_for_fine_images_of_an_earlier_version_gives_the_same_intensities():
    segmenter = load_segmenter(WEIGHTS / "acnn_superresolution.pt", "cpu", FAMILIES)
    found = segmenter.enhance(thick())[4:6]
    np.testing.assert_allclose(found, COMPUTED["acnn_superresolution.fine"], atol=0.02)


@pytest.mark.parametrize(
    "result, engine",
    [
        ("smoothed", ("--engine", "registration", "--smooth", "weights/birnn.pt")),
        ("trained", ("--engine", "weights/voxelmorph.pt")),
    ],
)
def test_a_record_made_with_weights_gives_its_voxels_again(earlier, result, engine):
    image = ("--image", "image.nii.gz", "--device", "cpu")
    history = ("--history", f"results/{result}.json")
    run("propagate", *image, *history, *engine, "--out", "again.nii.gz")
    stored = read(f"results/{result}.nii.gz")
    different = np.count_nonzero(read("again.nii.gz") != stored)
    assert different <= most_different(read_json(f"results/{result}.json"), stored)


def test_scores_of_an_engine_with_the_same_weights_are_not_computed_again(earlier):
    engines = "copy,thesis=weights/slice_unet_thesis.pt"
    evaluate_anew(engines)
    stored = rows_of("evaluate/out/rows.csv")
    dice = {(row["engine"], row["label"], row["shots"]): float(row["dice"]) for row in stored}
    first = [row for row in rows_of("evaluate/new/rows.csv") if row["shots"] == "1"]
    assert first
    for row in first:  # later ones are of other suggested slices
        then = dice[row["engine"], row["label"], row["shots"]]
        assert float(row["dice"]) == pytest.approx(then, abs=0.02)
    mark(Path("evaluate/new"))
    marked = rows_of("evaluate/new/rows.csv")
    evaluate_anew(engines)
    assert rows_of("evaluate/new/rows.csv") == marked


def test_a_training_that_an_earlier_version_began_goes_on_after_its_last_whole_epoch(earlier):
    pytest.importorskip("lightning")
    pytest.importorskip("monai")
    first = (earlier / "training/out/metrics.jsonl").read_text(encoding="utf-8").splitlines()[0]
    arguments = ("--cases", "training/cases.csv", "--config", "training/task.json")
    run("train", "birnn", *arguments, "--out", "training/out", "--device", "cpu", "--resume")
    lines = (earlier / "training/out/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert lines[0] == first
    without_break = load_checkpoint("weights/birnn.pt").weights
    for name, values in load_checkpoint("training/out/last.pt").weights.items():
        np.testing.assert_allclose(values, without_break[name], atol=1e-4)
