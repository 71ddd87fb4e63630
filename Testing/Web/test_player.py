"""Going through the slices, with a clock that is turned by hand: without a browser."""

from types import SimpleNamespace

import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'app'")

from SlicePropagationWeb.player import Player


class Turns:
    """The event loop's timer."""

    def __init__(self):
        self.due = []

    def schedule(self, milliseconds, function):
        self.due.append(function)

    def turn(self):
        due, self.due = self.due, []
        for function in due:
            function()


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def data():
    cells = [{"kind": "empty", "shown": True}] * 10
    for index in (3, 4, 5):
        cells[index] = {"kind": "propagated", "shown": True}
    cells[6] = {"kind": "propagated", "shown": False}
    return SimpleNamespace(index=8, num_slices=10, cells=cells, is_playing=False)


@pytest.fixture
def player(data, turns):
    workflow = SimpleNamespace(jump=lambda index: setattr(data, "index", index))
    return Player(workflow, turns.schedule, data)


def test_steps_end_at_the_first_and_the_last_slice(player, data):
    player.step(5)
    assert data.index == 9
    player.step(-100)
    assert data.index == 0


def test_a_pass_shows_the_slices_of_the_segment_and_ends_at_its_last_one(player, data, turns):
    player.toggle()
    shown = [data.index]
    while data.is_playing:
        turns.turn()
        shown.append(data.index)
    assert shown == [3, 4, 5, 5]


def test_a_pass_goes_on_from_the_slice_that_is_shown(player, data, turns):
    data.index = 4
    player.toggle()
    assert data.index == 4


def test_a_pass_that_was_stopped_does_not_go_on_beside_a_new_one(player, data, turns):
    player.toggle()
    player.stop()
    data.index = 3
    player.toggle()
    turns.turn()
    assert data.index == 4


def test_without_slices_nothing_plays(player, data):
    data.num_slices = 0
    player.toggle()
    player.step(1)
    assert not data.is_playing
