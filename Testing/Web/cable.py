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
        _, port = self._listener.getsockname()
        self.address = f"http://127.0.0.1:{port}/?{self._target.query}"
        _in_thread(self._accept)

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
            target = (self._target.hostname, self._target.port)
            theirs = socket.create_connection(target)
            self._ends += [ours, theirs]
            _in_thread(_pass_on, ours, theirs)
            _in_thread(_pass_on, theirs, ours)


def _in_thread(function, *arguments):
    thread = threading.Thread(
        target=function,
        args=arguments,
        daemon=True,
    )
    thread.start()


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
