"""What a case is called: by its image, or by the folder of an image that is called as all are."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from SlicePropagationLib.files.volume import SUFFIXES

# Names that say what a file is, and not whose.
GENERIC = frozenset(
    ("image", "img", "im", "volume", "vol", "scan", "data", "input", "dicom", "dcm", "ct", "mr")
    + ("mri", "pet", "series", "study", "t1", "t2", "t1w", "t2w", "flair")
)
# Parts of a file's name that say that it is no image to be annotated.
LABEL_WORDS = frozenset(
    ("label", "labels", "labelmap", "seg", "segmentation", "segmentations", "mask", "masks")
    + ("seed", "seeds", "truth", "gt", "groundtruth", "annotation", "annotations", "dseg")
)
UPLOADS = "uploads"  # the folder of what came from the browser, which says nothing of a case
LONGEST = 60
IMAGE_SUFFIXES = (*SUFFIXES, ".mgz", ".mgh", ".tif", ".tiff", ".png", ".dcm")


def stem_of(name: str) -> str:
    """The name of an image without its ending; a folder's name has none."""
    for suffix in IMAGE_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def case_name(path: PurePath | str) -> str:
    """What a person calls the case of an image: `CASE/image.nii.gz` is CASE.

    It is a file's name, too: other signs than letters, digits, dots and dashes become "_".
    """
    return _usable(_parts(path)[-1])


def case_names(paths: Sequence[PurePath | str]) -> list[str]:
    """A name for each image, all different: with their folders where that tells them apart."""
    parts = [_parts(path) for path in paths]
    depths = [1] * len(parts)
    names = [_joined(own, 1) for own in parts]
    while True:
        counts = Counter(name.casefold() for name in names)
        alike = [
            place
            for place, name in enumerate(names)
            if counts[name.casefold()] > 1 and depths[place] < len(parts[place])
        ]
        if not alike:
            return _numbered(names)
        for place in alike:
            depths[place] += 1
            names[place] = _joined(parts[place], depths[place])


def title_of_path(path: PurePath | str) -> str:
    """How a path is shown in a line: with its folder where its own name says nothing."""
    path = PurePath(path)
    is_generic = stem_of(path.name).casefold() in GENERIC
    says_more = path.parent.name not in ("", UPLOADS)
    return f"{path.parent.name}/{path.name}" if is_generic and says_more else path.name


def is_named_label_map(name: str) -> bool:
    """Whether a file's name says that it holds labels: `liver_mask.nii.gz`, `seed.nrrd`."""
    if name.lower().endswith(".seg.nrrd"):
        return True
    words = re.split(r"[^a-z]+", stem_of(name).lower())
    return not LABEL_WORDS.isdisjoint(words)


def _parts(path: PurePath | str) -> list[str]:
    """The names of a path from the outermost folder on; the last one tells the case apart."""
    path = PurePath(path)
    names = [name for name in path.parts if name not in (path.anchor, "..", ".")]
    if not names:
        return ["case"]
    names[-1] = stem_of(names[-1])
    while len(names) > 1 and names[-1].casefold() in GENERIC and names[-2] != UPLOADS:
        names.pop()
    return names


def _joined(parts: Sequence[str], depth: int) -> str:
    return _usable("_".join(parts[-depth:]))


def _usable(name: str) -> str:
    """A name of a file of it, as `Workspace.output_path` takes it."""
    signs = re.sub(r"[^A-Za-z0-9.-]+", "_", name)
    signs = re.sub(r"\.{2,}", ".", signs).strip("._-")
    return signs[-LONGEST:].strip("._-") or "case"


def _numbered(names: Sequence[str]) -> list[str]:
    """Names with a number behind those that came before."""
    seen: set[str] = set()
    free = []
    for name in names:
        number = 1
        unique = name
        while unique.casefold() in seen:
            number += 1
            unique = f"{name}-{number}"
        seen.add(unique.casefold())
        free.append(unique)
    return free
