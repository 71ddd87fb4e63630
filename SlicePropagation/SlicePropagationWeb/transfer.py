"""Files to and from the browser over plain HTTP.

Uploads are limited in size and kind; downloads are results only.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath

from aiohttp import BodyPartReader, web

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.series_choice import SeriesChoiceError
from SlicePropagationWeb.limits import MAX_UPLOAD_BYTES
from SlicePropagationWeb.opening import Opened
from SlicePropagationWeb.surprises import unexpected
from SlicePropagationWeb.upload_check import (
    CHUNK_BYTES,
    check_kind,
    drop_clutter,
    free_name,
    is_zip,
    posix_path,
    source_of,
    unpack,
)
from SlicePropagationWeb.upload_size import check_unpacked_size
from SlicePropagationWeb.workspace import Workspace

MAX_FILES = 5000
MAX_TITLE = 60
TAB_HEADER = "X-Slice-Propagation-Tab"
CANCELLED = 499  # no answer is read any more


class Transfer:
    """The routes `/upload` and `/download/NAME`.

    Args:
        workspace: the Workspace.
        read: awaited with the path of what was received, where it lies for now; returns what
            `on_read` wants, raises a SlicePropagationError where it cannot be used.
        on_read: awaited with (path, what `read` returned, [sentence about what was left out]).
        on_refusal: called with the sentence that says why an upload was refused.
        on_choice: called with (path, the SeriesChoiceError) where an upload holds several volumes.
        is_owner: `is_owner(tab)`, whether a browser's tab has the session; others upload nothing.
        max_bytes: of one upload, all files together, packed or not.
    """

    def __init__(
        self,
        workspace: Workspace,
        read: Callable[[Path], Awaitable[Opened]],
        on_read: Callable[[Path, Opened, list[str]], Awaitable[None]],
        on_refusal: Callable[[str], None],
        on_choice: Callable[[Path, SeriesChoiceError], None],
        is_owner: Callable[[str], bool],
        max_bytes: int = MAX_UPLOAD_BYTES,
    ) -> None:
        self._workspace = workspace
        self._read = read
        self._on_read = on_read
        self._on_refusal = on_refusal
        self._on_choice = on_choice
        self._is_owner = is_owner
        self._max_bytes = max_bytes

    def install(self, application: web.Application) -> None:
        """Add the routes to an aiohttp application that has not started yet."""
        application.router.add_post("/upload", self._upload)
        application.router.add_get("/download/{name}", self._download)

    async def _upload(self, request: web.Request) -> web.Response:
        tab = request.headers.get(TAB_HEADER, "")
        if not self._is_owner(tab):
            refusal = {"error": "The session is in use in another tab; take over first."}
            return web.json_response(refusal, status=409)
        uploads = self._workspace.uploads
        uploads.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=uploads))
        try:
            return await self._take(request, folder)
        except SlicePropagationError as error:
            return self._refused(str(error), folder)
        except ConnectionError:  # the browser is gone
            raise
        except OSError as error:
            reason = f"The upload cannot be stored ({error.strerror}); make room and try again."
            return self._refused(reason, folder, status=507)
        except Exception as error:
            return self._refused(unexpected(error), folder, status=500)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _take(
        self,
        request: web.Request,
        folder: Path,
    ) -> web.Response:
        """Receive an upload into a folder, check it, read it, move it to its place, show it."""
        announced = request.content_length or 0
        if announced > self._max_bytes + CHUNK_BYTES:
            raise InputError(self._too_large())
        try:
            names, title = await self._receive(request, folder)
        except ValueError as error:
            raise InputError(
                "The upload is no form that can be read; use the Open dialog of the page."
            ) from error
        source, left_out = await asyncio.to_thread(self._checked, folder, names)
        try:
            opened = await self._read(source)
        except SeriesChoiceError as error:
            final = self._settle(source, title)
            self._on_choice(final, error)
            return web.json_response({"name": final.name})
        if request.transport is None:  # the person cancelled it
            return web.Response(status=CANCELLED)
        final = self._settle(source, title)
        await self._on_read(final, opened, left_out)
        return web.json_response({"name": final.name})

    def _refused(
        self,
        reason: str,
        folder: Path,
        *,
        status: int | None = None,
    ) -> web.Response:
        reason = reason.replace(f"{folder}/", "")
        reason = reason.replace(str(folder), "what was uploaded")
        self._on_refusal(reason)
        status = status or (413 if "larger" in reason else 415)
        return web.json_response({"error": reason}, status=status)

    async def _receive(
        self,
        request: web.Request,
        folder: Path,
    ) -> tuple[list[str], str]:
        """Store the files of a form; returns (their names, what a person calls them together)."""
        if not request.content_type.startswith("multipart/"):
            raise InputError("An upload is a form with files; use the Open dialog of the page.")
        names: list[str] = []
        room = self._max_bytes
        title = ""
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            path = posix_path(part.filename or "")
            if _is_clutter(path.name):
                continue
            if len(names) == MAX_FILES:
                raise InputError(f"The upload has more than {MAX_FILES} files; upload one volume.")
            name = free_name(path.name, names)
            names.append(name)
            title = title or _title(path)
            room -= await self._store(part, folder / name, room)
        if not names:
            raise InputError(
                "The upload has no file; choose an image, DICOM files, a folder of them, or a zip"
                " archive."
            )
        return names, title

    async def _store(
        self,
        part: BodyPartReader,
        path: Path,
        room: int,
    ) -> int:
        """Write one file of a form as it comes, up to so many bytes; returns how many came."""
        total = 0
        with open(path, "wb") as file:
            while chunk := await part.read_chunk(CHUNK_BYTES):
                total += len(chunk)
                if total > room:
                    raise InputError(self._too_large())
                file.write(chunk)
        return total

    def _checked(
        self,
        folder: Path,
        names: Sequence[str],
    ) -> tuple[Path, list[str]]:
        """Unpack an archive, check every file.

        Returns:
            (what is to be read, [sentence about what was left out]).
        """
        first = folder / names[0]
        if len(names) == 1 and is_zip(first):
            folder, names = self._unpacked(first)
        names, left_out = drop_clutter(folder, names)
        for name in names:
            check_kind(folder / name)
        check_unpacked_size([folder / name for name in names], self._max_bytes)
        return source_of(folder, names), left_out

    def _unpacked(self, archive: Path) -> tuple[Path, list[str]]:
        """Put the files of an archive in its place; returns (their folder, their names)."""
        inside = archive.parent / "inside"
        inside.mkdir()
        names = unpack(archive, inside, self._max_bytes, MAX_FILES)
        archive.unlink()
        if not names:
            raise InputError(f"The archive '{archive.name}' has no file; put one volume into it.")
        return inside, names

    def _settle(
        self,
        source: Path,
        title: str,
    ) -> Path:
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

    def _too_large(self) -> str:
        mib = self._max_bytes / 1024**2
        return (
            f"The upload is larger than {mib:.0f} MiB; open the file from a"
            " folder given as --data instead."
        )

    async def _download(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        path = self._workspace.download_path(name)
        if path is None:
            raise web.HTTPNotFound(text="There is no such result.\n")
        disposition = f'attachment; filename="{path.name}"'
        return web.FileResponse(path, headers={"Content-Disposition": disposition})


def _is_clutter(name: str) -> bool:
    """Whether a file of a folder is none that a person wants uploaded."""
    return not name or name.startswith(".") or name.upper() == "DICOMDIR"


def _title(path: PurePosixPath) -> str:
    """What a person calls DICOM files: their folder, or their archive, else "DICOM"."""
    if len(path.parts) > 1:
        name = path.parts[0]
    elif path.suffix.lower() == ".zip":
        name = path.stem
    else:
        name = ""
    title = re.sub(r"[^A-Za-z0-9 ._-]", "_", name).strip(" .")
    return title[:MAX_TITLE] or "DICOM"
