"""What is looked at before anything is served: what is opened at the start, and the worklist."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.series_choice import SeriesChoiceError
from SlicePropagationLib.files.urls import is_url
from SlicePropagationWeb.begun_reading import FirstImage
from SlicePropagationWeb.opening import SAMPLE, read_segmentation
from SlicePropagationWeb.worklist import Case, read_worklist


def check_readable(first: FirstImage | None, segmentation: Path | str | None) -> None:
    """Refuse what cannot be opened before anything is served.

    Args:
        first: the image that is opened at the start, or None.
        segmentation: of it, or None.

    Raises:
        SlicePropagationError: the image or the segmentation cannot be used.
    """
    if segmentation is not None:
        if first is None:
            raise ConfigError("A segmentation needs its image: give IMAGE, too.")
        if is_url(segmentation):
            raise ConfigError(
                f"A segmentation to go on with is a file of this machine; fetch {segmentation}"
                " first, with what stands beside it."
            )
        read_segmentation(segmentation, first.volume())
    elif first is not None and first.source != SAMPLE:
        with contextlib.suppress(SeriesChoiceError):  # the page asks which one
            first.volume()


def check_folders(out: Path | str, data: Sequence[Path | str]) -> None:
    """Refuse folders that are elsewhere: they are listed, and work in them is kept at each stroke.

    Args:
        out: folder of results and unsaved work.
        data: folders that images may be opened from.

    Raises:
        ConfigError: one is a URL.
    """
    if is_url(out):
        raise ConfigError(f"--out of the page is a folder of this machine, not {out}; name one.")
    for folder in data:
        if is_url(folder):
            raise ConfigError(
                f"--data is a folder of this machine, and {folder} is elsewhere; give the URL of one"
                " image as IMAGE."
            )


def worklist_of(
    image: Path | str | None,
    cases: Path | str | None,
    results: Sequence[Path | str],
) -> list[Case]:
    """The cases that are to be worked through; none without a table or folder of them.

    Args:
        image: that is opened at the start, or None.
        cases: table or folder, or None.
        results: folders that `batch` may have written to.

    Raises:
        SlicePropagationError: there are both, or the worklist cannot be read.
    """
    if cases is None:
        return []
    if image is not None:
        raise ConfigError("A worklist has its own images: give IMAGE or --cases, not both.")
    if is_url(cases):
        raise ConfigError(
            f"A worklist is a table or a folder of this machine, and {cases} is elsewhere; fetch the"
            " table, and name its images by their paths here."
        )
    return read_worklist(cases, results)


def folders_of(image: Path | str | None) -> list[Path]:
    """The folder that an image or a table lies in, or is; none for the sample, a URL or no image."""
    if image is None or image == SAMPLE or is_url(image):
        return []
    path = Path(image)
    return [path if path.is_dir() else path.resolve().parent]
