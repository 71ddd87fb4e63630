"""The look at an outline at the resolution of the image: what it sees, changes and leaves alone."""

import logging
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine_phantoms import cylinder, disc, stack_of

from SlicePropagationLib.engines import ENGINES, make_engine, weights_record
from SlicePropagationLib.engines.outline import refiner as library
from SlicePropagationLib.engines.outline.refiner import (
    OutlineRefiner,
    shipped_refiner,
)
from SlicePropagationLib.engines.outline.view import FACTS, MAPS, outline_view
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.networks.outline.config import OutlineUNetConfig
from SlicePropagationLib.networks.outline.outline_unet import OutlineUNet
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

MIDDLE = 10


def refiner(bias=0.0):
    """An untrained one, that adds as much to the log odds everywhere."""
    torch.manual_seed(0)
    network = OutlineUNet(OutlineUNetConfig())
    torch.nn.init.constant_(network.head.bias, bias)
    return OutlineRefiner(network)


def found_disc(radius=6.0):
    """A probability that falls by a factor e a pixel from 0.5 on."""
    rows, columns = np.indices((48, 48)) - 24.0
    distance = radius - np.sqrt(rows**2 + columns**2)
    return (1 / (1 + np.exp(-distance))).astype(np.float32)


@pytest.fixture
def stack():
    return stack_of(cylinder())


@pytest.fixture
def anchors():
    return {MIDDLE: disc(8.0)}


def test_an_untrained_network_changes_nothing(stack, anchors):
    before = found_disc()
    after = refiner().refined(stack, 12, before, anchors)
    assert np.abs(after - before).max() < 0.01
    assert np.array_equal(after >= 0.5, before >= 0.5)


def test_what_it_says_moves_the_outline_and_nothing_far_from_what_was_found(stack, anchors):
    before = found_disc()
    after = refiner(bias=2.0).refined(stack, 12, before, anchors)
    assert np.array_equal(after >= 0.5, found_disc(6.0 + 0.35 * 1.0) >= 0.5)
    window = outline_view(stack, 12, before, anchors).window
    outside = np.ones((48, 48), bool)
    window.crop(outside)[...] = False
    assert np.array_equal(after[outside], before[outside])


def test_a_slice_with_something_on_it_never_becomes_empty(stack, anchors):
    before = np.where(found_disc() > 0.5, np.float32(0.55), np.float32(0.1))
    assert refiner(bias=-50.0).refined(stack, 12, before, anchors) is before


def test_where_nothing_was_found_nothing_is_looked_at(stack, anchors, monkeypatch):
    monkeypatch.setattr(library, "outline_view", None)
    nothing = np.full((48, 48), 0.4, np.float32)
    assert refiner(bias=5.0).refined(stack, 12, nothing, anchors) is nothing


def test_it_sees_intensities_as_they_are_about_the_annotated_outline(stack, anchors):
    view = outline_view(stack, 12, found_disc(), anchors)
    assert view.maps.shape == (len(MAPS), view.window.height, view.window.width)
    inside = view.window.crop(disc(7.0))
    outside = view.window.crop(~disc(9.0))
    image = view.maps[MAPS.index("image")]
    assert image[inside].mean() == pytest.approx(0.9, abs=0.2)
    assert image[outside].mean() == pytest.approx(-0.9, abs=0.2)
    evidence = view.maps[MAPS.index("evidence")]
    assert evidence[inside].mean() > 0.5
    assert evidence[outside].mean() < -0.5


@pytest.mark.parametrize("factor", [1.0, 1000.0, -3.0])
def test_it_sees_the_same_whatever_the_unit_of_the_intensities(stack, anchors, factor):
    images = stack.images * np.float32(factor) + np.float32(50 * factor)
    other = SliceStack(images, stack.spacing_mm)
    here, there = (outline_view(each, 12, found_disc(), anchors) for each in (stack, other))
    sign = np.sign(factor)
    for name in MAPS[:3]:
        number = MAPS.index(name)
        assert there.maps[number] == pytest.approx(sign * here.maps[number], abs=0.02)


