"""Running the program in this process, and looking at what it left."""

import contextlib
import csv
import io
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.commands.main import main


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: its exit code.
        said: all that it told the person: errors, warnings, and what it printed.
    """

    code: int
    said: str

    @property
    def is_refusal(self) -> bool:
        """Whether it ended with a sentence, and the exit code of input that cannot be used."""
        return self.code == 2 and bool(self.said.strip())


def run(*words: object) -> Outcome:
    """Run one command; a test in which it ends with a traceback fails."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return Outcome(main([str(word) for word in words]), said.getvalue())
    except Exception as error:
        return pytest.fail(f"ended with a traceback: {type(error).__name__}: {error}")
    finally:
        logging.getLogger().removeHandler(handler)


def propagate(
    folder: Path,
    image: str,
    seed: str,
    out: str = "out.nii.gz",
    *options: str,
    engine="registration",
) -> Outcome:
    """The usual run on the files of a folder; what it said is without the folder's name."""
    files = ("--image", folder / image, "--seed", folder / seed, "--out", folder / out)
    outcome = run("propagate", *files, "--engine", engine, "--quiet", *options)
    return Outcome(outcome.code, outcome.said.replace(str(folder), ""))


def read(path: Path) -> np.ndarray:
    """(K, J, I) voxels of a file."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def dice(mask: np.ndarray, other: np.ndarray) -> float:
    """How much two masks agree, from 0 to 1."""
    both = np.count_nonzero((mask > 0) & (other > 0))
    return 2 * both / (np.count_nonzero(mask) + np.count_nonzero(other))


def segments_of(path: Path) -> dict[str, np.ndarray]:
    """{name: (K, J, I) bool} of a `.seg.nrrd`, by value and layer, as Slicer reads it."""
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)
    layers = array if image.GetNumberOfComponentsPerPixel() > 1 else array[..., None]
    masks = {}
    while image.HasMetaDataKey(f"Segment{len(masks)}_Name"):
        start = f"Segment{len(masks)}_"
        layer = layers[..., int(image.GetMetaData(start + "Layer"))]
        mask = layer == int(image.GetMetaData(start + "LabelValue"))
        masks[image.GetMetaData(start + "Name")] = mask
    return masks


def anchors_of(record: Path) -> dict[str, dict[str, str]]:
    """{label: {slice: how it came about}} of what a person said, from the record of a result."""
    return json.loads(record.read_text(encoding="utf-8"))["anchors"]


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows of a table of commas."""
    with open(table, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
