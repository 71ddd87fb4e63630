"""Commands of packages above the library, found by entry point; the page brings `app`."""

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS_GROUP = "slice_propagation.commands"  # functions that add a command to argparse's
PAGE_GROUP = "slice_propagation.page"  # the function that serves the page
REMEDY = "install the extra: pip install 'slice-propagation[app]'. Or open the files in 3D Slicer."


def add_page_commands(commands: argparse._SubParsersAction) -> None:
    """Add what installed packages bring; `app` is always listed, and says what it lacks."""
    for entry in _entries(COMMANDS_GROUP):
        # Two installations on one path name the same command: the nearer one counts.
        if entry.name not in commands.choices:
            entry.load()(commands)
    if "app" not in commands.choices:
        parser = add_command(
            commands,
            "app",
            "the annotation workflow as a web page",
            "app sample",
            "app image.nii.gz --out annotations",
        )
        parser.add_argument(
            "arguments",
            nargs=argparse.REMAINDER,
            metavar="...",
            help="what the page takes, which is not part of this installation",
        )
        parser.set_defaults(command=lambda arguments: find_page())


def find_page() -> Callable[..., None]:
    """The function that serves the page.

    Raises:
        ConfigError: the page is not part of this installation.
    """
    for entry in _entries(PAGE_GROUP):
        return entry.load()
    raise ConfigError(f"The page is not part of this installation; {REMEDY}")


def _entries(group: str) -> Iterable["EntryPoint"]:
    """What installed packages bring; asked only where a command needs it, as it takes 0.1 s."""
    from importlib.metadata import entry_points

    return entry_points(group=group)
