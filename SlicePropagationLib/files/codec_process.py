"""What runs in the process that reads files with ITK: `codecs` starts it, by its path.

It imports nothing of this program. For each line of JSON that comes in, a line of JSON goes out, and
behind it the voxels, where these were asked for. It ends when nothing more comes, as when the one
that started it is gone.
"""

import json
import os
import sys
from typing import Any, BinaryIO

import numpy as np
import SimpleITK as sitk

ROOM_BYTES = 256 << 20  # of memory, beyond what the voxels take
TIMES = 8  # the voxels, in the codecs' own copies
MOST_PACKED = 1 << 16  # what packs pixels makes them smaller by no more than this


def main() -> None:
    """Answer until nothing more comes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    _send(answers, {})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            _answer(answers, request)
        except (RuntimeError, ValueError, MemoryError, OverflowError) as error:
            lines = str(error).strip().splitlines() or ["there is not enough memory for it"]
            _send(answers, {"error": lines[-1]})


def _answer(answers: BinaryIO, request: dict[str, Any]) -> None:
    path = request["path"]
    reader = sitk.ImageFileReader()
    reader.SetFileName(path)
    if request["format"]:
        reader.SetImageIO(request["format"])
    reader.ReadImageInformation()
    if "tags" in request:
        _send(answers, _header(reader, request["tags"]))
        return
    _check_size(reader, path)
    image = reader.Execute()
    array = np.ascontiguousarray(sitk.GetArrayViewFromImage(image))
    told = {"shape": array.shape, "dtype": array.dtype.str, "size": image.GetSize()}
    _send(answers, told, array)


def _header(reader: sitk.ImageFileReader, tags: list[str]) -> dict[str, Any]:
    """The size of an image, and the elements of its header that are there."""
    texts = {tag: reader.GetMetaData(tag) for tag in tags if reader.HasMetaDataKey(tag)}
    shown = {tag: text.encode("utf-8", "replace").decode() for tag, text in texts.items()}
    return {"texts": shown, "size": reader.GetSize(), "values": reader.GetNumberOfComponents()}


def _check_size(reader: sitk.ImageFileReader, path: str) -> None:
    """Refuse more pixels than can be packed so small; bound the memory by what there are."""
    size = reader.GetSize()
    num_bytes = 8 * reader.GetNumberOfComponents()
    for count in size:
        num_bytes *= count
    if num_bytes > max(1 << 26, MOST_PACKED * os.path.getsize(path)):
        said = "x".join(map(str, size))
        raise ValueError(f"it promises {said} pixels, which are more than it can hold")
    _bound_memory(ROOM_BYTES + TIMES * num_bytes)


def _bound_memory(more: int) -> None:
    """Let this process take so many bytes more than it has, where a system can be told so."""
    try:
        import resource

        with open("/proc/self/status", encoding="utf-8") as file:
            [held] = [int(line.split()[1]) << 10 for line in file if line.startswith("VmData:")]
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (held + more, hard))
    except (ImportError, OSError, ValueError):
        return


def _send(answers: BinaryIO, told: dict[str, Any], array: np.ndarray | None = None) -> None:
    answers.write(json.dumps(told).encode() + b"\n")
    if array is not None:
        answers.write(array.data)
    answers.flush()


if __name__ == "__main__":
    main()
