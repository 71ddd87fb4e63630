"""A client of the page's own protocol, which sends what no browser would."""

import asyncio
import json
import struct
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import msgpack
from plain_requests import ask, base_of, cookie_of

MESSAGES = "publish:"
PATIENCE = 30  # seconds


def key_of(address):
    """The key of the protocol, which the server hands to who has the token."""
    _, _, text = ask(address, "/paraview/", "POST")
    return json.loads(text)["secret"]


def packed(content):
    """A message as wslink writes it: id, offset and length before it."""
    message = msgpack.packb(content)
    assert message is not None
    return struct.pack("<III", 0, 0, len(message)) + message


class Wire:
    """A connection to the server; use it with `async with`.

    Args:
        address: of the page, with its token.

    Attributes:
        told: [(topic, content)] of what the server told by itself.
        is_open: whether the server still listens.
    """

    def __init__(self, address):
        self._address = address
        self._num_sent = 0
        self._answers = {}
        self.told = []
        self.is_open = False

    async def __aenter__(self):
        self._http = aiohttp.ClientSession(headers=cookie_of(self._address))
        await self.connect()
        return self

    async def __aexit__(self, *_):
        await self._socket.close()
        self._reader.cancel()
        await self._http.close()

    async def connect(self):
        """Connect and greet."""
        address = base_of(self._address).replace("http", "ws") + "ws"
        self._socket = await self._http.ws_connect(address, max_msg_size=0)
        self.is_open = True
        self._reader = asyncio.create_task(self._read())
        key = await asyncio.to_thread(key_of, self._address)
        answer = await self.call("wslink.hello", {"secret": key}, kind="system:c0")
        assert "clientID" in answer["result"]

    async def connect_again(self):
        """Connect once more, after the server closed the connection."""
        self._reader.cancel()
        heard, self._came = self._came, type(self)._came.__get__(self)
        await self.connect()
        self._came = heard

    async def call(self, method, *arguments, kind="rpc"):
        """What the server answers to a call: {"result"} or {"error"}."""
        self._num_sent += 1
        name = f"{kind}:{self._num_sent}"
        answer = self._answers[name] = asyncio.get_running_loop().create_future()
        await self.send({"wslink": "1.0", "id": name, "method": method, "args": list(arguments)})
        return await asyncio.wait_for(answer, PATIENCE)

    async def send(self, content):
        """Send anything at all; bytes go as they are."""
        raw = content if isinstance(content, bytes) else packed(content)
        await self._socket.send_bytes(raw)

    async def command(self, name, *values):
        """Give a command of the page."""
        return await self.call("trame.trigger", "command", [name, *values], {})

    async def set(self, key, value):
        """Set a value of the page's state."""
        return await self.call("trame.state.update", [{"key": key, "value": value}])

    async def take_over(self, tab):
        """Take the session."""
        return await self.call("trame.trigger", "take_over", [tab], {})

    async def _read(self):
        pieces = {}
        async for message in self._socket:
            number, offset, length = struct.unpack_from("<III", message.data)
            content = pieces.setdefault(number, bytearray(length))
            content[offset : offset + len(message.data) - 12] = message.data[12:]
            if offset + len(message.data) - 12 >= length:
                self._came(msgpack.unpackb(bytes(pieces.pop(number))))
        self.is_open = False
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("The server closed the connection."))

    def _came(self, message):
        name = str(message["id"])
        if name.startswith(MESSAGES):
            self.told.append((name.split(":")[1], message["result"]))
        elif name in self._answers and not self._answers[name].done():
            self._answers[name].set_result(message)


def at_the_wire(address, work):
    """What `await work(wire)` returns; in a thread, as Playwright's event loop runs in this one."""

    async def run():
        async with Wire(address) as wire:
            return await asyncio.wait_for(work(wire), 2 * PATIENCE)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()


def with_session(bench, work):
    """What `await work(wire)` returns; the wire has the session."""

    async def begin(wire):
        await wire.take_over("tab of the test")
        return await work(wire)

    return at_the_wire(bench.address, begin)
