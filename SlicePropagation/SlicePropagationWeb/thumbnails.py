"""Thumbnails of cases: drawn when they are looked at, one after another, in a process of its own.

An image may be large, damaged, or far away: the page goes on meanwhile, whatever comes of it.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("thumbnail_process.py")
FOLDER = "thumbnails"
LIMIT_S = 30
OPTIONS: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}

log = logging.getLogger(__name__)


def thumbnail_path(folder: Path, image: Path) -> Path | None:
    """Where the thumbnail of an image stands; another one when the image is replaced.

    Args:
        folder: beside the unsaved work.
        image: file or DICOM folder.

    Returns:
        None where the image is not there.
    """
    try:
        about = image.stat()
    except OSError:
        return None
    told = f"{image.resolve()} {about.st_mtime_ns} {about.st_size}"
    return folder / FOLDER / f"{hashlib.sha256(told.encode(errors='replace')).hexdigest()[:24]}.jpg"


class Thumbnails:
    """Pictures of images, from the disk where they were drawn before.

    Args:
        folder: that they are kept in, below it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._refused: set[Path] = set()

    async def of(self, image: Path) -> Path | None:
        """The file of an image's thumbnail, or None where there is none to be had."""
        path = await asyncio.to_thread(thumbnail_path, self._folder, image)
        if path is None or path in self._refused:
            return None
        if path.is_file():
            return path
        async with self._turn:
            if not path.is_file() and path not in self._refused:
                await self._draw(image, path)
        return path if path.is_file() else None

    async def _draw(self, image: Path, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            answer = await asyncio.wait_for(self._ask(image, path), LIMIT_S)
        except (OSError, ValueError, TimeoutError) as error:
            await self.end()
            answer = {"ok": False, "error": str(error) or "it takes too long"}
        if not answer["ok"]:
            self._refused.add(path)
            log.debug("There is no thumbnail of %s: %s", image, answer["error"])

    async def _ask(self, image: Path, path: Path) -> dict[str, Any]:
        process = await self._started()
        assert process.stdin is not None and process.stdout is not None
        request = {"image": str(image), "to": str(path)}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
        return json.loads(await process.stdout.readline())

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(PROGRAM),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                **OPTIONS,
            )
        return self._process

    async def end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
