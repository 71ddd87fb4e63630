"""The program as a person starts it, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


class Program:
    """`slice-propagation app …` on a free port.

    Attributes:
        address: what it printed.
    """

    def __init__(self, out, *arguments):
        command = [
            sys.executable,
            "-m",
            "SlicePropagationLib.commands.main",
            "app",
            *arguments,
            "--out",
            str(out),
            "--port",
            "0",
            "--no-browser",
        ]
        self.process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self.lines = []
        self._has_address = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._has_address.wait(90), "\n".join(self.lines)
        self.address = next(
            re.search(r"http://\S+", line).group() for line in self.lines if "is at" in line
        )

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if "is at" in line:
                self._has_address.set()
        self._has_address.set()

    def interrupt(self):
        """Press Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self._reader.join(10)
        return code

    def kill(self):
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(30)
