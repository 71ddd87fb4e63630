"""A network cable between the browser and the program that a test can pull and plug in again."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Cable:
    """Passes on what comes to an address of its own.

    Args:
        address: of the program.

    Attributes:
        address: what the browser is to open.
    """

    def __init__(self, address):
        self._target = urlsplit(address)
        self._is_plugged = True
        self._ends = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self):
        """Cut every connection, and take no new one."""
        self._is_plugged = False
        for end in self._ends:
            _hang_up(end)
        self._ends = []

    def plug(self):
        """Take connections again."""
        self._is_plugged = True

    def cut(self):
        """End."""
        self.pull()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            if not self._is_plugged:
                ours.close()
                continue
            theirs = socket.create_connection((self._target.hostname, self._target.port))
            self._ends += [ours, theirs]
            for source, sink in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source, sink):
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    except OSError:  # the cable was pulled
        pass
    for end in (source, sink):
        _hang_up(end)


def _hang_up(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
