"""Opening a browser so that the other accounts of the machine do not see the token.

They can read the arguments that a browser is started with. So it is started with a file that only
its owner can read, and which leads to the page.
"""

import contextlib
import html
import os
import sys
import tempfile
import webbrowser
from pathlib import Path

NAMED = ".open-"  # hidden: no download either


def open_browser(address: str, folder: Path) -> Path | None:
    """Open an address in the person's browser.

    Args:
        address: with the token.
        folder: that the file goes to; browsers in a sandbox do not see the usual one for such.

    Returns:
        The file, to be removed once the browser has read it; None where none was needed.
    """
    if sys.platform == "win32":  # arguments are not shown to other accounts there
        webbrowser.open(address)
        return None
    handle, name = tempfile.mkstemp(".html", NAMED, folder)  # for its owner only
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_leading_to(address))
    webbrowser.open(Path(name).as_uri())
    return Path(name)


def remove_links(folder: Path) -> None:
    """Remove the files that led to a page."""
    for link in folder.glob(f"{NAMED}*.html"):
        with contextlib.suppress(OSError):
            link.unlink()


def _leading_to(address: str) -> str:
    quoted = html.escape(address)
    return (
        '<!doctype html><meta charset="utf-8"><title>Slice Propagation</title>'
        f'<meta http-equiv="refresh" content="0; url={quoted}">'
        f'<a href="{quoted}">Go on to Slice Propagation</a>\n'
    )
