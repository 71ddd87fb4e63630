"""`train outline_unet`: what the shipped network finds of phantoms is recorded, and learnt from."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from test_slice_unet import two_phantoms

from SlicePropagationLib.engines.outline.refiner import load_refiner
from SlicePropagationLib.engines.outline.view import MAPS, outline_view
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.networks.checkpoint import load_checkpoint
from SlicePropagationLib.networks.outline.config import OutlineUNetConfig
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.outline import results as library
from SlicePropagationLib.training.outline.outline_unet import PRESETS, OutlineTraining
from SlicePropagationLib.training.outline.results import (
    FOUND,
    TRUTH,
    OutlineResultsConfig,
    outline_arrays,
)
from SlicePropagationLib.training.outline.windows import (
    OutlineWindows,
    OutlineWindowsConfig,
    Result,
    _maps,
    read_results,
)
from SlicePropagationLib.training.slice.walk_files import Source


def recorded(case, seed=0, **changes):
    config = replace(OutlineResultsConfig(), **changes)
    source = Source("p", "set", case.image, case.label_map, config)
    return outline_arrays(source, np.random.default_rng(seed))


def results_of(folder, arrays, group="set"):
    np.savez(folder / "results.npz", **arrays)
    return read_results(folder / "results.npz", group)


@pytest.fixture
def case(tmp_path):
    return two_phantoms(tmp_path)[0][0]


def test_a_result_holds_what_is_there_and_what_was_found(tmp_path, case):
    truth = two_phantoms(tmp_path)[1][0]
    arrays = recorded(case, is_random=False)
    first, second = results_of(tmp_path, arrays)
    assert np.count_nonzero(first.marks & TRUTH) == truth.sum()
    assert len(first.anchors) == first.num_shown == 1
    assert len(second.anchors) == second.num_shown == 2
    for result in (first, second):
        assert not set(result.anchors) & set(result.slices)
        drawn = list(result.anchors)
        assert np.array_equal(result.marks[drawn] & TRUTH > 0, result.marks[drawn] & FOUND > 0)
        assert np.array_equal((result.maps[1] > 0) & (result.marks & FOUND > 0), result.maps[1] > 0)


def test_the_same_case_is_recorded_in_the_same_way(case):
    again = recorded(case)
    for name, values in recorded(case).items():
        assert np.array_equal(values, again[name])


def test_what_is_learnt_from_is_what_the_engine_sees_later(tmp_path, case):
    results = results_of(tmp_path, recorded(case, is_random=False, shots=((1,),)))
    volume = read_volume(case.image)
    labels, _ = read_labels(case.label_map, volume)
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, 0)
    truth = np.ascontiguousarray(stack.from_volume_array(labels > 0))
    largest = int(truth.sum(axis=(1, 2)).argmax())
    anchors = {largest: truth[largest]}
    engine = library._walking()
    first = largest - results[0].anchors[0]
    index = largest + 2
    *_, found = engine.walk(stack, Run(largest, (largest + 1, index)), anchors)
    view = outline_view(stack, index, found, anchors)
    stored = _maps(results[0], index - first)
    height, width = view.maps.shape[1:]
    # the window of the slice lies somewhere in the box of the result
    target = view.maps[MAPS.index("log odds")]
    best = min(
        float(np.abs(stored[3, top : top + height, left : left + width] - target).max())
        for top in range(stored.shape[1] - height + 1)
        for left in range(stored.shape[2] - width + 1)
    )
    assert best < 0.02
    windows = OutlineWindows(results, OutlineWindowsConfig(), is_varied=False)
    place = windows.places.index((results[0], index - first))
    assert windows[place]["facts"] == pytest.approx(view.facts)


def test_windows_have_one_size_and_say_what_lies_beyond_the_slice(tmp_path, case):
    windows = OutlineWindows(results_of(tmp_path, recorded(case)), OutlineWindowsConfig(side=96))
    for number in range(0, len(windows), 7):
        sample = windows[number]
        assert sample["maps"].shape == (len(MAPS), 96, 96)
        assert sample["truth"].shape == sample["weight"].shape == (96, 96)
        assert -1e-5 < sample["truth"].min() <= sample["truth"].max() < 1 + 1e-5
        assert sample["truth"][sample["weight"] > 0].any()


def test_every_set_has_its_share_of_the_windows(tmp_path, case):
    arrays = recorded(case)
    many = [result for _ in range(9) for result in results_of(tmp_path, arrays, "many")]
    windows = OutlineWindows(many + results_of(tmp_path, arrays, "one"), OutlineWindowsConfig())
    weights = windows.weights()
    is_one = np.array([result.group == "one" for result, _ in windows.places])
    assert weights[~is_one].sum() / weights[is_one].sum() == pytest.approx(3)  # the root of 9


def small(network=None, **loop):
    network = network or {}
    default = PRESETS["default"]
    return replace(
        default,
        task=replace(default.task, network=OutlineUNetConfig(widths=(8, 16), **network)),
        windows=replace(default.windows, side=32),
        loop=replace(default.loop, batch_size=8, averaging=0.9, warmup_batches=10, **loop),
    )


def test_recording_and_training_run_to_weights_that_an_engine_can_use(tmp_path):
    cases, _ = two_phantoms(tmp_path)
    best = small(epochs=1, batches_per_epoch=5).train(cases, cases, tmp_path / "out", device="cpu")
    assert load_refiner(best).network.config.widths == (8, 16)
    assert load_checkpoint(best).metrics["dice_before"] > 0.9


def displaced(seed):
    """A disc that was found two pixels beside where the image shows it."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((40, 40)) - rng.integers(16, 24, 2)[:, None, None]
    turn = rng.uniform(0, 2 * np.pi)
    moved = np.hypot(rows - 2 * np.sin(turn), columns - 2 * np.cos(turn))
    truth = np.hypot(rows, columns) < 8
    noise = rng.normal(0, 0.3, truth.shape)
    image = np.clip((np.where(truth, 1, -1) + noise) / 3, -1, 1) * 127
    odds = np.clip((8 - moved) / 6, -1, 1) * 127
    marks = TRUTH * truth + FOUND * (moved < 8)
    maps = [np.stack([each] * 3).astype(np.int8) for each in (image, odds, 0 * odds)]
    return Result(maps, np.stack([marks] * 3).astype(np.uint8), (0,), 1, "discs", (1, 2))


