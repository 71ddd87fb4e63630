"""The command `slice-propagation app`, which the command line finds by entry point.

Nothing heavy is imported before the page is served, so that every other command starts as fast as
without the page.
"""

from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.commands.help_text import add_command
from SlicePropagationLib.commands.options import DONE, positive
from SlicePropagationLib.errors import ConfigError
from SlicePropagationWeb.limits import DEFAULT_PORT, MAX_UPLOAD_BYTES, MAX_UPLOAD_MIB
from SlicePropagationWeb.terminal import visible

if TYPE_CHECKING:
    from argparse import Namespace

PACKAGES = {"slicer": "slicer-core", "trame_slicer": "trame-slicer"}  # imported -> installed
REMEDY = "install the extra: pip install 'slice-propagation[app]'. Or open the files in 3D Slicer."


def add_app(commands: Any) -> None:
    """Add the command `app`.

    Args:
        commands: what `argparse.ArgumentParser.add_subparsers` returned.
    """
    parser = add_command(
        commands,
        "app",
        "the annotation workflow as a web page",
        "app sample",
        "app image.nii.gz --segmentation out.seg.nrrd --out annotations",
        "app --cases cases.csv --out annotations --annotator Anna",
    )
    _add_what_is_opened(parser)
    _add_cases(parser)
    _add_where_it_is_served(parser)
    _add_folders(parser)
    parser.set_defaults(command=_app)


def _add_what_is_opened(parser: Any) -> None:
    parser.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help=(
            "image, DICOM folder or URL of an image to open; `sample` for the generated one (default:"
            " it is chosen at the page)"
        ),
    )
    parser.add_argument(
        "--segmentation",
        metavar="FILE",
        help=(
            "segmentation or label map of IMAGE to go on with, such as one that `propagate` or"
            " `batch` wrote (default: an empty one)"
        ),
    )


def _add_cases(parser: Any) -> None:
    parser.add_argument(
        "--cases",
        metavar="CSV|DIR",
        help=(
            "worklist: the table of `batch` (column image, optionally seed, out, series, case), or a"
            " folder of images (default: none)"
        ),
    )
    parser.add_argument(
        "--results",
        metavar="DIR",
        help=(
            "folder that `batch` wrote to, whose results the worklist opens (default: --out, and the"
            " folder of the table)"
        ),
    )
    parser.add_argument(
        "--annotator",
        metavar="NAME",
        help=(
            "what others who work through the same worklist see while you have a case open (default:"
            " the name of your account)"
        ),
    )


def _add_where_it_is_served(parser: Any) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        help=f"port to listen on (default {DEFAULT_PORT}, or a free one)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--no-token",
        action="store_true",
        help="let in whoever reaches the address, as every account of this machine does",
    )
    parser.add_argument(
        "--certificate",
        metavar="FILE",
        help="PEM file of a certificate, with which the page talks TLS (default: no TLS)",
    )
    parser.add_argument(
        "--key",
        metavar="FILE",
        help="PEM file of its private key (default: the file of the certificate holds it)",
    )


def _add_folders(parser: Any) -> None:
    parser.add_argument(
        "--out",
        default="slice-propagation",
        metavar="DIR",
        help="folder of results, uploads and the autosave (default %(default)s)",
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DIR",
        help=(
            "folder that images may be opened from; may be given several times (default: only those of"
            " IMAGE and of uploads)"
        ),
    )
    parser.add_argument(
        "--max-upload",
        type=positive,
        default=MAX_UPLOAD_MIB,
        metavar="MIB",
        help="largest upload (default %(default)s)",
    )


def _app(arguments: "Namespace") -> int:
    serve_page(
        arguments.image,
        arguments.out,
        arguments.host,
        arguments.port,
        segmentation=arguments.segmentation,
        cases=arguments.cases,
        results=arguments.results,
        annotator=arguments.annotator,
        data=arguments.data,
        opens_browser=not arguments.no_browser,
        max_upload_bytes=arguments.max_upload * 1024**2,
        demands_token=not arguments.no_token,
        certificate=arguments.certificate,
        key=arguments.key,
    )
    return DONE


def serve_page(
    image: Path | str | None = None,
    out: Path | str = "slice-propagation",
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    segmentation: Path | str | None = None,
    cases: Path | str | None = None,
    results: Path | str | None = None,
    annotator: str | None = None,
    data: Sequence[Path | str] = (),
    opens_browser: bool = True,
    max_upload_bytes: int = MAX_UPLOAD_BYTES,
    demands_token: bool = True,
    certificate: Path | str | None = None,
    key: Path | str | None = None,
) -> None:
    """Serve the page until Ctrl-C, and print what a person at the terminal is to know.

    The arguments are those of `SlicePropagationWeb.serve.serve`.

    Raises:
        ConfigError: something that the page needs is not installed, or cannot be loaded.
        SlicePropagationError: as `serve` says.
    """
    check_installed()
    try:
        first = import_module("SlicePropagationWeb.begun_reading").FirstImage
        begun = None if image is None else first(image)
        serve = import_module("SlicePropagationWeb.serve").serve
    except ImportError as error:  # a package, or a library that one of them loads
        raise ConfigError(
            f"The page cannot start, since something that it needs cannot be loaded ({error});"
            f" {REMEDY}"
        ) from error
    serve(
        image,
        out,
        host,
        port,
        segmentation=segmentation,
        cases=cases,
        results=results,
        annotator=annotator,
        data=data,
        opens_browser=opens_browser,
        max_upload_bytes=max_upload_bytes,
        demands_token=demands_token,
        certificate=certificate,
        key=key,
        report=_print_line,
        first=begun,
    )


def check_installed() -> None:
    """Refuse to serve without what the page is made of.

    Raises:
        ConfigError: a package is not installed; names it and the extra that has it.
    """
    missing = [name for package, name in PACKAGES.items() if util.find_spec(package) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ConfigError(
            f"The page needs {' and '.join(missing)}, which {verb} not installed; {REMEDY}"
        )


def _print_line(text: str) -> None:
    print(visible(text), flush=True)
