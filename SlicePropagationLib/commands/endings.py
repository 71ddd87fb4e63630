"""How a command ends when it does not end well: one sentence, and an exit code."""

import argparse
import contextlib
import errno
import logging
import os
import sys
import traceback
from collections.abc import Callable

from SlicePropagationLib.commands.options import INTERRUPTED, UNEXPECTED, UNREAD, UNUSABLE
from SlicePropagationLib.errors import SlicePropagationError, in_one_line

ISSUES = "https://github.com/SlicePropagation/SlicerSlicePropagation/issues"
LONGEST = 500  # characters that an error of another program may have in our sentence
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
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
    except BrokenPipeError:
        drop_output()
        return UNREAD
    except Exception as error:
        if is_full(error):
            say(f"slice-propagation: there is no space left to write to ({error}); free some.")
            return UNUSABLE
        if shows_traceback:
            traceback.print_exc()
        say(unexpected(error))
        return UNEXPECTED


def flushed(code: int) -> int:
    """The exit code of a command once all that it printed is written; Python itself would fail late."""

    def flush() -> int:
        if sys.stdout is not None:
            sys.stdout.flush()
        return code

    ending = ended(flush)
    if ending != code:
        drop_output()
    return ending


def drop_output() -> None:
    """Have what is left to be printed go nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def is_full(error: Exception) -> bool:
    """Whether an error says that a disk, or somebody's part of one, is full."""
    return isinstance(error, OSError) and error.errno in FULL


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
