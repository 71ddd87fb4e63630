"""What several commands share: exit codes, options, progress, what must be installed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import util
from typing import TYPE_CHECKING, TextIO

from SlicePropagationLib.commands.progress import EpochLines
from SlicePropagationLib.engines import choose_default, default_engine
from SlicePropagationLib.engines.adaptation import ADAPT, FEWEST_SLICES
from SlicePropagationLib.engines.device import DEVICES
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.label_values import values_of
from SlicePropagationLib.files.table import parse_spacing

if TYPE_CHECKING:
    import numpy as np

DONE = 0
SOME_FAILED = 1
UNUSABLE = 2
UNEXPECTED = 3
UNREAD = 141  # what a shell reports where the reader of a pipe is gone
INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended


def add_engine(parser: argparse.ArgumentParser) -> None:
    """The options of everything that walks; `engine_name` reads them."""
    parser.add_argument(
        "--engine",
        metavar="NAME|MODEL.pt",
        help=f"what walks (default here {default_engine()}; see `slice-propagation engines`)",
    )
    parser.add_argument(
        "--smooth",
        metavar="MODEL.pt",
        help=(
            "make the predicted slices agree with their neighbours, with weights of `train birnn`"
            " (default: as the engine predicts them)"
        ),
    )
    parser.add_argument(
        "--adapt",
        action="store_true",
        help=(
            f"where a structure has {FEWEST_SLICES} annotated slices or more, tune a small part of"
            " the network on them before it walks, which takes seconds"
        ),
    )
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def add_image_choice(parser: argparse.ArgumentParser) -> None:
    """What is read of an image that is several, or that does not say how large its pixels are."""
    parser.add_argument(
        "--series",
        metavar="N",
        help=(
            "which volume of a DICOM folder, or channel of an OME-Zarr image, with several; without"
            " it, they are listed"
        ),
    )
    parser.add_argument(
        "--spacing",
        type=spacing,
        metavar="I,J,K",
        help=(
            "sizes of a voxel in mm, for TIFF and PNG files, which do not say them (default: those"
            " of the file)"
        ),
    )


def spacing(text: str) -> tuple[float, float, float]:
    """The sizes of a voxel, for argparse."""
    try:
        return parse_spacing(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_axis(parser: argparse.ArgumentParser) -> None:
    """Along which axis slices are counted."""
    parser.add_argument(
        "--axis",
        default="k",
        choices=("i", "j", "k"),
        help="voxel axis that the slices run along",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where networks run."""
    parser.add_argument(
        "--device",
        default="auto",
        choices=DEVICES,
        help="what networks run on; auto takes a GPU where there is one",
    )


def add_scheduler(parser: argparse.ArgumentParser, what: str) -> None:
    """A Dask cluster in place of processes of this machine.

    Args:
        parser: of the command.
        what: it does, for the help.
    """
    parser.add_argument(
        "--scheduler",
        metavar="tcp://…",
        help=f"a Dask scheduler that {what} (default: --workers on this machine)",
    )


def add_processes(parser: argparse.ArgumentParser, what: str) -> None:
    """How many processes work together, on several GPUs and machines.

    Args:
        parser: of the command.
        what: they do, for the help.
    """
    parser.add_argument(
        "--devices",
        type=positive,
        metavar="N",
        help=f"GPUs, or with --device cpu processes, of each machine that {what} (default: 1)",
    )
    parser.add_argument(
        "--nodes",
        type=positive,
        metavar="N",
        help="machines with as many devices each, on which the same command runs (default: 1)",
    )


def is_first_process(arguments: argparse.Namespace) -> bool:
    """Whether this process tells how it goes: the first of those that work together."""
    if (arguments.devices or 1) * (arguments.nodes or 1) == 1:
        return True
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    return rank_zero_only.rank == 0


def engine_name(arguments: argparse.Namespace) -> str:
    """The engine of `add_engine`'s options, as `make_engine` takes it.

    With whether it learns from annotated slices, and with what smooths it.

    Where none is named it is the default, with a warning if that is not the trained one for want
    of its weights.
    """
    engine = arguments.engine or choose_default()
    if arguments.adapt:
        engine = f"{engine}+{ADAPT}"
    return f"{engine}+{arguments.smooth}" if arguments.smooth else engine


def add_export(parser: argparse.ArgumentParser) -> None:
    """What is written beside a result for other programs; `names` reads it."""
    parser.add_argument(
        "--export",
        metavar="KIND,…",
        help=(
            "also write beside the result: dicom-seg, rtstruct (of DICOM images), stl, obj, ply, or"
            " fine: on slices as thin as pixels are wide (default: none)"
        ),
    )


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


def names(text: str | None) -> tuple[str, ...] | None:
    """The parts of "A,B"; None where the option is not given."""
    return tuple(text.split(",")) if text else None


def check_packages(
    what: str,
    packages: tuple[str, ...],
    extra: str,
) -> None:
    """Refuse a command whose packages are not installed; ConfigError names the extra that has them."""
    missing = [package for package in packages if util.find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"{what} needs {' and '.join(missing)}, which is not installed; install"
            f" slice-propagation[{extra}]."
        )


def check_training_packages() -> None:
    """Refuse to train where a package for that is not installed."""
    check_packages("Training", ("torch", "lightning", "monai"), "train")


def reporter(
    arguments: argparse.Namespace, stream: TextIO | None = None
) -> Callable[[str], None] | None:
    """What a command tells of its trainings: lines on stderr or elsewhere, None with --quiet."""
    if arguments.quiet:
        return None
    return EpochLines(stream or sys.stderr, arguments.max_hours)


def listed(labels: np.ndarray) -> str:
    """The labels that a label map holds, in words."""
    found = values_of(labels)
    return ", ".join(f"label {label}" for label in found) or "nothing was found"
