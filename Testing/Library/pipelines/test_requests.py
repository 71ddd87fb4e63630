"""Requests refuse what contradicts itself before a file is read, in the command line's words."""

from dataclasses import FrozenInstanceError

import pytest

from SlicePropagationLib import (
    BatchRequest,
    DemoRequest,
    PropagateRequest,
    PseudoLabelRequest,
    SegmentRequest,
    SuperresolveRequest,
    propagate_file,
    propagate_frames,
)
from SlicePropagationLib.errors import ConfigError, InputError

FILES = {
    "image": "image.nii.gz",
    "seed": "seed.nii.gz",
    "out": "out.nii.gz",
}


def test_a_request_does_not_change():
    request = PropagateRequest(**FILES)
    with pytest.raises(FrozenInstanceError):
        request.axis = "k"  # pyright: ignore


def test_a_propagation_needs_a_seed_or_a_history():
    with pytest.raises(InputError, match="There is no seed; give --seed S"):
        PropagateRequest(
            image="image.nii.gz",
            seed=None,
            out="out.nii.gz",
        )


@pytest.mark.parametrize("option", [{"seed": "s.nii.gz"}, {"anchors": "t.csv"}, {"span": (0, 4)}])
def test_a_history_says_anchors_and_ranges_itself(option):
    with pytest.raises(ConfigError, match="--history does an earlier result again"):
        PropagateRequest(**FILES | {"seed": None} | option, history="out.json")


@pytest.mark.parametrize("option", [{"anchors": "t.csv"}, {"span": (0, 4)}])
def test_what_is_for_volumes_is_refused_along_time(option):
    with pytest.raises(InputError, match=r"along time \(--axis t\) give the annotated frames"):
        PropagateRequest(**FILES, axis="t", **option)


def test_a_history_is_refused_along_time():
    with pytest.raises(InputError, match="--history, --anchors and --range are for volumes"):
        PropagateRequest(**FILES | {"seed": None}, axis="t", history="out.json")


def test_each_function_names_the_other_for_the_other_kind_of_axis():
    with pytest.raises(ConfigError, match="use propagate_frames"):
        propagate_file(PropagateRequest(**FILES, axis="t"))
    with pytest.raises(ConfigError, match="use propagate_file"):
        propagate_frames(PropagateRequest(**FILES, axis="k"))


@pytest.mark.parametrize(
    ("request_class", "files"),
    [
        (PropagateRequest, FILES),
        (PseudoLabelRequest, FILES),
        (
            SegmentRequest,
            {
                "image": "i.nii.gz",
                "model": "m.pt",
                "out": "o.nii.gz",
            },
        ),
        (
            SuperresolveRequest,
            {
                "image": "i.nii.gz",
                "labels": "l.nii.gz",
                "out": "o.nii.gz",
            },
        ),
    ],
)
def test_an_axis_or_a_device_that_is_none_is_refused_with_the_choices(request_class, files):
    with pytest.raises(ConfigError, match=r"axis must be one of .*i, j, k.*, got 'x'"):
        request_class(**files, axis="x")
    with pytest.raises(ConfigError, match="device must be one of auto, cpu, cuda, got 'gpu'"):
        request_class(**files, device="gpu")


def test_a_batch_needs_a_worker_and_a_device():
    with pytest.raises(ConfigError, match="at least one worker, 0 were asked for"):
        BatchRequest("cases.csv", "out", workers=0)
    with pytest.raises(ConfigError, match="device must be one of"):
        BatchRequest("cases.csv", "out", device="gpu")


def test_there_is_something_to_bring_to_fine_slices():
    with pytest.raises(InputError, match="There are no labels to bring to fine slices"):
        SuperresolveRequest("image.nii.gz", None, "out.nii.gz")


def test_fine_slices_are_more_than_one_for_a_thick_one():
    with pytest.raises(InputError, match="--factor must be at least 2 .* got 1"):
        SuperresolveRequest("image.nii.gz", "labels.nii.gz", "out.nii.gz", factor=1)


@pytest.mark.parametrize(
    ("files", "missing"), [({"image": "i.nii.gz"}, "--truth"), ({"truth": "t.nii.gz"}, "--image")]
)
def test_a_demo_needs_image_and_truth_together(files, missing):
    with pytest.raises(InputError, match=f"{missing} is missing; name both or neither"):
        DemoRequest("demo", **files)
