"""Views take turns at drawing: who waits for whom, and how long."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from SlicePropagationWeb import drawing_turns
from SlicePropagationWeb.drawing_turns import DrawingTurns

SOON_S = 0.05


@pytest.fixture
def turns():
    return DrawingTurns()


def run(function):
    """Run a coroutine to its end, in a thread: where Playwright is, a loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, function()).result()


async def draw(turns, name, drawn, seconds=0.0):
    await turns.begin(name)
    drawn.append(name)
    await turns.rest(seconds)
    turns.end()


def order_of(turns, *names):
    """In which order views draw that are asked for in this order at one moment."""
    drawn = []

    async def draw_all():
        await asyncio.gather(*(draw(turns, name, drawn) for name in names))

    run(draw_all)
    return drawn


def test_views_draw_in_the_order_in_which_they_are_asked_for(turns):
    assert order_of(turns, "Green", "Red", "Yellow") == ["Green", "Red", "Yellow"]


def test_the_view_that_a_person_works_in_draws_first(turns):
    turns.work_in("Yellow")
    assert order_of(turns, "Green", "Red", "Yellow") == ["Yellow", "Green", "Red"]


def test_the_view_that_a_person_looks_at_draws_first(turns):
    turns.prefer("Red")
    assert order_of(turns, "Green", "Red") == ["Red", "Green"]


def test_a_view_that_has_waited_long_draws_before_it(turns, monkeypatch):
    monkeypatch.setattr(drawing_turns, "PATIENCE_S", -1.0)
    turns.work_in("Red")
    assert order_of(turns, "Green", "Red") == ["Green", "Red"]


def test_the_rest_after_another_picture_ends_when_the_view_of_the_person_is_asked_for(turns):
    drawn = []

    async def ask_during_the_rest():
        turns.work_in("Red")
        resting = asyncio.create_task(draw(turns, "Green", drawn, seconds=30))
        await asyncio.sleep(SOON_S)
        await asyncio.wait_for(draw(turns, "Red", drawn), 5)
        await resting

    run(ask_during_the_rest)
    assert drawn == ["Green", "Red"]


def test_a_view_in_which_nobody_works_is_left_for_a_while(turns):
    began = monotonic()
    run(lambda: turns.calm("Green"))
    assert monotonic() - began >= drawing_turns.CALM_S


def test_it_is_left_no_longer_once_a_person_works_in_it(turns, monkeypatch):
    monkeypatch.setattr(drawing_turns, "CALM_S", 30)

    async def work_meanwhile():
        calm = asyncio.create_task(turns.calm("Green"))
        await asyncio.sleep(SOON_S)
        turns.work_in("Red")
        await asyncio.sleep(SOON_S)
        assert not calm.done()
        turns.work_in("Green")
        await asyncio.wait_for(calm, 5)

    run(work_meanwhile)


def test_a_view_that_is_given_up_while_it_waits_holds_nobody_up(turns):
    drawn = []

    async def give_up():
        first = asyncio.create_task(draw(turns, "Green", drawn, seconds=SOON_S))
        await asyncio.sleep(0)
        second = asyncio.create_task(draw(turns, "Red", drawn))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait_for(draw(turns, "Yellow", drawn), 5)
        await first

    run(give_up)
    assert drawn == ["Green", "Yellow"]


def test_while_drawing_is_held_back_a_view_draws_once_for_each_act_in_it(turns):
    drawn = []

    async def act_twice():
        turns.hold(30)
        turns.work_in("Red")
        waiting = asyncio.create_task(draw(turns, "Green", drawn))
        await asyncio.wait_for(draw(turns, "Red", drawn), 5)
        unasked = asyncio.create_task(draw(turns, "Red", drawn))
        await asyncio.sleep(SOON_S)
        assert drawn == ["Red"]
        turns.work_in("Red")
        await asyncio.wait_for(unasked, 5)
        assert not waiting.done()
        waiting.cancel()

    run(act_twice)
    assert drawn == ["Red", "Red"]


def test_after_it_the_view_of_the_person_draws_first_however_long_the_others_waited(
    turns, monkeypatch
):
    drawn = []
    monkeypatch.setattr(drawing_turns, "PATIENCE_S", SOON_S / 2)

    async def release():
        turns.prefer("Red")
        turns.hold(30)
        tasks = [asyncio.create_task(draw(turns, name, drawn)) for name in ("Green", "Red")]
        await asyncio.sleep(SOON_S)
        assert drawn == []
        turns.release()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)

    run(release)
    assert drawn == ["Red", "Green"]


def test_drawing_is_held_back_no_longer_than_was_said(turns):
    async def wait_for_the_end():
        turns.hold(SOON_S)
        await asyncio.wait_for(turns.begin("Green"), 5)

    began = monotonic()
    run(wait_for_the_end)
    assert monotonic() - began >= SOON_S
