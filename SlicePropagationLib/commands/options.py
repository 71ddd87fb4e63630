"""What several commands share: exit codes, options, what must be installed."""

import argparse
from importlib import util

from SlicePropagationLib.engines import default_engine
from SlicePropagationLib.errors import ConfigError

DONE = 0
SOME_FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended


def add_engine(parser):
    """The options of everything that walks."""
    parser.add_argument(
        "--engine",
        default=default_engine(),
        metavar="NAME|MODEL.pt",
        help="what walks (default here %(default)s; see `slice-propagation engines`)",
    )
    parser.add_argument(
        "--smooth",
        metavar="MODEL.pt",
        help="make the predicted slices agree with their neighbours, with weights of `train birnn`",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--quiet", action="store_true", help="no progress")


def positive(text):
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


def check_packages(what, packages, extra):
    """Refuse a command whose packages are not installed.

    ConfigError names the extra that has them.
    """
    missing = [package for package in packages if util.find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"{what} needs {' and '.join(missing)}, which is not installed; install"
            f" slice-propagation[{extra}]."
        )
