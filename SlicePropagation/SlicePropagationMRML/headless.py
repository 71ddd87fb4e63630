"""The command line inside Slicer without a window.

    Slicer --no-splash --no-main-window --python-script
    SlicePropagation/SlicePropagationMRML/headless.py -- propagate …

Runs under any Python, too; the code is that of `slice-propagation`.
"""

import sys
from pathlib import Path


def addLibraryPath() -> None:
    """Make `SlicePropagationLib` importable.

    In a checkout it lies two folders up, in an installed module one.
    """
    here = Path(__file__).resolve()
    for folder in (here.parents[1], here.parents[2]):
        if (folder / "SlicePropagationLib").is_dir() and str(folder) not in sys.path:
            sys.path.append(str(folder))


def ownArguments(arguments: list[str]) -> list[str]:
    """What stands behind `--`, or all of it when there is no `--`."""
    return arguments[arguments.index("--") + 1 :] if "--" in arguments else arguments


def main(arguments: list[str]) -> int:
    """Run the command line; returns its exit code."""
    addLibraryPath()
    from SlicePropagationLib.commands.main import main as commandLine

    return commandLine(ownArguments(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
