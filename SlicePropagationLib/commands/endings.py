"""How a command ends when it does not end well: one sentence, and an exit code."""

import argparse
import logging
import sys
import traceback
from collections.abc import Callable

from SlicePropagationLib.commands.options import INTERRUPTED, UNEXPECTED, UNUSABLE
from SlicePropagationLib.errors import SlicePropagationError, in_one_line

ISSUES = "https://github.com/SlicePropagation/SlicerSlicePropagation/issues"
LONGEST = 500  # characters that an error of another program may have in our sentence
INTERRUPTION = (
    "slice-propagation: interrupted. No half file is left; what train, experiment, evaluate"
    " and batch --resume had finished is not done again."
)


def add_debug(parser: argparse.ArgumentParser, commands: argparse._SubParsersAction) -> None:
    """Let `--debug` stand before the command and behind it."""
    words = "of an unexpected error, show where in the program it happened"
    parser.add_argument("--debug", action="store_true", help=words)
    for command in dict.fromkeys(commands.choices.values()):
        command.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help=words,
        )


def ended(run: Callable[[], int], *, shows_traceback: bool = False) -> int:
    """The exit code of a command; whatever it raises ends in one sentence on stderr.

    Args:
        run: the command.
        shows_traceback: whether an unexpected error shows where it happened, too.
    """
    if shows_traceback:
        logging.getLogger("SlicePropagationLib").setLevel(logging.DEBUG)
    try:
        return run()
    except SlicePropagationError as error:
        say(f"slice-propagation: {error}")
        return UNUSABLE
    except KeyboardInterrupt:
        say(INTERRUPTION)
        return INTERRUPTED
    except Exception as error:
        if shows_traceback:
            traceback.print_exc()
        say(unexpected(error))
        return UNEXPECTED


def unexpected(error: Exception) -> str:
    """What is said of an error that nobody foresaw."""
    if isinstance(error, MemoryError):
        return "slice-propagation: there is not enough memory for this; give a smaller image."
    what = " ".join(in_one_line(error).split())[:LONGEST]
    return (
        f"slice-propagation: an error that should not happen: {what}. Nothing half written is left;"
        f" please report it with this line at {ISSUES}, --debug shows where it happened."
    )


def say(sentence: str) -> None:
    """Print to stderr, where there is one; what it cannot show is spelled out."""
    if sys.stderr is None:  # a program without a console
        return
    coding = getattr(sys.stderr, "encoding", None) or "utf-8"
    print(sentence.encode(coding, "backslashreplace").decode(coding), file=sys.stderr)
