"""What may come in from a browser: images whose content is what their name says, and that point at no other file."""

import gzip
import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from SlicePropagationLib.errors import InputError

KINDS = (
    ".nii.gz",
    ".nii",
    ".nrrd",
    ".mha",
)  # each one file with header and voxels; a detached header could name any file of this machine
HEADER_BYTES = 1 << 16
NIFTI_SIZES = {size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")}
ELSEWHERE = (b"data file:", b"datafile:")  # NRRD: the voxels are in another file
CHUNK_BYTES = 1 << 20


def is_dicom(path):
    """Whether a file begins as DICOM does."""
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def is_zip(path):
    """Whether a file is a zip archive, by name and content."""
    return path.name.lower().endswith(".zip") and zipfile.is_zipfile(path)


def check_kind(path):
    """Refuse a file that is not an image by its content, or whose voxels lie in another file.

    Raises:
        InputError: it is of another kind.
    """
    if is_dicom(path):
        return
    name = path.name.lower()
    start = _start(path)
    if name.endswith((".nii", ".nii.gz")):
        is_image = start[:4] in NIFTI_SIZES
    elif name.endswith(".nrrd"):
        header = start.split(b"\n\n")[0].split(b"\r\n\r\n")[0].lower()
        is_image = start.startswith(b"NRRD") and not any(
            line.strip().startswith(ELSEWHERE) for line in header.splitlines()
        )
    elif name.endswith(".mha"):
        fields = dict(line.split(b"=", 1) for line in start.splitlines()[:100] if b"=" in line)
        is_image = next(
            (
                value.strip().upper() == b"LOCAL"
                for key, value in fields.items()
                if key.strip() == b"ElementDataFile"
            ),
            False,
        )
    else:
        is_image = False
    if not is_image:
        raise InputError(
            f"'{path.name}' is not a kind of image that is taken here, by its name or its content,"
            f" or it is damaged; upload one file of {', '.join(KINDS)}, DICOM files, or a zip"
            " archive of them."
        )


def drop_clutter(folder, names):
    """Delete what lies beside DICOM files and is no image, as viewers on a disc do.

    (names that stay, [sentence]).
    """
    if not any(is_dicom(folder / name) for name in names):
        return names, []
    clutter = [
        name for name in names if not is_dicom(folder / name) and not name.lower().endswith(KINDS)
    ]
    for name in clutter:
        (folder / name).unlink()
    return [name for name in names if name not in clutter], (
        [f"Left out, as no images: {', '.join(clutter[:3])}{' and others' * (len(clutter) > 3)}."]
        if clutter
        else []
    )


def unpack(archive, folder, max_bytes, max_files):
    """Unpack the files of a zip archive into one folder, whatever folders they lie in there.

    Returns their names.

    Raises:
        InputError: it is damaged, encrypted, or unpacks to more than the limits.
    """
    names = []
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [
                member
                for member in opened.infolist()
                if not member.is_dir() and not _is_clutter(member.filename)
            ]
            if len(members) > max_files:
                raise InputError(
                    f"The archive has {len(members)} files, at most {max_files} are taken; put one"
                    " volume into it."
                )
            if sum(member.file_size for member in members) > max_bytes:
                raise InputError(
                    f"The archive unpacks to something larger than {max_bytes / 1024**2:.0f} MiB;"
                    " upload one volume."
                )
            for member in members:
                names.append(free_name(member.filename, names))
                with opened.open(member) as source, open(folder / names[-1], "wb") as target:
                    shutil.copyfileobj(
                        source,
                        target,
                        CHUNK_BYTES,
                    )  # zipfile ends at the size that was checked above
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise InputError(
            f"The archive '{archive.name}' cannot be unpacked ({error}); make it again, without a"
            " password."
        ) from error
    return names


def free_name(name, taken):
    """The last part of a path, numbered where another file has it already: DICOM series use the same names in each folder."""
    base = re.sub(r"[^\w. ()+-]", "_", PurePosixPath(name.replace("\\", "/")).name)
    number = 1
    free = base
    while free in taken:
        number += 1
        free = f"{number}-{base}"
    return free


def source_of(folder, names):
    """What is to be read of the files in a folder: the one image among them, or the folder as a DICOM series.

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


def _is_clutter(name):
    """Whether a member of an archive is what an operating system, or a DICOM disc, puts there besides images."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.name.startswith(".") or path.name.upper() == "DICOMDIR" or "__MACOSX" in path.parts


def _start(path):
    """The first bytes of a file, unpacked where its name says that it is packed."""
    try:
        with (gzip.open if path.name.lower().endswith(".gz") else open)(Path(path), "rb") as file:
            return file.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""
