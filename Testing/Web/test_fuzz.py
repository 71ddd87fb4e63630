"""Messages and requests of any kind leave the page usable, and tell nothing of the machine."""

import asyncio
import random

from plain_requests import ask
from SlicePropagationWeb.allowed_values import PANEL
from SlicePropagationWeb.transfer import TAB_HEADER
from wire import packed, with_session

NUM_MESSAGES = 400
NUM_REQUESTS = 250
FORM = b'Content-Disposition: form-data; name="file"; filename="a.nii"'
BODIES = [b"", b"x", b"--x\r\n", b"--x--\r\n", b"--x\r\n" + FORM, b"--x\r\n" + FORM + b"\r\n\r\n\0"]
TELLING = ("Traceback", "site-packages", 'File "', "/SlicePropagation")


def noise(source):
    """A value of any kind."""
    kinds = [
        None,
        True,
        source.randint(-(2**40), 2**40),
        source.choice([float("nan"), float("inf"), -1e300, 0.5]),
        "".join(chr(source.choice([0, 27, 65, 0x202E, 0xE9, 0x1F600])) for _ in range(9)),
        "../" * 9 + "etc/passwd",
        bytes(source.randrange(256) for _ in range(9)),
        [source.randint(0, 9), "x"],
        {"key": "trame__template_main", "value": "<b>"},
    ]
    return source.choice(kinds)


def message(source, number):
    """A message that is right in some parts and wrong in others; or bytes that are none."""
    if source.random() < 0.05:
        return bytes(source.randrange(256) for _ in range(source.randint(0, 40)))
    methods = [
        "trame.trigger",
        "trame.state.update",
        "trame.rca.event",
        "trame.rca.size",
        "trame.rca.reset",
        "trame.lifecycle.update",
        "trame.error.client",
        "wslink.hello",
        "no.such",
    ]
    commands = ["jump", "tool", "choose", "rename", "toggle", "load", "undo", "confirm", "plane"]
    keys = ["plane", "engine", "span", "save_name", "show_3d", "index", "find", "is_error"]
    change = {"key": PANEL + source.choice(keys), "value": noise(source)}
    event = {"type": source.choice(["MouseMove", "KeyPress", "Boom"]), "x": noise(source), "y": 3}
    arguments = source.choice(
        [
            ["command", [source.choice(commands), noise(source)], {}],
            ["command", noise(source), noise(source)],
            [[change]],
            [noise(source), change],
            ["Red", "a", event],
            ["Red", noise(source), {"w": noise(source), "h": 40}],
            [noise(source) for _ in range(source.randint(0, 4))],
        ]
    )
    content = {"wslink": "1.0", "id": f"rpc:{number}", "method": source.choice(methods)}
    content["args"] = arguments
    if source.random() < 0.1:
        content[source.choice([*content, "kwargs"])] = noise(source)
    return content


def test_messages_of_any_kind_leave_the_page_usable_and_tell_nothing(sample, caplog):
    source = random.Random(18)

    async def send(wire):
        heard = []
        wire._came = lambda came: heard.append(repr(came))
        for number in range(NUM_MESSAGES):
            if not wire.is_open:
                await wire.connect_again()
                await wire.send(packed(taking_over(number)))
            await wire.send(message(source, number))
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        return "\n".join(heard)

    heard = with_session(sample, send)
    assert not any(word in heard for word in TELLING)
    assert "\x1b" not in caplog.text
    with_session(sample, lambda wire: wire.command("jump", 7))
    assert sample.data.index == 7
    assert sample.data.plane == "axial"


def taking_over(number):
    """The wish to have the session, as a message."""
    arguments = ["take_over", ["tab of the test"], {}]
    return {"wslink": "1.0", "id": f"rpc:o{number}", "method": "trame.trigger", "args": arguments}


def test_requests_of_any_kind_are_answered_without_an_error_of_the_server(sample):
    source = random.Random(18)
    signs = [
        "%00",
        "%ff",
        "..",
        "/",
        "%2e",
        "a",
        "?",
        "token=",
        "&",
        "%0a",
        "~",
        "é",
        300 * "b",
        "*",
    ]
    begins = ["/", "/download/", "/upload", "/paraview/", "/ws", "/index.html", "/assets/", "//"]
    for _ in range(NUM_REQUESTS):
        path = source.choice(begins) + "".join(source.choices(signs, k=source.randint(0, 5)))
        path = path.replace("é", "%c3%a9")
        method = source.choice(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "BREW"])
        named = source.choice(
            ["Cookie", "Origin", "Host", "Range", "If-None-Match", "Content-Type"]
        )
        sent = {named: source.choice(["\x01", "a=b; c", "null", "bytes=9-1", "\xff", '"', "[::1"])}
        sent = {name: value.encode("latin-1") for name, value in sent.items()}
        if path.startswith("/upload"):
            sent[TAB_HEADER] = sample.data.owner
            sent["Content-Type"] = source.choice(["multipart/form-data; boundary=x", "multipart/x"])
        status, _, text = ask(sample.address, path, method, sent, source.choice(BODIES))
        assert status < 500, (method, path, sent)
        assert not any(word in text for word in TELLING), (method, path, sent)
