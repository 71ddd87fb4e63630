"""How the engine around SAM 2 asks it; a small predictor with the same methods stands in for it.

The real one is asked in test_sam2.py, where it is installed.
"""

import logging
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")
Image = pytest.importorskip("PIL.Image", reason="needs Pillow, which sam2 brings")

from engine_phantoms import anchors_of, cylinder, moving_disc, stack_of

from SlicePropagationLib.engines.sam2.frames import contrast_of
from SlicePropagationLib.engines.sam2.sam2_engine import (
    MOST_ANCHORS,
    MOST_SLICES,
    Sam2Engine,
    make_sam2,
    split_size,
)
from SlicePropagationLib.engines.sam2.weights import FIRST_LAYER, configuration_of
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack


class Repeating:
    """Repeats the mask of the frame it begins at; remembers what it was asked.

    Attributes:
        opened: (num_frames, H, W) grey values of each video.
        shown: the frames with masks of each video.
        asked: (start, count, reverse) of each video.
        num_frames: frames looked at in all.
    """

    def __init__(self, failing_at=()):
        self.failing_at = list(failing_at)
        self.folders = []
        self.opened = []
        self.shown = []
        self.asked = []
        self.num_frames = 0

    def to(self, device):
        return self

    def init_state(self, folder, offload_video_to_cpu):
        assert offload_video_to_cpu
        paths = sorted(Path(folder).iterdir())
        assert [path.name for path in paths] == [f"{i:05d}.jpg" for i in range(len(paths))]
        self.folders.append(Path(folder))
        self.opened.append(np.stack([np.asarray(Image.open(path)) for path in paths]))
        self.shown.append({})
        return self.shown[-1]

    def add_new_mask(self, state, frame, structure, mask):
        state[frame] = torch.tensor(mask, dtype=torch.bool)

    def propagate_in_video(self, state, start_frame_idx, max_frame_num_to_track, reverse):
        self.asked.append((start_frame_idx, max_frame_num_to_track, reverse))
        logits = torch.where(state[start_frame_idx], 4.0, -4.0)[None, None]
        step = -1 if reverse else 1
        for number in range(max_frame_num_to_track + 1):
            if self.failing_at and self.num_frames == self.failing_at[0]:
                self.failing_at.pop(0)
                raise torch.cuda.OutOfMemoryError("out of memory")
            self.num_frames += 1
            yield start_frame_idx + step * number, [1], logits


def walked(predictor, run, anchors, stack=None):
    stack = stack or stack_of(cylinder())
    return list(Sam2Engine(predictor).walk(stack, run, anchors))


def test_every_target_has_a_probability_of_the_slices_size_in_walking_order():
    predictor = Repeating()
    masks = moving_disc()
    found = walked(predictor, Run(10, (9, 8, 7)), anchors_of(masks, 2, 10), stack_of(masks))
    assert [values.dtype for values in found] == [np.float32] * 3
    assert np.array_equal(found[0] >= 0.5, masks[10])
    assert found[0].max() == pytest.approx(1 / (1 + np.exp(-4.0)), abs=1e-6)
    assert predictor.asked == [(4, 3, True)]  # frames are the slices 2, 7, 8, 9, 10
    assert sorted(predictor.shown[0]) == [0, 4]


def test_slices_before_the_first_target_are_followed_but_not_told():
    predictor = Repeating()
    found = walked(predictor, Run(3, (6, 7)), anchors_of(cylinder(), 3))
    assert len(found) == 2
    assert predictor.asked == [(0, 4, False)]


def test_nothing_is_asked_from_an_empty_slice_and_none_is_shown():
    predictor = Repeating()
    anchors = anchors_of(cylinder(first=4), 2, 8)
    assert walked(predictor, Run(2, (3, 4)), anchors) == []
    assert predictor.opened == []
    walked(predictor, Run(8, (7, 6)), anchors)
    assert predictor.opened[0].shape[0] == 3


def test_a_frame_is_looked_at_when_its_slice_is_asked_for():
    predictor = Repeating()
    steps = Sam2Engine(predictor).walk(
        stack_of(cylinder()), Run(3, tuple(range(4, 20))), anchors_of(cylinder(), 3)
    )
    next(steps)
    assert predictor.num_frames == 2  # the annotated slice and the next one
    next(steps)
    assert predictor.num_frames == 3


def test_the_files_of_a_video_are_gone_when_the_first_slice_is_there():
    predictor = Repeating()
    steps = Sam2Engine(predictor).walk(
        stack_of(cylinder()), Run(3, (4, 5)), anchors_of(cylinder(), 3)
    )
    next(steps)
    assert [folder.exists() for folder in predictor.folders] == [False]


def test_the_annotated_slices_nearest_to_the_walk_are_shown():
    predictor = Repeating()
    anchors = anchors_of(cylinder(), *range(11), 20)
    walked(predictor, Run(10, (11, 12)), anchors)
    assert sorted(predictor.shown[0]) == list(range(MOST_ANCHORS))
    assert predictor.asked[0][0] == MOST_ANCHORS - 1
    assert len(predictor.opened[0]) == MOST_ANCHORS + 2


