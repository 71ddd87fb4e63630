"""What runs in the process that draws thumbnails: `thumbnails` starts it, by its path.

It imports nothing of this program. For each line of JSON that comes in, a line of JSON goes out. It
ends when nothing more comes, as when the one that started it is gone.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SIDE = 96  # pixels of the longer side
TAIL = (1, 99.5)  # percentiles that are black and white
JPEG_QUALITY = 85
NUM_PROBED = 2000  # files of a folder


def main() -> None:
    """Answer until nothing more comes."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            write_thumbnail(request["image"], request["to"])
            answer = {"ok": True}
        except (RuntimeError, ValueError, MemoryError, OSError) as error:
            answer = {"ok": False, "error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def write_thumbnail(source: str, target: str) -> None:
    """Write a picture of the middle slice of an image as JPEG, whole or not at all."""
    picture = drawn(*middle_slice(source))
    partial = f"{target[:-4]}-partial.jpg"
    sitk.WriteImage(sitk.GetImageFromArray(picture), partial, True, JPEG_QUALITY)
    os.replace(partial, target)


def middle_slice(source: str) -> tuple[np.ndarray, tuple[float, float]]:
    """((H, W) middle slice of a file or a DICOM folder, spacing of its rows and columns in mm).

    No more of a file is read than that slice, where its kind allows it.
    """
    path = Path(source)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(_middle_file(path) if path.is_dir() else path))
    reader.ReadImageInformation()
    size = list(reader.GetSize())
    index = [0] * len(size)
    for axis in range(2, len(size)):
        index[axis] = size[axis] // 2 if axis == 2 else 0
        size[axis] = 0
    reader.SetExtractIndex(index)
    reader.SetExtractSize(size)
    image = reader.Execute()
    array = sitk.GetArrayFromImage(image)
    if array.ndim > 2:  # colours
        array = array.mean(axis=-1)
    column_mm, row_mm = image.GetSpacing()[:2]
    return _upright(array, reader), (row_mm, column_mm)


def _upright(array: np.ndarray, reader: sitk.ImageFileReader) -> np.ndarray:
    """A slice with the front of the patient at the top, where its rows and columns say so."""
    direction = reader.GetDirection()
    count = reader.GetDimension()
    if count < 3:
        return array
    if direction[count + 1] < 0:
        array = array[::-1]
    return array[:, ::-1] if direction[0] < 0 else array


def _middle_file(folder: Path) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    images = [path for path in files[:NUM_PROBED] if _is_dicom(path)] or files
    if not images:
        raise ValueError("there is no file in it")
    return images[len(images) // 2]


def _is_dicom(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def drawn(array: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """A slice as a (H, W) uint8 picture whose longer side has `SIDE` pixels, in true proportions."""
    sides_mm = [count * each for count, each in zip(array.shape, spacing_mm, strict=True)]
    heights = [max(1, round(SIDE * side / max(sides_mm))) for side in sides_mm]
    rows, columns = (
        (np.arange(count) + 0.5) / count * total
        for count, total in zip(heights, array.shape, strict=True)
    )
    values = array[np.ix_(rows.astype(int), columns.astype(int))].astype(float)
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, TAIL)
    return (255 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)


if __name__ == "__main__":
    main()
