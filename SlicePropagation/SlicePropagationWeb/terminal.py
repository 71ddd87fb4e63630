"""What is written to the terminal shows its control signs instead of obeying them.

Names of files and segments, and what browsers send, may hold sequences that a terminal would obey.
"""

import logging

# Turn the writing direction, so that a text reads as another one.
TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F}


def visible(text: str) -> str:
    """A text with its control signs as escapes; lines and tabs stay."""
    return "".join(letter if _is_harmless(letter) else _escaped(letter) for letter in text)


def make_log_visible() -> None:
    """Have all that is logged from now on go through `visible`."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Visible(handler.formatter))


def tell_bad_requests_shortly() -> None:
    """Say of what is sent to the server and is no request that it came, in a line.

    Its traceback says nothing about this program, and whoever reaches the port can send it.
    """
    logging.getLogger("aiohttp.server").addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    from aiohttp.http_exceptions import HttpProcessingError  # of the extra, and there by now

    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        first, *_ = str(error.message).splitlines() or [""]
        record.msg = f"{record.getMessage()}: {first.rstrip(':')}"
        record.args = None
        record.exc_info = None
    return True


class _Visible(logging.Formatter):
    """What another formatter makes, visible."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record, its traceback among them."""
        return visible(self._formatter.format(record))


def _is_harmless(letter: str) -> bool:
    if letter in "\n\t":
        return True
    code = ord(letter)
    return not (code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in TURNS)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
