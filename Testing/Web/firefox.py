"""Firefox, which Playwright cannot drive as a system installs it: over WebDriver BiDi."""

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import aiohttp

NAMES = ("firefox-esr", "firefox")
PREFERENCES = {  # a browser that asks nobody, and saves into its own folder
    "app.normandy.enabled": False,
    "browser.download.folderList": 2,
    "datareporting.policy.dataSubmissionEnabled": False,
    "messaging-system.rsexperimentloader.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
}
PATIENCE_S = 120
START_S = 120
KEYS = {"Control": "\ue009", "Escape": "\ue00c", "End": "\ue010"}
MIDDLE = """(selector) => {
  const found = document.querySelector(selector);
  const box = found && !found.disabled && found.getBoundingClientRect();
  return box && box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
}"""
DOWN = {"type": "pointerDown", "button": 0}
UP = {"type": "pointerUp", "button": 0}


def find_firefox():
    """Path of a Firefox of this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """A headless Firefox with one tab and a profile that nobody has used.

    Args:
        path: of the program.
        size: of the page, in pixels: {"width", "height"}.

    Attributes:
        problems: the errors that the page or its scripts wrote to the console.
        downloads: the folder that it saves into.
    """

    def __init__(self, path, size):
        self.problems = []
        self._numbers = itertools.count(1)
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.downloads = Path(self._profile.name) / "downloads"
        values = PREFERENCES | {"browser.download.dir": str(self.downloads)}
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(values[key])});\n" for key in values]
        (Path(self._profile.name) / "user.js").write_text("".join(lines), encoding="utf-8")
        options = ["--headless", "--no-remote", "--profile", self._profile.name]
        self._process = subprocess.Popen(
            [path, *options, "--remote-debugging-port", "0"], stderr=subprocess.PIPE, text=True
        )
        # A loop of its own: Playwright's runs in the thread of the tests.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._begin(self._listening(), size)
        except BaseException:
            self.close()
            raise

    def _listening(self):
        """Where its WebDriver BiDi listens."""
        found = []

        def read():
            for line in self._process.stderr:
                if not found and (said := re.search(r"BiDi listening on (\S+)", line)):
                    found.append(said[1])

        threading.Thread(target=read, daemon=True).start()
        for _ in range(10 * START_S):
            if found:
                return found[0]
            time.sleep(0.1)
        raise TimeoutError(f"Firefox did not start within {START_S} s.")

    def _begin(self, endpoint, size):
        self._wait(self._connect(f"{endpoint}/session"))
        self.give("session.new", capabilities={})
        self.give("session.subscribe", events=["log.entryAdded"])
        self._tab = self.give("browsingContext.getTree")["contexts"][0]["context"]
        self.give("browsingContext.setViewport", context=self._tab, viewport=size)

    async def _connect(self, address):
        self._client = aiohttp.ClientSession()
        self._socket = await self._client.ws_connect(address, max_msg_size=0)

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    def give(self, method, **values):
        """Give a command of WebDriver BiDi; returns its result."""
        return self._wait(self._give(method, values))

    async def _give(self, method, values):
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": values})
        while True:
            said = json.loads(await self._socket.receive_str())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.problems.append(said["params"]["text"])
            if said.get("id") == number:
                if said["type"] == "error":
                    raise RuntimeError(f"{method}: {said['message']}")
                return said["result"]

    def open(self, address):
        self.give("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def ask(self, function, *arguments):
        """What a function returns in the page."""
        text = f"JSON.stringify(({function})(...{json.dumps(arguments)}) ?? null)"
        where = {"context": self._tab}
        found = self.give("script.evaluate", expression=text, target=where, awaitPromise=False)
        if found["type"] == "exception":
            raise RuntimeError(f"{found['exceptionDetails']['text']}: {function}")
        return json.loads(found["result"]["value"])

    def wait(self, function, *arguments):
        """Wait until a function returns something true in the page, and return that."""
        for _ in range(4 * PATIENCE_S):
            found = self.ask(function, *arguments)
            if found:
                return found
            time.sleep(0.25)
        raise TimeoutError(f"After {PATIENCE_S} s it is not so: {function} of {arguments}")

    def click(self, selector):
        """Click on the middle of an element, once it can be clicked."""
        self.drag([self.wait(MIDDLE, selector)])

    def drag(self, points):
        """Press the mouse at the first of (x, y) points, go through the others and let go."""
        first, *others = (move(x, y) for x, y in points)
        self._act("pointer", "mouse", [first, DOWN, *others, UP])

    def press(self, *keys):
        """Press keys together."""
        values = [KEYS.get(key, key) for key in keys]
        downs = [{"type": "keyDown", "value": value} for value in values]
        ups = [{"type": "keyUp", "value": value} for value in reversed(values)]
        self._act("key", "keyboard", [*downs, *ups])

    def _act(self, kind, name, actions):
        source = {"type": kind, "id": name, "actions": actions}
        self.give("input.performActions", context=self._tab, actions=[source])

    def picture(self, path):
        """Write what the page looks like as a PNG file."""
        shot = self.give("browsingContext.captureScreenshot", context=self._tab)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self._process.terminate()
        self._process.wait(30)
        if hasattr(self, "_client"):
            self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._profile.cleanup()


def move(x, y):
    return {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 40}
