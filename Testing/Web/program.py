"""The program as a person starts it, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = "SlicePropagationLib.commands.main"


def command(*arguments):
    """What starts a command of the program."""
    return [sys.executable, "-m", MODULE, *map(str, arguments)]


def environment(*first):
    """What a process finds our packages by: this checkout, whatever is installed.

    Args:
        first: folders that come before it.
    """
    sources = [
        *first,
        CHECKOUT,
        CHECKOUT / "SlicePropagation",
        os.environ.get("PYTHONPATH"),
    ]
    named = [str(source) for source in sources if source]
    ours = {
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(named),
    }
    return os.environ | ours


def run_command(*arguments, timeout=120):
    """Run a command of the program until it ends; returns the CompletedProcess, with texts."""
    return subprocess.run(
        command(*arguments),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=timeout,
    )


class Program:
    """`slice-propagation app …` on a free port, unless the arguments name one.

    Args:
        out: its folder of results.
        arguments: of the command, besides.
        folder: that it is started in.

    Attributes:
        address: what it printed.
    """

    def __init__(self, out, *arguments, folder=CHECKOUT):
        self.process = subprocess.Popen(
            command("app", "--port", 0, *arguments, "--out", out, "--no-browser"),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        self.lines = []
        self._has_address = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._has_address.wait(90)
        said = "\n".join(self.lines)
        found = re.search(r"is at (https?://\S+)", said)
        if found is None:
            self.kill()  # nobody else knows of it
        assert found is not None, said
        self.address = found[1]

    def _read(self):
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if "is at" in line:
                self._has_address.set()
        self._has_address.set()

    def interrupt(self):
        """Press Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()  # nobody else knows of it
            raise
        self._reader.join(10)
        return code

    def kill(self):
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(30)