def test_it_learns_to_move_an_outline_to_where_the_image_has_it(tmp_path):
    all_counts = {"trust": 1.0, "most_change": 12.0}
    training = small(all_counts, epochs=4, batches_per_epoch=40)
    learnt, judged = ([displaced(seed) for seed in seeds] for seeds in (range(30), range(30, 40)))
    best = fit(
        training.new_task(),
        OutlineWindows(learnt, training.windows),
        OutlineWindows(judged, training.windows, is_varied=False),
        training.loop,
        tmp_path,
        device="cpu",
    )
    metrics = load_checkpoint(best).metrics
    assert metrics["dice_before"] < 0.9
    assert metrics["dice"] > 0.95


def test_settings_that_do_not_fit_are_refused():
    default = PRESETS["default"]
    with pytest.raises(ConfigError, match=r"side must be a multiple of 8, got 60"):
        OutlineTraining(windows=replace(default.windows, side=60))
    with pytest.raises(ConfigError, match="num_maps"):
        OutlineTraining(task=replace(default.task, network=OutlineUNetConfig(num_maps=6)))
    with pytest.raises(ConfigError, match="widths must be positive"):
        OutlineUNetConfig(widths=(8, 0))
    with pytest.raises(ConfigError, match="trust must be above 0"):
        OutlineUNetConfig(trust=0.0)
    with pytest.raises(ConfigError, match="shots must be lists"):
        OutlineResultsConfig(shots=((0,),))
