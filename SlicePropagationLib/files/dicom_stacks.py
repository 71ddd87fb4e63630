"""From the frames of DICOM files to stacks of slices: which belong together, and what is one volume.

A series may hold several volumes: phases, echoes, directions, times. They are told apart by what the
headers say, never by the order of the files.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from SlicePropagationLib.files.dicom_copies import (
    are_all_copies,
    without_copies,
    without_repeated_files,
)
from SlicePropagationLib.files.dicom_frames import (
    ACQUISITION,
    CLOCKS,
    KINDS,
    TIMES,
    DicomFrame,
)
from SlicePropagationLib.files.dicom_places import (
    Place,
    by_place,
    distances,
    in_order,
    is_regular,
    most_at_a_place,
)

SAME_AXES = 1e-3
OBLIQUE = 1 - SAME_AXES**2  # the cosine below which a direction is told in numbers
IMAGES = "images"  # told apart by their numbers alone


@dataclass(frozen=True)
class DicomStack:
    """Frames that are one volume, or one volume over time.

    Attributes:
        places: the frames of each slice, slices in order along the normal.
        what: what tells it from the others of its series, such as "acquisition 2".
        problem: why it cannot be read, or "".
        copies: how many frames were left out, for being there twice.
    """

    places: tuple[Place, ...]
    what: str = ""
    problem: str = ""
    copies: int = 0

    @property
    def first(self) -> DicomFrame:
        """Its first frame."""
        return self.places[0][0]

    @property
    def num_times(self) -> int:
        """Frames of each slice."""
        return len(self.places[0])

    @property
    def num_frames(self) -> int:
        """Frames of all slices."""
        return sum(len(place) for place in self.places)


def stacks_of(
    frames: Sequence[DicomFrame], is_copy: Callable[[DicomFrame, DicomFrame], bool]
) -> list[DicomStack]:
    """The stacks of one series.

    Args:
        frames: of the series.
        is_copy: whether two frames have the same pixels; asked only of those at one place.
    """
    views = _by_view(frames)
    stacks = []
    for view in views:
        what = _view_name(view, views) if len(views) > 1 else ""
        stacks += [replace(one, what=_joined(what, one.what)) for one in _split(view, is_copy)]
    return stacks


def _by_view(frames: Sequence[DicomFrame]) -> list[list[DicomFrame]]:
    """Frames of one size and direction each, in order of their first numbers."""
    views: list[list[DicomFrame]] = []
    for frame in sorted(frames, key=lambda one: (one.instance, str(one.path), one.number)):
        for view in views:
            if _is_like(view[0], frame):
                view.append(frame)
                break
        else:
            views.append([frame])
    return views


def _is_like(first: DicomFrame, other: DicomFrame) -> bool:
    """Whether two frames can be slices of one volume, as far as size and direction go."""
    same = (first.size, first.num_values) == (other.size, other.num_values)
    references = {_reference(frame) for frame in (first, other)} - {""}
    is_placed = (first.position is None) == (other.position is None)
    return (
        same
        and len(references) < 2
        and is_placed
        and np.allclose(first.pixel_mm, other.pixel_mm, rtol=1e-3, atol=1e-5)
        and np.allclose(first.axes, other.axes, rtol=0, atol=SAME_AXES)
    )


def _reference(frame: DicomFrame) -> str:
    """What its positions are counted in; those of two frames of reference say nothing together."""
    return frame.about.get("reference", "")


def _view_name(view: Sequence[DicomFrame], views: Sequence[Sequence[DicomFrame]]) -> str:
    """A direction in words, and the number of the frame of reference where there are several."""
    references = list(dict.fromkeys(_reference(one[0]) for one in views))
    first = view[0]
    names = ("sagittal", "coronal", "axial")
    normal = np.abs(first.normal)
    name = names[int(normal.argmax())]
    if normal.max() < OBLIQUE:
        name = f"oblique {name} ({', '.join(f'{part:.2g}' for part in first.normal)})"
    if len(references) > 1:
        name += f", frame of reference {1 + references.index(_reference(first))}"
    return name


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _split(
    frames: list[DicomFrame],
    is_copy: Callable[[DicomFrame, DicomFrame], bool],
) -> list[DicomStack]:
    """Stacks of frames of one direction."""
    kept = without_repeated_files(frames, is_copy)
    copies = len(frames) - len(kept)
    if most_at_a_place(kept) == 1:
        groups = _regular_groups(kept)
        if not groups:
            return [DicomStack(in_order(kept), copies=copies)]
        name, slabs = groups
        return list(itertools.chain.from_iterable(_named(slab, name, is_copy) for slab in slabs))
    for name in (*KINDS, *TIMES, ACQUISITION, *CLOCKS):
        if name == ACQUISITION and are_all_copies(kept, is_copy):
            break  # exported twice, at two times
        if name in TIMES or name in CLOCKS:
            timed = _over_time(kept, name)
            if timed is not None:
                return [replace(timed, copies=copies)]
        elif groups := _by_fact(kept, name):
            found = [_named(group, name, is_copy) for group in groups]
            return list(itertools.chain.from_iterable(found))
    unique = without_copies(kept, is_copy)
    if len(unique) < len(kept):
        copies += len(kept) - len(unique)
        return [replace(one, copies=copies) for one in _finished(unique)]
    return _finished(kept)


def _by_fact(frames: list[DicomFrame], name: str) -> list[list[DicomFrame]]:
    """Groups of frames by one fact; empty where it does not make volumes of them."""
    groups: dict[Hashable, list[DicomFrame]] = defaultdict(list)
    for frame in frames:
        groups[frame.facts.get(name)].append(frame)
    most = most_at_a_place(frames)
    is_flat = len(by_place(frames)) == 1
    if len(groups) < 2:
        return []
    for group in groups.values():
        is_slab = is_flat or len(by_place(group)) > 1
        if not is_slab or most_at_a_place(group) == most:
            return []
    if all(isinstance(value, float) for value in groups):
        numbers = [value for value in groups if isinstance(value, float)]
        return [groups[value] for value in sorted(numbers)]
    return sorted(groups.values(), key=lambda group: group[0].instance)


def _regular_groups(frames: list[DicomFrame]) -> tuple[str, list[list[DicomFrame]]] | None:
    """The fact by which slices are volumes of equal steps, and these; None where they are one.

    Slices that are equally far apart as they are can be volumes, too: those of two phases that lie
    half a step beside each other. Then their places alternate; those of parts follow one another.
    """
    is_even = is_regular(frames)
    for name in (*KINDS, ACQUISITION) if is_even else (*KINDS, *TIMES, ACQUISITION):
        groups: dict[Hashable, list[DicomFrame]] = defaultdict(list)
        for frame in frames:
            groups[frame.facts.get(name)].append(frame)
        found = list(groups.values())
        are_volumes = len(found) > 1 and all(is_regular(group) for group in found)
        if are_volumes and not (is_even and _follow_one_another(found)):
            return name, found
    return None


def _follow_one_another(groups: Sequence[list[DicomFrame]]) -> bool:
    """Whether groups of slices, put one behind the other, do not reach into each other."""
    along = [distances([groups[0][0], *group])[1:] for group in groups]
    ranges = sorted((float(part.min()), float(part.max())) for part in along)
    return all(one[1] < other[0] for one, other in itertools.pairwise(ranges))


def _named(
    group: list[DicomFrame],
    name: str,
    is_copy: Callable[[DicomFrame, DicomFrame], bool],
) -> list[DicomStack]:
    """The stacks of a group, named by the fact that they share."""
    what = f"{name} {_told(group[0].facts.get(name))}"
    return [replace(one, what=_joined(what, one.what)) for one in _split(group, is_copy)]


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(_told(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _over_time(frames: list[DicomFrame], name: str) -> DicomStack | None:
    """The frames of each slice by their times; None where these do not tell them apart."""
    places = []
    for place in by_place(frames):
        times = [frame.facts.get(name) for frame in place]
        if None in times or len(set(times)) < len(times):
            return None
        places.append(tuple(sorted(place, key=lambda frame: frame.facts[name])))
    counts = sorted({len(place) for place in places})
    if len(counts) == 1:
        return DicomStack(tuple(places), _joined(f"{counts[0]} frames by {name}"))
    if name in CLOCKS:
        return None
    problem = (
        f"has slices with {counts[0]} and with {counts[-1]} frames (by {name}); all slices need"
        " equally many, copy the series again."
    )
    return DicomStack(tuple(places), f"{counts[0]} to {counts[-1]} frames", problem)


def _finished(frames: list[DicomFrame]) -> list[DicomStack]:
    """Stacks of frames that no fact tells apart: by their numbers, or with what is wrong."""
    places = by_place(frames)
    counts = {len(place) for place in places}
    if counts == {1}:
        return [DicomStack(in_order(frames), copies=0)]
    files = {frame.path for frame in frames}
    is_placed = frames[0].position is not None
    is_numbered = is_placed and all(
        len({one.instance for one in place}) == len(place) for place in places
    )
    if len(counts) == 1 and len(places) > 1 and is_numbered and len(files) > 1:
        return _by_number(places)
    return [DicomStack(in_order(frames), "images at one place", _undistinguished(places))]


def _by_number(places: list[list[DicomFrame]]) -> list[DicomStack]:
    """The nth image of each place, for each n."""
    ordered = [sorted(place, key=lambda frame: frame.instance) for place in places]
    stacks = []
    for group in zip(*ordered, strict=True):
        numbers = [frame.instance for frame in group]
        what = f"{IMAGES} {min(numbers):g} to {max(numbers):g}"
        stacks.append(DicomStack(tuple((frame,) for frame in group), what))
    return stacks


def _undistinguished(places: list[list[DicomFrame]]) -> str:
    crowded = max(places, key=len)
    first, other = crowded[:2]
    if first.path == other.path:
        return (
            f"has {len(crowded)} frames in {first.path.name} and says neither their places nor"
            " their times, so that they may be slices or frames in time; convert it to a 3D NIfTI"
            " file, or to a 4D NIfTI file of its times."
        )
    if first.position is None:
        return (
            f"says no positions (ImagePositionPatient) for its {len(crowded)} images, so that the"
            " order and the distance of its slices are unknown; convert it to NIfTI or NRRD, or"
            " save the slices as TIFF files and give --spacing."
        )
    at = f"at {first.position @ first.normal:g} mm"
    return (
        f"has {len(crowded)} images {at} that nothing in their headers tells apart, such as"
        f" {first.path.name} and {other.path.name}; keep one of each place in a folder of its own."
    )
