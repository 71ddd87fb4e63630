"""What may come in from a browser.

Images whose content is what their name says, and that point at no other file.
"""

import gzip
import re
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom_frames import has_dicom_start
from SlicePropagationLib.files.text_header import check_header

# Each one file with header and voxels; a detached header could name any file of this machine.
KINDS = (".nii.gz", ".nii", ".nrrd", ".mha")
HEADER_BYTES = 1 << 16
HEADER_LINES = 100
# A NIfTI begins with the size of its header, 348 or 540 by its version, in either byte order.
NIFTI_STARTS = (
    (348).to_bytes(4, "little"),
    (348).to_bytes(4, "big"),
    (540).to_bytes(4, "little"),
    (540).to_bytes(4, "big"),
)
CHUNK_BYTES = 1 << 20
UNUSABLE_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
    EOFError,
)
NUM_NAMED = 3  # files of those left out


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does."""
    return has_dicom_start(path)


def is_zip(path: Path) -> bool:
    """Whether a file is a zip archive, by name and content."""
    is_named_so = path.name.lower().endswith(".zip")
    return is_named_so and zipfile.is_zipfile(path)


def check_kind(path: Path) -> None:
    """Refuse a file that is not an image by its content, or whose voxels lie in another file.

    Raises:
        InputError: it is of another kind.
    """
    if is_dicom(path):
        return
    name = path.name.lower()
    if not name.endswith(KINDS) or not _is_image(path, name):
        raise InputError(
            f"'{path.name}' is not a kind of image that is taken here, by its name or its content,"
            f" or it is damaged; upload one file of {', '.join(KINDS)}, DICOM files, or a zip"
            " archive of them."
        )


def _is_image(path: Path, name: str) -> bool:
    if name.endswith((".nii", ".nii.gz")):
        return _start(path).startswith(NIFTI_STARTS)
    try:
        promise = check_header(path)
    except InputError:
        return False
    is_whole = promise is not None and promise.elsewhere is None
    return is_whole and _mha_data_files(_start(path)) <= {b"LOCAL"}


def _mha_data_files(start: bytes) -> set[bytes]:
    """Where a MetaImage says that its voxels are, in capitals; it may say so more than once."""
    places = set()
    for line in start.splitlines()[:HEADER_LINES]:
        key, _, value = line.partition(b"=")
        if key.strip() == b"ElementDataFile":
            places.add(value.strip().upper())
    return places


def _start(path: Path) -> bytes:
    """The first bytes of a file, unpacked where its name says that it is packed."""
    is_packed = path.name.lower().endswith(".gz")
    opens = gzip.open if is_packed else open
    try:
        with opens(path, "rb") as file:
            return file.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def drop_clutter(
    folder: Path,
    names: Sequence[str],
) -> tuple[list[str], list[str]]:
    """Delete what lies beside DICOM files and is no image, as viewers on a disc do.

    Args:
        folder: of the files.
        names: of the files.

    Returns:
        (names that stay, [sentence]).
    """
    dicom = {name for name in names if is_dicom(folder / name)}
    images = {name for name in names if name.lower().endswith(KINDS)}
    kept = dicom | images
    clutter = [name for name in names if name not in kept]
    if not dicom or not clutter:
        return list(names), []
    for name in clutter:
        (folder / name).unlink()
    stays = [name for name in names if name in kept]
    return stays, [f"Left out, as no images: {_some(clutter)}."]


def _some(names: Sequence[str]) -> str:
    named = ", ".join(names[:NUM_NAMED])
    return f"{named} and others" if len(names) > NUM_NAMED else named


def unpack(
    archive: Path,
    folder: Path,
    max_bytes: int,
    max_files: int,
) -> list[str]:
    """Unpack the files of a zip archive into one folder, whatever folders they lie in there.

    Args:
        archive: the zip file.
        folder: where the files go.
        max_bytes: that they may have together.
        max_files: that there may be.

    Returns:
        Their names.

    Raises:
        InputError: it is damaged, encrypted, or unpacks to more than the limits.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not _is_clutter(member)]
            _check_size(members, max_bytes, max_files)
            return _extract(opened, members, folder)
    except UNUSABLE_ARCHIVE as error:
        raise InputError(
            f"The archive '{archive.name}' cannot be unpacked ({error}); make it again, without a"
            " password."
        ) from error


def _extract(
    archive: zipfile.ZipFile,
    members: Sequence[zipfile.ZipInfo],
    folder: Path,
) -> list[str]:
    """Write members into a folder; returns their names there.

    zipfile ends each at the size that its entry states, which was checked.
    """
    names: list[str] = []
    for member in members:
        name = free_name(member.filename, names)
        names.append(name)
        with (
            archive.open(member) as source,
            open(folder / name, "wb") as target,
        ):
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    return names


def _check_size(
    members: Sequence[zipfile.ZipInfo],
    max_bytes: int,
    max_files: int,
) -> None:
    if len(members) > max_files:
        raise InputError(
            f"The archive has {len(members)} files, at most {max_files} are taken; put one"
            " volume into it."
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > max_bytes:
        raise InputError(
            f"The archive unpacks to something larger than {max_bytes / 1024**2:.0f} MiB;"
            " upload one volume."
        )


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    """Whether a member of an archive is none of the files that a person put there.

    That is a folder, or what an operating system or a DICOM disc puts there besides images.
    """
    path = posix_path(member.filename)
    if member.is_dir() or "__MACOSX" in path.parts:
        return True
    return path.name.startswith(".") or path.name.upper() == "DICOMDIR"


def posix_path(name: str) -> PurePosixPath:
    """The path that a browser or an archive names, on whatever system it was made."""
    return PurePosixPath(name.replace("\\", "/"))


def free_name(name: str, taken: Sequence[str]) -> str:
    """The last part of a path, numbered where another file has it already.

    DICOM series use the same names in each folder.
    """
    base = re.sub(r"[^\w. ()+-]", "_", posix_path(name).name)
    number = 1
    free = base
    while free in taken:
        number += 1
        free = f"{number}-{base}"
    return free


def source_of(folder: Path, names: Sequence[str]) -> Path:
    """What is to be read of the files in a folder.

    The one image among them, or the folder as a DICOM series.

    Raises:
        InputError: several images, or images and DICOM files together.
    """
    images = [name for name in names if not is_dicom(folder / name)]
    if not images:
        return folder
    if len(images) > 1 or len(names) > 1:
        raise InputError(
            f"The upload has {len(names)} files with {len(images)} images that are not DICOM;"
            " upload one volume at a time."
        )
    return folder / images[0]