def test_it_is_told_how_far_it_is_from_annotated_slices(stack, anchors):
    def facts(index, others):
        view = outline_view(stack, index, found_disc(), anchors | others)
        return dict(zip(FACTS, view.facts.tolist(), strict=True))

    beyond = facts(12, {2: disc(8.0)})
    assert beyond["slices to the nearest anchor"] == 2 / 16
    assert beyond["is between anchors"] == 0
    between = facts(12, {15: np.zeros((48, 48), bool)})
    assert between["is between anchors"] == 1
    assert between["anchors that show the structure"] == pytest.approx(1 / 6)


def test_the_last_slice_of_a_volume_is_its_own_neighbour(stack, anchors):
    view = outline_view(stack, 20, found_disc(), anchors)
    assert np.array_equal(view.maps[0], view.maps[MAPS.index("next image")])


@pytest.fixture
def shipped():
    return make_engine("slice_unet", "cpu")


def test_the_shipped_network_walks_on_from_what_it_found_itself(stack, anchors, shipped):
    run = Run(MIDDLE, (11, 12, 13))
    plain = shipped.without_outline()
    found = list(shipped.walk(stack, run, anchors))
    for index, raw, refined in zip(
        run.targets, plain.walk(stack, run, anchors), found, strict=True
    ):
        expected = shipped_refiner("cpu").refined(stack, index, raw, anchors)
        assert np.array_equal(refined, expected)


def test_between_annotated_slices_what_both_walks_say_together_is_looked_at(
    stack, anchors, shipped
):
    anchors[16] = disc(7.0)
    run, back = Run(MIDDLE, (11, 12)), Run(16, (15, 14, 13, 12))
    plain = shipped.without_outline()
    walks = [list(shipped.walk(stack, each, anchors))[-1] for each in (run, back)]
    raw = [list(plain.walk(stack, each, anchors))[-1] for each in (run, back)]
    assert all(np.array_equal(*pair) for pair in zip(walks, raw, strict=True))
    blended = plain.blend(stack, 12, *raw, (MIDDLE, 16), anchors)
    expected = shipped_refiner("cpu").refined(stack, 12, blended, anchors)
    assert np.array_equal(shipped.blend(stack, 12, *walks, (MIDDLE, 16), anchors), expected)


def test_the_network_of_before_stays_selectable(stack, anchors, shipped):
    before = make_engine("slice_unet_plain", "cpu")
    run = Run(MIDDLE, (11, 12))
    plain = shipped.without_outline()
    for one, other in zip(
        before.walk(stack, run, anchors), plain.walk(stack, run, anchors), strict=True
    ):
        assert np.array_equal(one, other)
    assert before.model_sha256 == shipped.model_sha256
    assert (before.name, shipped.name) == ("slice_unet_plain", "slice_unet")
    assert ENGINES["slice_unet_plain"].is_ready


def test_along_time_outlines_stay_as_they_were_found(stack, anchors, shipped):
    frames = replace(stack, is_time=True)
    run = Run(MIDDLE, (11, 12))
    plain = shipped.without_outline()
    for refined, raw in zip(
        shipped.walk(frames, run, anchors), plain.walk(frames, run, anchors), strict=True
    ):
        assert np.array_equal(refined, raw)


def test_a_result_names_the_weights_that_looked_at_its_outlines(shipped):
    record = weights_record(shipped)
    assert record["outline_sha256"] == shipped_refiner("cpu").model_sha256
    assert "outline_sha256" not in weights_record(shipped.without_outline())
    assert "outline_sha256" not in weights_record(make_engine("registration"))


def test_without_its_weights_that_is_said_once_and_the_walk_goes_on(
    stack, anchors, shipped, monkeypatch, caplog
):
    def nowhere(name):
        raise CheckpointError("The weights {name}.pt are nowhere.", name=name)

    monkeypatch.setattr(library, "find_model", nowhere)
    shipped_refiner.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            found = list(shipped.walk(stack, Run(MIDDLE, (11, 12)), anchors))
    finally:
        shipped_refiner.cache_clear()
    raw = shipped.without_outline().walk(stack, Run(MIDDLE, (11, 12)), anchors)
    assert all(np.array_equal(*pair) for pair in zip(found, raw, strict=True))
    assert [record.getMessage() for record in caplog.records] == [
        "Outlines are not looked at at the resolution of the image: The weights outline_unet.pt are"
        " nowhere."
    ]
