"""Serving the page: address, token, Ctrl-C."""

import asyncio
import os
import socket
import sys
import webbrowser
from pathlib import Path

from vtkmodules.vtkCommonCore import vtkLogger

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.volume import read_image
from SlicePropagationWeb.application import Application
from SlicePropagationWeb.display import check_display
from SlicePropagationWeb.guard import Guard
from SlicePropagationWeb.opening import SAMPLE, read_segmentation, read_with_remarks
from SlicePropagationWeb.transfer import MAX_UPLOAD_BYTES, Transfer
from SlicePropagationWeb.upload_check import KINDS
from SlicePropagationWeb.workspace import Workspace

DEFAULT_PORT = 8642


def serve(
    image,
    out,
    host="127.0.0.1",
    port=None,
    *,
    segmentation=None,
    data=(),
    opens_browser=True,
    max_upload_bytes=MAX_UPLOAD_BYTES,
    report=print,
):
    """Serve the page until Ctrl-C.

    Args:
        image: file, DICOM folder, "sample", or None to begin with an empty page.
        out: folder of results, uploads and the autosave.
        host, port: where to listen; without a port the usual one, or a free one where that is
            taken.
        segmentation: segmentation or label map of the image to go on with, or None.
        data: folders that images may be opened from; that of `image` is among them.
        max_upload_bytes: largest upload.
        report: called with each line for the person at the terminal.

    Raises:
        SlicePropagationError: the image, the folder or the address is unusable; nothing is served.
    """
    port = free_port(host, port)
    application, guard = prepare(
        image,
        out,
        host,
        segmentation=segmentation,
        data=data,
        max_upload_bytes=max_upload_bytes,
    )
    server = application.server

    def announce(**_):
        address = guard.address(host, server.port)
        report(f"Slice Propagation is at {address}  (Ctrl-C ends it)")
        if opens_browser and _has_display():
            webbrowser.open(address)

    server.controller.on_server_ready.add(announce)
    try:
        start(application, host, port)
    finally:
        application.close()
        kept = application.workspace.kept.found()
        report(
            "Ended."
            + (
                f" Unsaved work is kept in {application.workspace.out}; the next start offers it."
                if kept
                else ""
            )
        )


def prepare(
    image,
    out,
    host="127.0.0.1",
    *,
    segmentation=None,
    data=(),
    max_upload_bytes=MAX_UPLOAD_BYTES,
):
    """An application that has not been started yet, and its guard: (Application, Guard).

    Raises:
        SlicePropagationError: the image, the segmentation or the folder is unusable.
    """
    check_display()
    if segmentation is not None:
        if image is None:
            raise ConfigError("A segmentation needs its image: give IMAGE, too.")
        read_segmentation(segmentation, read_with_remarks(image)[0])
    elif image not in (None, SAMPLE):
        read_image(image)
    if image not in (None, SAMPLE):
        data = [*data, image if Path(image).is_dir() else Path(image).resolve().parent]
    workspace = Workspace(out, data)
    guard = Guard(host)
    workspace.check_writable()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    application = Application(workspace)
    transfer = Transfer(
        workspace,
        application.read_upload,
        application.take_upload,
        application.refuse_upload,
        application.tenancy.is_owner,
        max_upload_bytes,
    )

    application.data.upload_text = (
        f"One image ({', '.join(KINDS)}), the DICOM files of a series, or a zip archive of either;"
        " or a segmentation (.seg.nrrd) of the volume that is open. At most"
        f" {max_upload_bytes / 1024**2:.0f} MiB."
    )

    def bind(socket_server, **_):
        asyncio.get_event_loop().set_exception_handler(_report)
        guard.install(socket_server.app)
        transfer.install(socket_server.app)

    application.server.controller.on_server_bind.add(bind)
    application.server.cli.set_defaults(authKey=guard.wire_key, host=host)
    if image is not None:
        application.open_at_start(image, segmentation)
    return application, guard


def start(application, host, port, **options):
    """Run a prepared application's server; returns when it has ended."""
    os.environ["WSLINK_READY_MSG"] = ""  # what wslink prints for its launcher means nothing here
    application.server.start(
        host=host,
        port=port,
        open_browser=False,
        show_connection_info=False,
        timeout=0,
        **options,
    )


def free_port(host, port=None):
    """The port to listen on.

    Raises:
        ConfigError: the address is not this machine's, or the port that was asked for is taken.
    """
    for candidate in (DEFAULT_PORT, 0) if port is None else (port,):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
                return probe.getsockname()[1]
            except OSError as error:
                problem = error
    raise ConfigError(
        f"The page cannot be served at {host}{f', port {port}' if port else ''} ({problem}); choose"
        " another --host or --port."
    )


def _report(loop, context):
    """Log what went wrong in the event loop.

    That a tab was closed while a picture was on its way to it is no news.
    """
    if not isinstance(context.get("exception"), ConnectionResetError):
        loop.default_exception_handler(context)


def _has_display():
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
