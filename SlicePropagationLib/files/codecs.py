"""Packed pixels of DICOM files and pictures, which ITK unpacks in a process of its own.

A damaged file may make the libraries that unpack it crash, loop, or take all memory. Only that
process ends then; this one says so, and goes on.
"""

import atexit
import contextlib
import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError

PROGRAM = Path(__file__).with_name("codec_process.py")
LIMIT_S = 60  # for a file, on a busy machine
BYTES_PER_S = 1 << 20  # of a file; slower is no honest one
Pixels = tuple[np.ndarray, int]  # (as SimpleITK gives them, number of dimensions of the image)


class CodecError(InputError):
    """A file could not be unpacked."""


def read_pixels(path: Path, file_format: str = "") -> Pixels:
    """Read a file with SimpleITK, in another process where one can be started.

    Args:
        path: of the file.
        file_format: name of the reader, such as "GDCMImageIO"; "" for that of the file's name.

    Returns:
        (the array that SimpleITK gives of it, number of dimensions of the image without channels).

    Raises:
        CodecError: it is damaged; says why.
    """
    with _lock:
        if _process.is_there or _process.start():
            return _process.read(path, file_format)
    return _read_here(path, file_format)


@contextlib.contextmanager
def unpacking() -> Iterator[None]:
    """Some files are read; the process that unpacks them goes when they are."""
    try:
        yield
    finally:
        _let_go()


def _let_go() -> None:
    with _lock:
        _process.end()


def _read_here(path: Path, file_format: str) -> Pixels:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    if file_format:
        reader.SetImageIO(file_format)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise CodecError(str(error).strip().splitlines()[-1]) from error
    return sitk.GetArrayFromImage(image), image.GetDimension()


class _Process:
    """The other process, and the pipes to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[Any] | None = None

    @property
    def is_there(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> bool:
        """Start it; False where this program is no Python that could be started again."""
        if not Path(sys.executable or "").stem.lower().startswith("python"):
            return False
        options: dict[str, Any] = {}
        if sys.platform == "win32":  # Ctrl-C is for the one who started it
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
        else:
            options["process_group"] = 0
        command = [sys.executable, "-P", str(PROGRAM)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **options,
            )
        except OSError:
            return False
        is_ready = bool(self._answers.readline())
        if not is_ready:
            self.end()
        return is_ready

    @property
    def _answers(self) -> IO[bytes]:
        assert self._process is not None and self._process.stdout is not None
        return self._process.stdout

    def read(self, path: Path, file_format: str) -> Pixels:
        """Have a file read; however that ends, the next one can be."""
        request = {"path": str(path.absolute()), "format": file_format}
        limit_s = LIMIT_S + path.stat().st_size / BYTES_PER_S
        assert self._process is not None and self._process.stdin is not None
        timer = threading.Timer(limit_s, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            return self._answer()
        except CodecError:
            raise
        except (OSError, ValueError) as error:  # also half an answer
            raise self._ended() from error
        except BaseException:  # what was asked for would be answered to the next question
            self.end(at_once=True)
            raise
        finally:
            timer.cancel()

    def _answer(self) -> Pixels:
        line = self._answers.readline()
        if not line:
            raise self._ended()
        told = json.loads(line)
        if "error" in told:
            raise CodecError(told["error"])
        kind = np.dtype(told["dtype"])
        content = self._answers.read(math.prod(told["shape"]) * kind.itemsize)
        values = np.frombuffer(content, kind).reshape(told["shape"])
        return values.copy(), len(told["size"])

    def _ended(self) -> CodecError:
        """What to say of a file that it did not outlive."""
        self.end(at_once=True)
        return CodecError("what unpacks it ended at it: it is damaged")

    def end(self, *, at_once: bool = False) -> None:
        """Let it go, or end it."""
        process = self._process
        self._process = None
        if process is None:
            return
        if at_once:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # what was to be written has nobody to read it
                continue
        process.wait()


_lock = threading.RLock()
_process = _Process()
atexit.register(_let_go)
