"""Serving the page: address, token, Ctrl-C."""

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vtkmodules.vtkCommonCore import vtkLogger

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.urls import is_url
from SlicePropagationWeb.application import Application
from SlicePropagationWeb.begun_reading import FirstImage
from SlicePropagationWeb.case_claims import claims_of
from SlicePropagationWeb.case_routes import CaseRoutes
from SlicePropagationWeb.display import check_display
from SlicePropagationWeb.encryption import encryption
from SlicePropagationWeb.guard import Guard, is_local
from SlicePropagationWeb.limits import DEFAULT_PORT, MAX_UPLOAD_BYTES
from SlicePropagationWeb.private_link import open_browser, remove_links
from SlicePropagationWeb.start_checks import check_folders, check_readable, folders_of, worklist_of
from SlicePropagationWeb.terminal import make_log_visible, tell_bad_requests_shortly
from SlicePropagationWeb.thumbnails import Thumbnails
from SlicePropagationWeb.transfer import Transfer
from SlicePropagationWeb.upload_check import KINDS
from SlicePropagationWeb.workspace import Workspace

LINK_SECONDS = 60  # that a browser may take to start


def serve(
    image: Path | str | None,
    out: Path | str,
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
    report: Callable[[str], None] = print,
    first: FirstImage | None = None,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        image: file, DICOM folder, "sample", or None to begin with an empty page.
        out: folder of results, uploads and the autosave.
        host: where to listen.
        port: where to listen; None for the usual one, or a free one where that is taken.
        segmentation: segmentation or label map of the image to go on with, or None.
        cases: table or folder of a worklist, or None.
        results: folder that `batch` wrote to, or None for `out` and the folder of the table.
        annotator: what others who share the worklist see; None for the name of the account.
        data: folders that images may be opened from; that of `image` is among them.
        opens_browser: whether to open a browser, where there is a screen.
        max_upload_bytes: largest upload.
        demands_token: whether only who has the token of the printed address may come in.
        certificate: PEM file; with it the page talks TLS.
        key: PEM file of its private key; None where the certificate's file holds it.
        report: called with each line for the person at the terminal.
        first: the image, where it is being read already.

    Raises:
        SlicePropagationError: the image, the folder or the address is unusable; nothing is served.
    """
    make_log_visible()
    port = free_port(host, port)
    application, guard = prepare(
        image,
        out,
        host,
        segmentation=segmentation,
        cases=cases,
        results=results,
        annotator=annotator,
        data=data,
        max_upload_bytes=max_upload_bytes,
        demands_token=demands_token,
        certificate=certificate,
        key=key,
        first=first,
    )
    server = application.server

    def announce(**_: Any) -> None:
        address = guard.address(host, server.port)
        report(f"Slice Propagation is at {address}  (Ctrl-C ends it)")
        if guard.token is None:
            report(_open_to(host))
        if opens_browser and _has_display():
            _open_browser(address, application.workspace.out)

    server.controller.on_server_ready.add(announce)
    try:
        start(application, host, port)
    finally:
        remove_links(application.workspace.out)
        application.close()
        application.workspace.release()
        report(_farewell(application.workspace))


def _open_to(host: str) -> str:
    """Who else can come in where no token is asked for."""
    who = "every account of this machine" if is_local(host) else "whoever reaches this machine"
    return f"No token is asked for: {who} can see and change what is open, and download results."


def _open_browser(address: str, folder: Path) -> None:
    if open_browser(address, folder) is not None:
        asyncio.get_event_loop().call_later(LINK_SECONDS, remove_links, folder)


def _farewell(workspace: Workspace) -> str:
    if workspace.recovery.offered() is None:
        return "Ended."
    return f"Ended. Unsaved work is kept in {workspace.out}; the next start offers it."


def prepare(
    image: Path | str | None,
    out: Path | str,
    host: str = "127.0.0.1",
    *,
    segmentation: Path | str | None = None,
    cases: Path | str | None = None,
    results: Path | str | None = None,
    annotator: str | None = None,
    data: Sequence[Path | str] = (),
    max_upload_bytes: int = MAX_UPLOAD_BYTES,
    demands_token: bool = True,
    certificate: Path | str | None = None,
    key: Path | str | None = None,
    first: FirstImage | None = None,
) -> tuple[Application, Guard]:
    """An application that has not been started yet, and its guard.

    Args:
        image: as of `serve`, like all that follow.
        out: folder of results, uploads and the autosave.
        host: where it will listen.
        segmentation: of the image, to go on with, or None.
        cases: of a worklist, or None.
        results: of `batch`, or None.
        annotator: what others see, or None.
        data: folders that images may be opened from.
        max_upload_bytes: largest upload.
        demands_token: whether only who has the token may come in.
        certificate: PEM file, or None.
        key: PEM file of its private key, or None.
        first: the image, where it is being read already.

    Raises:
        SlicePropagationError: the image, the segmentation, the folder or the certificate is
            unusable.
    """
    check_display()
    context = encryption(certificate, key)
    check_folders(out, data)
    worklist = worklist_of(image, cases, [results] if results else [out])
    if first is None and image is not None:
        first = FirstImage(image)
    check_readable(first, segmentation)
    folders = [*data, *folders_of(image), *folders_of(cases)]
    workspace = Workspace(
        out,
        folders,
        str(image) if is_url(image or "") else None,
        may_fetch=demands_token and is_local(host),
    )
    guard = Guard(host, demands_token=demands_token, is_encrypted=context is not None)
    workspace.check_writable()
    remove_links(workspace.out)  # of a start that a crash ended
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    application = Application(workspace, worklist, claims_of(cases, annotator))
    application.data.upload_text = _upload_text(max_upload_bytes)
    application.data.may_fetch = workspace.may_fetch
    _install(application, guard, _transfer(application, max_upload_bytes), context)
    application.server.cli.set_defaults(authKey=guard.wire_key, host=host)
    if first is not None:
        application.files.open_at_start(first, segmentation)
    application.server.controller.on_server_ready.add(lambda **_: application.begin())
    return application, guard


def _upload_text(max_upload_bytes: int) -> str:
    return (
        f"One image ({', '.join(KINDS)}), the DICOM files of a series, or a zip archive of either;"
        " or a segmentation (.seg.nrrd) of the volume that is open. At most"
        f" {max_upload_bytes / 1024**2:.0f} MiB."
    )


def _transfer(application: Application, max_upload_bytes: int) -> Transfer:
    return Transfer(
        application.workspace,
        application.uploads.read,
        application.uploads.take,
        application.uploads.refuse,
        application.files.offer_choice,
        application.session_lock.is_owner,
        max_upload_bytes,
    )


def _install(
    application: Application,
    guard: Guard,
    transfer: Transfer,
    context: ssl.SSLContext | None,
) -> None:
    """Have every request checked, and files served, once there is a web server."""
    thumbnails = Thumbnails(application.workspace.recovery.folder)
    is_owner = application.session_lock.is_owner
    routes = CaseRoutes(application.cases.work.cases, thumbnails, is_owner)

    def bind(socket_server: Any, **_: Any) -> None:
        socket_server.config["ssl"] = context
        asyncio.get_event_loop().set_exception_handler(_report)
        tell_bad_requests_shortly()
        guard.install(socket_server.app)
        transfer.install(socket_server.app)
        routes.install(socket_server.app)

    application.server.controller.on_server_bind.add(bind)


def start(application: Application, host: str, port: int, **options: Any) -> None:
    """Run a prepared application's server; returns when it has ended.

    Args:
        application: what `prepare` returned.
        host: where to listen.
        port: where to listen.
        options: of `trame_server.core.Server.start`.
    """
    os.environ["WSLINK_READY_MSG"] = ""  # what wslink prints for its launcher means nothing here
    application.server.start(
        host=host,
        port=port,
        open_browser=False,
        show_connection_info=False,
        timeout=0,
        **options,
    )


def free_port(host: str, port: int | None = None) -> int:
    """The port to listen on.

    Args:
        host: where to listen.
        port: what was asked for; None for the usual one, or a free one where that is taken.

    Raises:
        ConfigError: the address is not this machine's, or the port that was asked for is taken.
    """
    problem: OSError | None = None
    for candidate in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return _bound_port(host, candidate)
        except OSError as error:
            problem = error
    asked = f", port {port}" if port else ""
    raise ConfigError(
        f"The page cannot be served at {host}{asked} ({problem}); choose another --host or --port."
    )


def _bound_port(host: str, port: int) -> int:
    """Try a port; 0 finds one that is free.

    OSError where it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return probe.getsockname()[1]


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what went wrong in the event loop.

    That a tab was closed while a picture was on its way to it is no news.
    """
    if not isinstance(context.get("exception"), ConnectionResetError):
        loop.default_exception_handler(context)


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
