"""File names that cannot be written as text: some systems keep names in other encodings."""

from pathlib import Path

from SlicePropagationLib.errors import InputError


def is_text(name: Path | str) -> bool:
    """Whether a name can be shown, stored in a record, and given to the libraries that read files."""
    try:
        str(name).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_name(name: Path | str) -> None:
    r"""Refuse a file name that is not UTF-8.

    Raises:
        InputError: it is not; the message shows its odd bytes as \x..
    """
    if not is_text(name):
        content = str(name).encode("utf-8", "surrogateescape")
        shown = content.decode("utf-8", "backslashreplace")
        raise InputError(f"The file name '{shown}' is not UTF-8; rename the file or its folder.")
