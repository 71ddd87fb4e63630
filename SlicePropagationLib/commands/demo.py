"""`demo`: the whole loop on a sample, and a picture."""

import argparse
import sys

from SlicePropagationLib.commands.options import DONE
from SlicePropagationLib.commands.page import find_page
from SlicePropagationLib.errors import ConfigError


def add_demo_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "demo",
        help="the whole loop on a sample: seed, propagate, correct, propagate again, and a picture",
    )
    parser.add_argument("--out", default="demo", help="folder of the results (default %(default)s)")
    parser.add_argument("--headless", action="store_true", help="end after the files are written")
    parser.add_argument("--image")
    parser.add_argument("--truth")
    parser.add_argument("--label", type=int)
    parser.add_argument("--engine", metavar="NAME|MODEL.pt")
    parser.set_defaults(command=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    from SlicePropagationLib.pipelines.demo import DemoRequest, run_demo

    request = DemoRequest(
        out=arguments.out,
        image=arguments.image,
        truth=arguments.truth,
        label=arguments.label,
        engine=arguments.engine,
    )
    run_demo(request)
    if not arguments.headless and sys.stdout.isatty():
        try:
            find_page()(arguments.image or "sample", arguments.out)
        except ConfigError as error:
            print(f"The results are written. {error}", file=sys.stderr)
    return DONE
