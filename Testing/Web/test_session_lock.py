"""One tab has the session.

What another one sends is refused by the server, whatever its page shows.
"""

import time

import numpy as np
import pytest
from at_the_page import SEED, kinds, seed
from web_bench import open_page

# A message as the page's own code sends it, past everything that the page hides or disables.
SEND = (
    "([method, args]) => window.trame.client.getConnection().getSession().call(method,"
    " args).then(() => 'heard', (error) => JSON.stringify(error))"
)


@pytest.fixture
def second(page, bench, browser):
    """A second tab that has been told; the first one has the session."""
    second = open_page(browser, bench.address)
    second.wait_for_selector("text=in use in another tab")
    yield second
    second.close()


def take_over(tab):
    tab.get_by_text("Take over", exact=True).click()
    tab.wait_for_selector("[data-slice]", state="attached")


def test_a_second_tab_is_told_and_can_take_over(page, second):
    assert second.locator("[data-slice]").count() == 0
    take_over(second)
    page.wait_for_selector("text=in use in another tab")
    assert page.locator("[data-slice]").count() == 0


VALUE = {"key": "work__PanelState__sphere", "value": True}
PRESS = {
    "type": "LeftButtonPress",
    "x": 0.5,
    "y": 0.5,
}
MESSAGES = {
    "a command": ["trame.trigger", ["command", ["sample"], {}]],
    "a value": ["trame.state.update", [[VALUE]]],
    "the mouse": ["trame.rca.event", ["view", 0, PRESS]],
    "a start of the server": ["trame.lifecycle.update", ["server_ready"]],
}


@pytest.mark.parametrize("what", MESSAGES)
def test_a_tab_that_lost_the_session_is_not_heard(page, bench, second, what):
    seed(page, bench)
    drawn = bench.masks()
    take_over(second)
    assert "another tab" in page.evaluate(SEND, MESSAGES[what])
    page.wait_for_timeout(800)
    assert np.array_equal(bench.masks(), drawn)
    assert bench.data.sphere is False
    assert kinds(second)[SEED] == "seed"


def test_a_tab_that_never_had_the_session_is_not_heard_and_its_reload_takes_nothing(
    page,
    bench,
    second,
):
    seed(page, bench)
    assert "another tab" in second.evaluate(SEND, MESSAGES["a command"])
    second.reload()
    second.wait_for_selector("text=in use in another tab")
    assert kinds(page)[SEED] == "seed"
    assert bench.drawn_slices() == [SEED]


def test_the_tab_that_took_over_works_on(page, bench, second):
    seed(page, bench)
    take_over(second)
    bench.paint_spleen(second, SEED + 6)
    bench.wait_for_drawn(second, [SEED, SEED + 6])
    second.keyboard.press("Control+z")
    bench.wait_for_drawn(second, [SEED])


def test_when_the_tab_that_had_it_is_closed_another_one_gets_the_session(bench, browser):
    bench.open_sample()
    first = open_page(browser, bench.address)
    first.wait_for_selector("[data-slice]", state="attached")
    first.close()
    wait_for_free(bench)
    second = open_page(browser, bench.address)
    second.wait_for_selector("[data-slice]", state="attached")
    second.close()


def wait_for_free(bench):
    """Wait until the server noticed that the tab is gone."""
    for _ in range(100):
        if bench.application.session_lock.is_free:
            return
        time.sleep(0.1)
    raise AssertionError("The server still waits for the tab that was closed.")
