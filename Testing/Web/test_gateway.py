"""What the server takes from a client that sends anything, and what it tells one without the session.

No browser: a browser would not send most of this.
"""

import asyncio

import pytest
from SlicePropagationWeb.allowed_values import PANEL
from wire import Wire, with_session

SIDE = 60_000  # pixels of a view that would take gigabytes


def test_who_has_the_session_learns_the_work_and_gets_pictures(sample):
    async def look(wire):
        await wire.call("trame.rca.size", "Red", "a", {"w": 64, "h": 48, "p": 1})
        while not any("stream" in topic for topic, _ in wire.told):
            await asyncio.sleep(0.05)
        return [content for topic, content in wire.told if "state" in topic]

    states = with_session(sample, look)
    assert any(state.get(f"{PANEL}volume_name") == "the sample" for state in states)


def test_a_second_client_gets_neither_state_nor_pictures(sample):
    async def look(first):
        async with Wire(sample.address) as second:
            state = (await second.call("trame.state.get"))["result"]["state"]
            await second.call("trame.trigger", "enter", ["another"], {})
            refusal = await second.command("sample")
            await first.call("trame.rca.size", "Red", "a", {"w": 64, "h": 48, "p": 1})
            await first.set(f"{PANEL}save_name", "mine")
            await first.command("describe", 3)
            while not any("stream" in topic for topic, _ in first.told):
                await asyncio.sleep(0.05)
            return state, refusal, second.told

    state, refusal, told = with_session(sample, look)
    assert state[f"{PANEL}volume_name"] == ""
    assert state[f"{PANEL}owner"] == "another tab"
    assert not any("SliderState" in key for key in state)
    assert "another tab" in refusal["error"]["message"]
    assert told == []


def test_who_lost_the_session_learns_that_and_no_more(sample):
    lost = ("trame.state.topic", {f"{PANEL}owner": "another tab"})

    async def look(first):
        async with Wire(sample.address) as second:
            await second.take_over("another")
            while lost not in first.told:
                await asyncio.sleep(0.05)
            before = len(first.told)
            await second.set(f"{PANEL}save_name", "theirs")
            await second.call("trame.rca.size", "Red", "a", {"w": 64, "h": 48, "p": 1})
            while not any("stream" in topic for topic, _ in second.told):
                await asyncio.sleep(0.05)
            return first.told[before:]

    assert with_session(sample, look) == []


@pytest.mark.parametrize(
    "key, value",
    [
        (f"{PANEL}plane", "nope"),
        (f"{PANEL}engine", "/etc/passwd"),
        (f"{PANEL}device", "cuda:99"),
        (f"{PANEL}span", [5, -1]),
        (f"{PANEL}span", [0, 10**9]),
        (f"{PANEL}save_suffix", "/../evil"),
        (f"{PANEL}show_3d", "yes"),
        (f"{PANEL}adapts", "always"),
        (f"{PANEL}adapt_reason", ""),
        (f"{PANEL}owner", "me"),
        (f"{PANEL}images", [{"title": "t", "path": "/etc"}]),
        ("trame__template_main", "<b>mine</b>"),
        ("trame__scripts", ["http://evil.example/x.js"]),
        ("Red__SliderState__value", float("nan")),
        ("Red__SliderState__max_value", 1e300),
        (f"{PANEL}threshold", ["a", {}]),
        (f"{PANEL}threshold", [2.0, 1.0]),
        (f"{PANEL}scissors", 77),
        (f"{PANEL}reach", "everywhere"),
        ("new_key", 1),
    ],
)
def test_what_the_page_cannot_set_stays_and_is_said(sample, key, value):
    state = sample.application.server.state
    before = state[key]
    answer = with_session(sample, lambda wire: wire.set(key, value))
    assert "error" in answer
    assert state[key] == before
    assert sample.data.is_error
    assert "cannot be the" in sample.data.message


