"""Headers of DICOM files read with SimpleITK, where pydicom is not installed.

SimpleITK gives the elements of a classic file, and not the items that an enhanced file has for each
of its frames.
"""

from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.codecs import CodecError, FileHeader, read_header
from SlicePropagationLib.files.dicom_frames import DicomFrame

TAGS = {
    "image type": "0008|0008",
    "echo time": "0018|0081",
    "echo": "0018|0086",
    "b-value": "0018|9087",
    "inversion time": "0018|0082",
    "flip angle": "0018|1314",
    "kernel": "0018|1210",
    "tube voltage": "0018|0060",
    "temporal position": "0020|0100",
    "trigger time": "0018|1060",
    "frame time": "0054|1300",
    "acquisition": "0020|0012",
    "acquisition time": "0008|0032",
    "content time": "0008|0033",
}
# Elements that `DicomFrame` has fields for.
OTHERS = (
    "0008|0018",
    "0008|0060",
    "0008|103e",
    "0018|0040",
    "0018|0050",
    "0018|0088",
    "0018|1063",
    "0020|000e",
    "0020|0011",
    "0020|0013",
    "0020|0032",
    "0020|0037",
    "0020|0052",
    "0028|0008",
    "0028|0030",
    "0028|1052",
    "0028|1053",
)
LEAST_FRAME_BYTES = 8  # of a file, for each frame: a pixel, or the head of a packed one
WORDS = ("image type", "kernel")


def frames_of(path: Path) -> list[DicomFrame]:
    """The frames of one file.

    Raises:
        CodecError: it is damaged, or no image.
        InputError: it is an enhanced file, which needs pydicom.
    """
    header = read_header(path, "GDCMImageIO", [*TAGS.values(), *OTHERS])
    count = int(_number(header, "0028|0008") or 1)
    if count * LEAST_FRAME_BYTES > path.stat().st_size:
        raise CodecError(f"it promises {count} frames, more than it can hold")
    step_ms = _frame_ms(header)
    if count > 1 and not step_ms:
        raise InputError(
            f"{path} has {count} frames, and what it says of each cannot be read without pydicom;"
            " install it with: pip install 'slice-propagation[dicom]', or convert the file to a 4D"
            " NIfTI file, or to a 3D one."
        )
    frames = []
    for number in range(count):
        frames.append(_frame(header, path, number, step_ms * number if count > 1 else None))
    return frames


def _frame(
    header: FileHeader,
    path: Path,
    number: int,
    time_ms: float | None,
) -> DicomFrame:
    facts = {name: _fact(header, name, tag) for name, tag in TAGS.items()}
    if time_ms is not None:
        facts["trigger time"] = time_ms
    axes = _numbers(header, "0020|0037")
    pixel_mm = _numbers(header, "0028|0030")
    position = _numbers(header, "0020|0032")
    columns, rows = header.size[:2]
    return DicomFrame(
        path=path,
        number=number,
        series=_text(header, "0020|000e"),
        uid=_text(header, "0008|0018"),
        size=(rows, columns),
        pixel_mm=(pixel_mm[0], pixel_mm[1]) if len(pixel_mm) == 2 else (0.0, 0.0),
        position=position if len(position) == 3 else None,
        axes=axes.reshape(2, 3) if len(axes) == 6 else np.eye(3)[:2],
        slope=_number(header, "0028|1053") or 1.0,
        intercept=_number(header, "0028|1052"),
        instance=_number(header, "0020|0013") + number / 1e6,
        facts={name: value for name, value in facts.items() if value not in (None, "")},
        about={
            "modality": _text(header, "0008|0060"),
            "number": _text(header, "0020|0011"),
            "description": _text(header, "0008|103e"),
            "reference": _text(header, "0020|0052"),
        },
        num_values=header.num_values,
        thickness_mm=_number(header, "0018|0088") or _number(header, "0018|0050"),
        is_oriented=len(axes) == 6,
    )


def _fact(
    header: FileHeader,
    name: str,
    tag: str,
) -> float | str | None:
    text = _text(header, tag)
    if name in WORDS or not text:
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _text(header: FileHeader, tag: str) -> str:
    return header.texts.get(tag, "").strip().strip("\x00")


def _numbers(header: FileHeader, tag: str) -> np.ndarray:
    """The numbers that a header lists; none where it lists something else."""
    try:
        return np.array([float(part) for part in _text(header, tag).split("\\")])
    except ValueError:
        return np.zeros(0)


def _number(header: FileHeader, tag: str) -> float:
    """The number that a header states, 0 where it states none."""
    found = _numbers(header, tag)
    return float(found[0]) if len(found) else 0.0


def _frame_ms(header: FileHeader) -> float:
    """Milliseconds between frames, 0 where the header does not say."""
    rate = _number(header, "0018|0040")
    return _number(header, "0018|1063") or (1000 / rate if rate else 0.0)
