"""`demo`: the whole loop on a sample, and a picture."""

import argparse
import sys

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import DONE
from SlicePropagationLib.commands.page import find_page
from SlicePropagationLib.errors import ConfigError


def add_demo_command(commands: argparse._SubParsersAction) -> None:
    """Add the command to argparse's subparsers."""
    parser = add_command(
        commands,
        "demo",
        "the whole loop on a sample: seed, propagate, correct, propagate again, and a picture",
        "demo --out demo",
        "demo --out demo --headless --image image.nii.gz --truth truth.nii.gz --label 1",
    )
    parser.add_argument("--out", default="demo", help="folder of the results (default %(default)s)")
    parser.add_argument("--headless", action="store_true", help="end after the files are written")
    parser.add_argument("--image", metavar="I", help="a volume (default: the generated sample)")
    parser.add_argument(
        "--truth",
        metavar="T",
        help="label map of --image with the whole structure (default: that of the sample)",
    )
    parser.add_argument(
        "--label",
        type=int,
        metavar="L",
        help="the structure (default: the sample's spleen, or the largest structure of --truth)",
    )
    parser.add_argument(
        "--engine",
        metavar="NAME|MODEL.pt",
        help="what walks (default: see `slice-propagation engines`)",
    )
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