@pytest.mark.parametrize(
    "name, value",
    [
        ("plane", "nope"),
        ("engine", "/etc/passwd"),
        ("direction", "sideways"),
        ("device", "tpu"),
        ("tool", "hammer"),
        ("segment_id", "nobody"),
        ("span", "all"),
        ("index", "first"),
        ("show_3d", "yes"),
        ("cells", {}),
    ],
)
def test_a_choice_that_there_is_not_is_put_back_whoever_set_it(sample, name, value):
    key = f"{PANEL}{name}"
    state = sample.application.server.state
    before = state[key]
    sample.call(state.__setitem__, key, value)
    assert state[key] == before
    assert "cannot be the" in sample.data.message


def test_the_page_s_words_are_the_program_s_own(sample):
    with_session(sample, lambda wire: wire.set(f"{PANEL}message", "Your licence has ended."))
    assert sample.data.message == "'Your licence has ended.' cannot be the message; it stays ''."


def test_a_good_value_beside_a_bad_one_is_taken(sample):
    good = {"key": f"{PANEL}save_name", "value": "mine"}
    bad = {"key": f"{PANEL}plane", "value": "nope"}
    with_session(sample, lambda wire: wire.call("trame.state.update", [good, bad]))
    assert sample.data.save_name == "mine"
    assert sample.data.plane == "axial"


@pytest.mark.parametrize(
    "name, values",
    [
        ("plane", ["nope"]),
        ("jump", [10**9]),
        ("jump", ["x"]),
        ("jump", []),
        ("choose", ["nobody"]),
        ("remove", [None]),
        ("rename", ["nobody", 3]),
        ("tool", [["paint"]]),
        ("load", [{"a": 1}]),
        ("load", ["/", 3]),
        ("load", ["/etc/\0"]),
        ("describe", [1, 2]),
    ],
)
def test_a_command_with_a_value_that_cannot_be_is_refused_with_a_sentence(sample, name, values):
    with_session(sample, lambda wire: wire.command(name, *values))
    assert sample.data.is_error
    assert sample.data.message.endswith((".", "--data."))
    assert sample.data.plane == "axial"
    assert len(sample.data.segments) == 1


@pytest.mark.parametrize(
    "size",
    [
        {"w": SIDE, "h": SIDE},
        {"w": 100, "h": 100, "p": 1e9},
        {"w": -5, "h": "tall"},
        {"w": float("inf"), "h": 1},
    ],
)
def test_a_view_of_no_possible_size_is_not_drawn(sample, size):
    view = sample.application.views.view("axial")
    before = sample.call(lambda: view.render_window().GetSize())
    answer = with_session(sample, lambda wire: wire.call("trame.rca.size", "Red", "a", size))
    assert "error" in answer
    assert sample.call(lambda: view.render_window().GetSize()) == before


def test_a_large_view_is_drawn_coarser(sample):
    view = sample.application.views.view("axial")
    size = {"w": 8000, "h": 8000, "p": 2}

    async def look(wire):
        await wire.call("trame.rca.size", "Red", "a", size)
        shown = view.render_window().GetSize()
        await wire.call("trame.rca.size", "Red", "a", {"w": 64, "h": 48})
        return shown

    width, height = with_session(sample, look)
    assert 0.9 * 2**24 < width * height <= 2**24


@pytest.mark.parametrize("method", ["application.exit", "trame.rca.push", "trame.force.push"])
def test_a_method_that_the_page_does_not_call_is_refused(sample, method):
    answer = with_session(sample, lambda wire: wire.call(method, "Red", {}, b""))
    assert "no such message" in answer["error"]["message"]


def test_an_error_that_nobody_expected_is_a_toast_and_its_traceback_stays_here(
    sample,
    monkeypatch,
    caplog,
):
    def fail(*_):
        raise RuntimeError("in /home/me/secret.nii")

    monkeypatch.setitem(sample.application._commands, "describe", fail)
    view = sample.application.views.view("axial")
    monkeypatch.setattr(type(view), "reset_view", fail)

    async def look(wire):
        command = await wire.command("describe", 1)
        said = sample.data.message
        sample.data.message = ""
        [reset] = await asyncio.gather(wire.call("trame.trigger", "trigger__1", [], {}))
        return command, said, reset

    command, said, reset = with_session(sample, look)
    assert "unexpected" in said
    assert "secret" not in f"{command} {said} {reset} {sample.data.message}"
    assert "secret.nii" in caplog.text
