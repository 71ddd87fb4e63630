"""Files to and from the browser over plain HTTP: uploads limited in size and kind, downloads of results only."""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from aiohttp import web

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationWeb.upload_check import (
    CHUNK_BYTES,
    check_kind,
    drop_clutter,
    free_name,
    is_zip,
    source_of,
    unpack,
)

MAX_UPLOAD_BYTES = 4 * 1024**3
MAX_FILES = 5000
TAB_HEADER = "X-Slice-Propagation-Tab"


class Transfer:
    """The routes `/upload` and `/download/NAME`.

    Args:
        workspace: the Workspace.
        read: awaited with the path of what was received, where it lies for now; returns what
            `on_read` wants, raises a SlicePropagationError where it cannot be used.
        on_read: awaited with (path, what `read` returned, [sentence about what was left out]).
        on_refusal: called with the sentence that says why an upload was refused.
        is_owner: `is_owner(tab)`, whether a browser's tab has the session; others upload nothing.
        max_bytes: of one upload, all files together, packed or not.
    """

    def __init__(self, workspace, read, on_read, on_refusal, is_owner, max_bytes=MAX_UPLOAD_BYTES):
        self._workspace = workspace
        self._read = read
        self._on_read = on_read
        self._on_refusal = on_refusal
        self._is_owner = is_owner
        self._max_bytes = max_bytes

    def install(self, application):
        """Add the routes to an aiohttp application that has not started yet."""
        application.router.add_post("/upload", self._upload)
        application.router.add_get("/download/{name}", self._download)

    async def _upload(self, request):
        if not self._is_owner(request.headers.get(TAB_HEADER, "")):
            return web.json_response(
                {"error": "The session is in use in another tab; take over first."},
                status=409,
            )
        self._workspace.uploads.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._workspace.uploads))
        try:
            if (request.content_length or 0) > self._max_bytes + CHUNK_BYTES:
                raise InputError(self._too_large())
            names, title = await self._receive(request, folder)
            source, left_out = await asyncio.to_thread(self._checked, folder, names)
            opened = await self._read(source)
            if request.transport is None:  # the person cancelled it
                return web.Response(status=499)
            final = self._settle(folder, source, title)
            await self._on_read(final, opened, left_out)
        except SlicePropagationError as error:
            reason = str(error).replace(f"{folder}/", "").replace(str(folder), "what was uploaded")
            self._on_refusal(reason)
            return web.json_response({"error": reason}, status=413 if "larger" in reason else 415)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return web.json_response({"name": final.name})

    async def _receive(self, request, folder):
        """Store the files of a form; returns (their names, what a person calls them together)."""
        if not request.content_type.startswith("multipart/"):
            raise InputError("An upload is a form with files; use the Open dialog of the page.")
        names = []
        total = 0
        title = ""
        async for part in await request.multipart():
            path = PurePosixPath((part.filename or "").replace("\\", "/"))
            if not path.name or path.name.startswith(".") or path.name.upper() == "DICOMDIR":
                continue
            if len(names) == MAX_FILES:
                raise InputError(f"The upload has more than {MAX_FILES} files; upload one volume.")
            names.append(free_name(path.name, names))
            title = title or _title(path)
            with open(folder / names[-1], "wb") as file:
                while chunk := await part.read_chunk(CHUNK_BYTES):
                    total += len(chunk)
                    if total > self._max_bytes:
                        raise InputError(self._too_large())
                    file.write(chunk)
        if not names:
            raise InputError(
                "The upload has no file; choose an image, DICOM files, a folder of them, or a zip"
                " archive."
            )
        return names, title

    def _checked(self, folder, names):
        """Unpack an archive, check every file.

        Returns (what is to be read, [sentence about what was left out]).
        """
        if len(names) == 1 and is_zip(folder / names[0]):
            archive = folder / names[0]
            inside = folder / "inside"
            inside.mkdir()
            names = unpack(archive, inside, self._max_bytes, MAX_FILES)
            archive.unlink()
            folder = inside
            if not names:
                raise InputError(
                    f"The archive '{archive.name}' has no file; put one volume into it."
                )
        names, left_out = drop_clutter(folder, names)
        for name in names:
            check_kind(folder / name)
        return source_of(folder, names), left_out

    def _settle(self, folder, source, title):
        """Move what was received to its place, under a name that is free."""
        stem = title if source.is_dir() else source.name
        target = self._workspace.uploads / stem
        number = 1
        while target.exists():
            number += 1
            target = self._workspace.uploads / f"{number}-{stem}"
        source.rename(target)
        if target.is_dir():
            target.chmod(0o755)
        return target

    def _too_large(self):
        return (
            f"The upload is larger than {self._max_bytes / 1024**2:.0f} MiB; open the file from a"
            " folder given as --data instead."
        )

    async def _download(self, request):
        path = self._workspace.download_path(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound(text="There is no such result.\n")
        return web.FileResponse(
            path,
            headers={"Content-Disposition": f'attachment; filename="{path.name}"'},
        )


def _title(path):
    """The name of a DICOM folder: that of the folder it came from or of its archive, else "DICOM"."""
    name = (
        path.parts[0] if len(path.parts) > 1 else path.stem if path.suffix.lower() == ".zip" else ""
    )
    return re.sub(r"[^A-Za-z0-9 ._-]", "_", name).strip(" .")[:60] or "DICOM"
