"""Files to and from the browser over plain HTTP: uploads limited in size and kind, downloads of results only."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from aiohttp import web

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.volume import read_volume
from SlicePropagationWeb.workspace import IMAGE_SUFFIXES

MAX_UPLOAD_BYTES = 4 * 1024 ** 3
MAX_FILES = 5000
CHUNK_BYTES = 1 << 20


class Transfer:
    """The routes `/upload` and `/download/NAME`.

    Args:
        workspace: the Workspace.
        on_image: awaited with (path, library `Volume`) of an uploaded image that could be read.
        on_refusal: called with the sentence that says why an upload was refused.
        max_bytes: of one upload, all files together.
    """

    def __init__(self, workspace, on_image, on_refusal, max_bytes=MAX_UPLOAD_BYTES):
        self._workspace, self._on_image, self._on_refusal, self._max_bytes = workspace, on_image, on_refusal, max_bytes

    def install(self, application):
        """Add the routes to an aiohttp application that has not started yet."""
        application.router.add_post("/upload", self._upload)
        application.router.add_get("/download/{name}", self._download)

    async def _upload(self, request):
        self._workspace.uploads.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._workspace.uploads))
        try:
            if (request.content_length or 0) > self._max_bytes + CHUNK_BYTES:
                raise InputError(self._too_large())
            names = await self._receive(request, folder)
            source = folder / names[0] if len(names) == 1 and not _is_dicom(folder / names[0]) else folder
            await asyncio.to_thread(read_volume, source)
            final = self._settle(folder, names, source)
            await self._on_image(final, await asyncio.to_thread(read_volume, final))
        except SlicePropagationError as error:
            reason = str(error).replace(str(folder), "").replace(" /", " ").strip()
            self._on_refusal(reason)
            return web.json_response({"error": reason}, status=413 if "larger" in reason else 415)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return web.json_response({"name": final.name})

    async def _receive(self, request, folder):
        """Store the files of a form; returns their names."""
        if not request.content_type.startswith("multipart/"):
            raise InputError("An upload is a form with files; use the Open dialog of the page.")
        names, total = [], 0
        async for part in await request.multipart():
            name = Path((part.filename or "").replace("\\", "/")).name
            if not name or name.startswith("."):
                continue
            if len(names) == MAX_FILES:
                raise InputError(f"The upload has more than {MAX_FILES} files; upload one volume.")
            with open(folder / name, "wb") as file:
                while chunk := await part.read_chunk(CHUNK_BYTES):
                    total += len(chunk)
                    if total > self._max_bytes:
                        raise InputError(self._too_large())
                    file.write(chunk)
            self._check_kind(folder / name)
            names.append(name)
        if not names:
            raise InputError("The upload has no file; choose an image or a folder of DICOM files.")
        return names

    def _settle(self, folder, names, source):
        """Move what was received to its place, under a name that is free."""
        stem = names[0] if source != folder else "DICOM"
        target, number = self._workspace.uploads / stem, 1
        while target.exists():
            number += 1
            target = self._workspace.uploads / f"{number}-{stem}"
        source.rename(target)
        if source == folder:
            target.chmod(0o755)
        return target

    def _too_large(self):
        return f"The upload is larger than {self._max_bytes / 1024 ** 2:.0f} MiB; open the file from a folder given as --data instead."

    def _check_kind(self, path):
        if not path.name.lower().endswith(IMAGE_SUFFIXES) and not _is_dicom(path):
            raise InputError(f"'{path.name}' is not a kind of image that is read here; use {', '.join(IMAGE_SUFFIXES)} or DICOM files.")

    async def _download(self, request):
        path = self._workspace.download_path(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound(text="There is no such result.\n")
        return web.FileResponse(path, headers={"Content-Disposition": f'attachment; filename="{path.name}"'})


def _is_dicom(path):
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"
