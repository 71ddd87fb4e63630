"""Serving the page: address, token, Ctrl-C."""

import os
import webbrowser
from pathlib import Path

from SlicePropagationLib.volume import read_image
from SlicePropagationWeb.application import SAMPLE, Application
from SlicePropagationWeb.guard import Guard
from SlicePropagationWeb.transfer import MAX_UPLOAD_BYTES, Transfer
from SlicePropagationWeb.workspace import Workspace


def serve(image, out, host="127.0.0.1", port=0, *, data=(), opens_browser=True, max_upload_bytes=MAX_UPLOAD_BYTES, report=print):
    """Serve the page until Ctrl-C.

    Args:
        image: file, DICOM folder, "sample", or None to begin with an empty page.
        out: folder of results, uploads and the autosave.
        host, port: where to listen; port 0 takes a free one.
        data: folders that images may be opened from; that of `image` is among them.
        max_upload_bytes: largest upload.
        report: called with each line for the person at the terminal.

    Raises:
        SlicePropagationError: the image or the folder is unusable; nothing is served.
    """
    if image not in (None, SAMPLE):
        read_image(image)
        data = [*data, image if Path(image).is_dir() else Path(image).resolve().parent]
    workspace, guard = Workspace(out, data), Guard(host)
    workspace.check_writable()
    application = Application(workspace)
    transfer = Transfer(workspace, application.take_upload, application.refuse_upload, max_upload_bytes)
    server = application.server

    def prepare(socket_server, **_):
        guard.install(socket_server.app)
        transfer.install(socket_server.app)

    def announce(**_):
        address = guard.address(host, server.port)
        report(f"Slice Propagation is at {address}  (Ctrl-C ends it)")
        if opens_browser:
            webbrowser.open(address)

    server.controller.on_server_bind.add(prepare)
    server.controller.on_server_ready.add(announce)
    if image is not None:
        application.open_at_start(image)
    os.environ["WSLINK_READY_MSG"] = ""         # what wslink prints for its launcher means nothing here
    server.cli.set_defaults(authKey=guard.wire_key, host=host)
    try:
        server.start(host=host, port=port, open_browser=False, show_connection_info=False, timeout=0)
    finally:
        application.close()
        kept = workspace.unsaved()
        report("Ended." + (f" Unsaved work is kept in {workspace.out}; the next start offers it." if kept else ""))
