"""Files packed with gzip, unpacked in large pieces, and no further than somebody reads."""

import zlib
from typing import BinaryIO

MARK = b"\x1f\x8b"  # what a packed file begins with
MOST_PACKED = 1040  # gzip makes a file smaller by no more than this
CHUNK_BYTES = 1 << 18
WITH_HEADER = 47  # zlib's number for gzip or its own; it compares the checksum at the end, too


class PackedFile:
    """The unpacked content of an open file, from its beginning on.

    Args:
        file: open for reading bytes, at its beginning.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = zlib.decompressobj(WITH_HEADER)
        self._input = b""

    def read(self, count: int) -> bytes:
        """The next bytes, fewer where the content ends.

        Raises:
            EOFError, zlib.error: the file is cut off, or damaged.
        """
        content = bytearray(count)
        return bytes(content[: self.readinto(memoryview(content))])

    def readinto(self, view: memoryview) -> int:
        """Fill a buffer; returns how far, which is less than all of it where the content ends.

        Raises:
            EOFError, zlib.error: as of `read`.
        """
        total = 0
        while total < len(view) and self._has_more():
            piece = self._decoder.decompress(self._input, min(len(view) - total, 1 << 22))
            self._input = self._decoder.unconsumed_tail
            view[total : total + len(piece)] = piece
            total += len(piece)
        return total

    def check_end(self) -> None:
        """Compare the checksum, where all of the content was read.

        Raises:
            EOFError, zlib.error: as of `read`.
        """
        self.readinto(memoryview(bytearray(1)))

    def _has_more(self) -> bool:
        """Have packed bytes ready; False at the end of the file."""
        if self._decoder.eof:  # another packed file may follow in the same one
            rest = (self._decoder.unused_data or self._file.read(CHUNK_BYTES)).lstrip(b"\0")
            if not rest.startswith(MARK):
                return False
            self._decoder = zlib.decompressobj(WITH_HEADER)
            self._input = rest
        if not self._input:
            self._input = self._file.read(CHUNK_BYTES)
            if not self._input:
                raise EOFError("the compressed data are cut off")
        return True