def test_a_long_walk_goes_on_in_a_new_video_from_its_last_slice():
    predictor = Repeating()
    mask = cylinder()[0]
    stack = SliceStack(np.zeros((60, *mask.shape), np.float32))
    found = walked(predictor, Run(0, tuple(range(1, 60))), {0: mask}, stack)
    assert len(found) == 59
    assert all(np.array_equal(values >= 0.5, mask) for values in found)
    assert predictor.asked == [(0, MOST_SLICES, False), (1, 59 - MOST_SLICES, False)]
    assert sorted(predictor.shown[1]) == [0, 1]  # the annotated slice, and slice 48


@pytest.mark.parametrize("failing_at", [0, 1, 3])
def test_a_gpu_without_memory_hands_over_to_the_cpu_says_so_and_misses_no_slice(failing_at, caplog):
    run = Run(3, (4, 5, 6, 7))
    anchors = anchors_of(cylinder(), 3)
    with caplog.at_level(logging.WARNING):
        found = walked(Repeating([failing_at]), run, anchors)
    assert "CPU" in caplog.text
    np.testing.assert_array_equal(found, walked(Repeating(), run, anchors))


def test_a_walk_under_way_begins_a_new_video_when_another_one_moved_to_the_cpu():
    predictor = Repeating()
    engine = Sam2Engine(predictor)
    steps = engine.walk(stack_of(cylinder()), Run(3, (4, 5, 6)), anchors_of(cylinder(), 3))
    next(steps)
    engine.device = "elsewhere"  # as a walk that ran out of memory leaves it
    engine._precision = lambda: torch.autocast("cpu", enabled=False)
    assert len(list(steps)) == 2
    assert predictor.asked == [(0, 3, False), (1, 2, False)]


def test_grey_values_are_spread_over_the_structure_and_not_over_padding_or_metal():
    masks = cylinder(radius=6.0)
    images = np.where(masks, 60.0, 40.0).astype(np.float32)
    images[:, :6] = -2000.0
    images[:, -2:] = 30000.0
    black, white = contrast_of(SliceStack(images), anchors_of(masks, 10))
    assert (black, white) == (40.0, 60.0)


def test_a_flat_image_is_black_and_no_error():
    stack = SliceStack(np.full((3, 20, 20), 7.0, np.float32))
    mask = np.zeros((20, 20), bool)
    mask[5:9, 5:9] = True
    assert contrast_of(stack, {1: mask}).grey(stack.images[0]).max() == 0


@pytest.mark.parametrize(
    "wide, deep, version, name",
    [
        (96, 12, "2", "configs/sam2/sam2_hiera_t.yaml"),
        (96, 16, "2.1", "configs/sam2.1/sam2.1_hiera_s.yaml"),
        (112, 24, "2.1", "configs/sam2.1/sam2.1_hiera_b+.yaml"),
        (144, 48, "2", "configs/sam2/sam2_hiera_l.yaml"),
    ],
)
def test_the_model_is_read_off_names_and_shapes(wide, deep, version, name):
    assert configuration_of(Path("w.pt"), weights_of(wide, deep, version)) == name


def weights_of(wide, deep, version):
    weights = {FIRST_LAYER: torch.zeros(wide, 3, 1, 1)}
    for block in range(deep):
        weights[f"image_encoder.trunk.blocks.{block}.norm1.weight"] = torch.zeros(1)
    if version == "2.1":
        weights["no_obj_embed_spatial"] = torch.zeros(1, 64)
    return weights


def test_a_model_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(CheckpointError, match=r"96 channels and 13 blocks.*112 and 24"):
        configuration_of(Path("w.pt"), weights_of(96, 13, "2"))


@pytest.mark.parametrize(
    "content, reason",
    [
        ({"state_dict": {}}, "no weights under 'model'"),
        ({"model": {"a": 3}}, "no weights under 'model'"),
        ([1, 2], "no weights under 'model'"),
        ({"model": {"a": torch.zeros(1)}}, "no weights of SAM 2"),
        ({"model": {"a": torch.full((1,), np.nan)}}, "no numbers, in a"),
    ],
)
def test_a_foreign_file_is_refused_with_the_reason(tmp_path, content, reason):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=reason):
        make_sam2("cpu", str(tmp_path / "w.pt"))


def test_a_model_file_of_this_project_is_told_from_one_of_sam2(tmp_path):
    save_checkpoint(tmp_path / "w.pt", "slice_unet.guided", {}, {"a": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="goes without 'sam2:'"):
        make_sam2("cpu", str(tmp_path / "w.pt"))


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save({"model": Path}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="loading it would run code"):
        make_sam2("cpu", str(tmp_path / "w.pt"))


def test_the_image_size_stands_behind_the_file(tmp_path):
    assert split_size("w.pt") == ("w.pt", 1024)
    assert split_size("C:\\w.pt@512") == ("C:\\w.pt", 512)
    path = tmp_path / "w@home.pt"
    path.touch()
    assert split_size(str(path)) == (str(path), 1024)
    assert split_size(f"{path}@256") == (str(path), 256)


@pytest.mark.parametrize("argument", ["w.pt@", "w.pt@0", "w.pt@500", "w.pt@big", "w.pt@-32"])
def test_a_size_that_is_none_is_refused(argument):
    with pytest.raises(ConfigError, match=r"not an image size .* multiple of 32"):
        split_size(argument)


@pytest.mark.parametrize("argument", [None, "", "@512"])
def test_without_weights_the_sentence_says_how_to_name_them(argument):
    with pytest.raises(ConfigError, match="sam2:WEIGHTS.pt"):
        make_sam2("cpu", argument)
