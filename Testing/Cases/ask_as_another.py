"""Ask the page for the key of its protocol without a token, as another user of the machine.

    python ask_as_another.py PORT

As root it asks as user 65534, otherwise as this user. Prints the answer, or that there was none.
"""

import os
import socket
import sys

NOBODY = 65534
REQUEST = (
    "POST /paraview/ HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n"
    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
)


def ask(port: int) -> str:
    """The whole answer as text."""
    with socket.socket() as connection:  # as bare as this: that user may not read any module
        connection.settimeout(20)
        connection.connect(("127.0.0.1", port))
        connection.sendall(REQUEST.format(port=port).encode())
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer.decode(errors="replace")


if __name__ == "__main__":
    if hasattr(os, "setuid") and os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        print(ask(int(sys.argv[1])))
    except OSError as error:
        print(f"No answer: {error}")
