"""Pictures as PNG files that say which program wrote them; nothing but zlib is needed."""

import struct
import zlib
from pathlib import Path

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SOFTWARE = b"Software\0slice-propagation"
HEAD_BYTES = 256  # of a file of ours, which hold the name of the program
TRUE_COLOUR = 2
LEVEL = 4  # of zlib; more takes longer than it saves
ROWS_ABOVE = 2  # PNG's filter "Up": each row as its difference from the one above


def write_png(path: Path | str, picture: np.ndarray) -> None:
    """Write a picture.

    Args:
        path: of the file.
        picture: (H, W, 3) uint8, red, green, blue.
    """
    height, width, _ = picture.shape
    header = struct.pack(">IIBBBBB", width, height, 8, TRUE_COLOUR, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"tEXt", SOFTWARE),
        (b"IDAT", zlib.compress(_filtered(picture), LEVEL)),
        (b"IEND", b""),
    ]
    content = b"".join(_chunk(kind, data) for kind, data in chunks)
    Path(path).write_bytes(SIGNATURE + content)


def is_our_png(path: Path | str) -> bool:
    """Whether a file is a picture that `write_png` wrote; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return head.startswith(SIGNATURE) and SOFTWARE in head


def _filtered(picture: np.ndarray) -> bytes:
    """The rows of a picture as PNG compresses them: a filter's number before each."""
    rows = picture.reshape(len(picture), -1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    numbers = np.full((len(rows), 1), ROWS_ABOVE, np.uint8)
    return np.hstack([numbers, rows - above]).tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
