"""Headers and packed pixels of DICOM files and pictures, which ITK reads in a process of its own.

A damaged file may make the libraries that read it crash, loop, or take all memory. Only that
process ends then; this one says so, and goes on.
"""

import atexit
import contextlib
import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class FileHeader:
    """What ITK says of a file without its pixels.

    Attributes:
        texts: {element, such as "0008|0060": its value} of those that were asked for and are there.
        size: pixels along each axis, columns first.
        num_values: of a pixel.
    """

    texts: dict[str, str]
    size: tuple[int, ...]
    num_values: int


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


def read_header(path: Path, file_format: str, tags: Sequence[str]) -> FileHeader:
    """Elements of a file's header, read like `read_pixels` does.

    Args:
        path: of the file.
        file_format: name of the reader.
        tags: elements, such as "0008|0060".

    Raises:
        CodecError: it is damaged, or of another kind; says why.
    """
    with _lock:
        if _process.is_there or _process.start():
            told = _process.ask(path, {"format": file_format, "tags": list(tags)})
            return FileHeader(told["texts"], tuple(told["size"]), told["values"])
    reader = _reader(path, file_format)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise CodecError(str(error).strip().splitlines()[-1]) from error
    texts = {tag: reader.GetMetaData(tag) for tag in tags if reader.HasMetaDataKey(tag)}
    return FileHeader(texts, reader.GetSize(), reader.GetNumberOfComponents())


@contextlib.contextmanager
def unpacking() -> Iterator[None]:
    """Some files are read; the process that reads them goes when the outermost of these ends."""
    with _lock:
        _process.num_users += 1
    try:
        yield
    finally:
        with _lock:
            _process.num_users -= 1
            if not _process.num_users:
                _process.end()


def _let_go() -> None:
    with _lock:
        _process.end()


def _reader(path: Path, file_format: str) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    if file_format:
        reader.SetImageIO(file_format)
    return reader


def _read_here(path: Path, file_format: str) -> Pixels:
    reader = _reader(path, file_format)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise CodecError(str(error).strip().splitlines()[-1]) from error
    return sitk.GetArrayFromImage(image), image.GetDimension()


class _Process:
    """The other process, and the pipes to it.

    Attributes:
        num_users: that are reading files and want it to stay.
    """

    def __init__(self) -> None:
        self.num_users = 0
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
        """The pixels of a file."""
        return self.ask(path, {"format": file_format}, self._pixels)

    def ask(self, path: Path, about: dict[str, Any], take: Callable[[Any], Any] = dict) -> Any:
        """Have a file read; however that ends, the next one can be.

        Args:
            path: of the file.
            about: what is asked beside the path.
            take: makes the result from what the process tells, and reads what it sends behind it.
        """
        request = {"path": str(path.absolute()), **about}
        limit_s = LIMIT_S + path.stat().st_size / BYTES_PER_S
        assert self._process is not None and self._process.stdin is not None
        timer = threading.Timer(limit_s, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            return take(self._told())
        except CodecError:
            raise
        except (OSError, ValueError) as error:  # also half an answer
            raise self._ended() from error
        except BaseException:  # what was asked for would be answered to the next question
            self.end(at_once=True)
            raise
        finally:
            timer.cancel()

    def _told(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise self._ended()
        told = json.loads(line)
        if "error" in told:
            raise CodecError(told["error"])
        return told

    def _pixels(self, told: dict[str, Any]) -> Pixels:
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
