"""The trame server of the page, with the files that a browser loads."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trame.app import get_server
from trame_slicer import module as slicer_module

from SlicePropagationWeb.checked_state import shown
from SlicePropagationWeb.dialogs import GONE

if TYPE_CHECKING:
    from trame_server.core import Server

WWW = Path(__file__).with_name("www")
SCRIPTS = (
    "theme",
    "page",
    "pointer_path",
    "brush_canvas",
    "first_pictures",
    "seed_box",
    "first_steps",
    "worklist",
    "drop_files",
)

log = logging.getLogger(__name__)


def make_server() -> "Server":
    """The server, without anything that it shows."""
    server = cast("Server", get_server("slice_propagation", client_type="vue3"))
    server.enable_module(slicer_module)
    server.enable_module(
        {
            "serve": {"slice_propagation": str(WWW)},
            "scripts": [f"slice_propagation/{name}.js" for name in SCRIPTS],
            "styles": ["slice_propagation/theme.css", "slice_propagation/page.css"],
        }
    )
    server.state.trame__template_error = GONE
    server.state.trame__favicon = "slice_propagation/icon.svg"
    server.controller.on_error = _log_browser_error
    return server


def _log_browser_error(message: str) -> None:
    """An error in the browser's own code; the text is the browser's."""
    log.error("In the browser: %s", shown(message))
