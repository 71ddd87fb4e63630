"""The page in Firefox, which Playwright cannot drive as it is installed: over WebDriver BiDi.

`python Testing/Web/firefox.py OUT` starts the program and Firefox, opens the sample, draws a stroke with the
mouse and propagates it. It writes pictures into OUT, says what it saw, and fails where the page does.
"""

import argparse
import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import aiohttp
from program import Program

NAMES = ("firefox-esr", "firefox")
SIZE = {"width": 1440, "height": 900}
PATIENCE_S = 120
MIDDLE = """(selector) => {
  const box = document.querySelector(selector)?.getBoundingClientRect();
  return box && box.width ? [box.x + box.width / 2, box.y + box.height / 2, box.width] : null;
}"""
KINDS = "() => [...document.querySelectorAll('[data-slice]')].map((cell) => cell.className)"
BLACK = """() => {
  const image = document.querySelector('img.image-display-area');
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0, 64, 64);
  return pen.getImageData(0, 0, 64, 64).data.every((value, place) => place % 4 === 3 || value < 8);
}"""


class Firefox:
    """One tab of Firefox.

    Args:
        socket: that its WebDriver BiDi listens at.
    """

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)
        self.problems = []

    async def give(self, method, **values):
        """Give a command of WebDriver BiDi; returns its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": values})
        while True:
            said = json.loads(await self._socket.receive_str(timeout=PATIENCE_S))
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.problems.append(said["params"]["text"])
            if said.get("id") == number:
                if said["type"] == "error":
                    raise RuntimeError(f"{method}: {said['message']}")
                return said["result"]

    async def begin(self, address):
        """Open an address in the tab that is there."""
        await self.give("session.new", capabilities={})
        await self.give("session.subscribe", events=["log.entryAdded"])
        tree = await self.give("browsingContext.getTree")
        self.tab = tree["contexts"][0]["context"]
        await self.give("browsingContext.setViewport", context=self.tab, viewport=SIZE)
        await self.give("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    async def ask(self, function, *arguments):
        """What a function returns in the page."""
        text = f"JSON.stringify(({function})(...{json.dumps(arguments)}) ?? null)"
        where = {"context": self.tab}
        found = await self.give(
            "script.evaluate", expression=text, target=where, awaitPromise=False
        )
        return json.loads(found["result"]["value"])

    async def wait(self, what, function, *arguments):
        """Wait until a function returns something true in the page."""
        for _ in range(4 * PATIENCE_S):
            found = await self.ask(function, *arguments)
            if found:
                return found
            await asyncio.sleep(0.25)
        raise TimeoutError(f"{what} did not come within {PATIENCE_S} s.")

    async def point(self, *actions):
        """Move and press the mouse."""
        mouse = {"type": "pointer", "id": "mouse", "actions": list(actions)}
        await self.give("input.performActions", context=self.tab, actions=[mouse])

    async def click(self, selector):
        x, y, _ = await self.wait(selector, MIDDLE, selector)
        await self.point(move(x, y), DOWN, UP)

    async def picture(self, path):
        shot = await self.give("browsingContext.captureScreenshot", context=self.tab)
        path.write_bytes(base64.b64decode(shot["data"]))


DOWN = {"type": "pointerDown", "button": 0}
UP = {"type": "pointerUp", "button": 0}


def move(x, y):
    return {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 40}


async def work(firefox, address, out):
    """What a person does first at the page."""
    await firefox.begin(address)
    await firefox.click(".sp-welcome .sp-row > .v-btn")
    await firefox.wait("The sample", "() => document.querySelectorAll('[data-slice]').length > 1")
    await firefox.click(".sp-steps-button")
    await firefox.wait("A picture", f"() => !({BLACK})()")
    await asyncio.sleep(2)
    x, y, _ = await firefox.ask(MIDDLE, ".remote-controlled-area")
    await firefox.point(move(x, y), DOWN, *(move(x + 6 * step, y + 4) for step in range(8)), UP)
    is_drawn = f"() => ({KINDS})().some((kind) => kind.includes('sp-seed'))"
    await firefox.wait("A drawn slice", is_drawn)
    await firefox.picture(out / "drawn.png")
    await firefox.click("[data-command=propagate]")
    said = "() => document.querySelector('.sp-message').innerText"
    await firefox.wait("The end of the run", f"() => ({said})().startsWith('Done')")
    print(await firefox.ask(said))
    await firefox.picture(out / "propagated.png")
    kinds = await firefox.ask(KINDS)
    print(f"{sum('sp-propagated' in kind for kind in kinds)} of {len(kinds)} slices propagated")
    print("Errors that the browser told:", firefox.problems or "none")
    assert not firefox.problems


async def drive(name, address, out, profile):
    """Start Firefox, work, and end it."""
    options = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
    process = await asyncio.create_subprocess_exec(name, *options, stderr=subprocess.PIPE)
    try:
        said = ""
        while not (found := re.search(r"BiDi listening on (\S+)", said)):
            said = (await asyncio.wait_for(process.stderr.readline(), PATIENCE_S)).decode()
        async with aiohttp.ClientSession() as session:
            endpoint = f"{found[1]}/session"
            async with session.ws_connect(endpoint, max_msg_size=0) as socket:
                await work(Firefox(socket), address, out)
    finally:
        process.terminate()
        await process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for pictures and results")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    name = next(filter(shutil.which, NAMES), None)
    if name is None:
        raise SystemExit("Firefox is not installed here; on Debian: apt-get install firefox-esr.")
    program = Program(out)
    try:
        with tempfile.TemporaryDirectory() as profile:
            asyncio.run(drive(name, program.address, out, profile))
    finally:
        program.kill()


if __name__ == "__main__":
    main()
