"""What OME-Zarr metadata (NGFF 0.4 and 0.5) say of an image: axes, place, channels and labels.

Source: the OME-NGFF specification, versions 0.4 and 0.5; orientation of axes as in its RFC-4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.nifti_forms import Placement

Values = Mapping[str, Any]
VERSIONS = ("0.4", "0.5")
MILLIMETRES = {
    "angstrom": 1e-7,
    "nanometer": 1e-6,
    "nm": 1e-6,
    "micrometer": 1e-3,
    "micron": 1e-3,
    "um": 1e-3,
    "\u00b5m": 1e-3,
    "\u03bcm": 1e-3,
    "millimeter": 1.0,
    "mm": 1.0,
    "centimeter": 10.0,
    "cm": 10.0,
    "decimeter": 100.0,
    "meter": 1000.0,
    "m": 1000.0,
    "inch": 25.4,
}
# Unit vectors to the left, back and top, along which an axis of that orientation counts.
ORIENTATIONS = {
    "right-to-left": (1, 0, 0),
    "left-to-right": (-1, 0, 0),
    "anterior-to-posterior": (0, 1, 0),
    "posterior-to-anterior": (0, -1, 0),
    "inferior-to-superior": (0, 0, 1),
    "superior-to-inferior": (0, 0, -1),
}
OWN = "slice_propagation"  # the entry of metadata that only this program reads


@dataclass(frozen=True)
class Level:
    """The finest level of an image.

    Attributes:
        path: of its array, in the group of the image.
        axes: what the metadata say of each axis of the array.
        scale, translation: of each axis, in its unit.
    """

    path: str
    axes: tuple[Values, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]

    def numbers_of(self, kind: str) -> list[int]:
        """The axes of a kind: "space", "time" or "channel"."""
        return [number for number, axis in enumerate(self.axes) if axis.get("type") == kind]

    @property
    def spatial(self) -> list[int]:
        """The three axes of the array that are K, J, I: by their names z, y, x, or as they are stored."""
        numbers = self.numbers_of("space")
        names = [str(self.axes[number].get("name", "")).lower() for number in numbers]
        if sorted(names) == ["x", "y", "z"]:
            return [numbers[names.index(name)] for name in "zyx"]
        return numbers


def finest_level(metadata: Values, name: str) -> Level:
    """What the metadata of an image say of its finest level.

    Args:
        metadata: of the group; for NGFF 0.5 its entry `ome`.
        name: what messages call it.

    Raises:
        InputError: it is no image, of another version, or the metadata cannot be read.
    """
    try:
        multiscales = metadata["multiscales"][0]
        version = str(multiscales.get("version") or metadata.get("version") or "none")
        if version not in VERSIONS:
            raise InputError(
                f"{name} is of OME-Zarr version {version}, and {' and '.join(VERSIONS)} are read;"
                " convert it, for example with ngff-zarr."
            )
        return _level(multiscales)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"The metadata of {name} are not those of an OME-Zarr image ({type(error).__name__}:"
            f" {error}); write it again, or name the folder that has `multiscales`."
        ) from error


def _level(multiscales: Values) -> Level:
    axes = tuple({"type": _usual_type(axis), **axis} for axis in multiscales["axes"])
    dataset = multiscales["datasets"][0]
    scale, translation = np.ones(len(axes)), np.zeros(len(axes))
    own = dataset["coordinateTransformations"]
    for step in [*own, *multiscales.get("coordinateTransformations", [])]:
        if step["type"] == "scale":
            factors = _numbers(step["scale"], len(axes))
            scale, translation = scale * factors, translation * factors
        elif step["type"] == "translation":
            translation = translation + _numbers(step["translation"], len(axes))
        elif step["type"] != "identity":
            raise ValueError(f"a transformation of the kind {step['type']}")
    return Level(str(dataset["path"]), axes, tuple(scale.tolist()), tuple(translation.tolist()))


def _usual_type(axis: Values) -> str:
    return {"t": "time", "c": "channel"}.get(str(axis["name"]).lower(), "space")


def _numbers(values: Sequence[float], count: int) -> np.ndarray:
    found = np.asarray(values, float)
    if found.shape != (count,) or not np.isfinite(found).all():
        raise ValueError(f"{values!r} for {count} axes")
    return found


def placement_of(level: Level, metadata: Values, name: str) -> Placement:
    """Where the voxels lie, with remarks.

    Axes x, y, z count towards the left, back and top of a patient, as ITK has it, unless the
    metadata state their orientation.

    Raises:
        InputError: a unit is unknown, or a scale is 0.
    """
    numbers = level.spatial[::-1]  # I, J, K
    remarks: list[str] = []
    factors = np.array([_millimetres(level.axes[number], name, remarks) for number in numbers])
    steps = np.array([level.scale[number] for number in numbers]) * factors
    if not steps.all():
        raise InputError(
            f"{name} says that its voxels have the sizes {steps.tolist()} mm along x, y, z; a size"
            " is not 0. Correct its `coordinateTransformations`."
        )
    origin = np.array([level.translation[number] for number in numbers]) * factors
    direction = _direction(level, numbers, metadata, name, remarks) * np.sign(steps)
    spacing = tuple(np.abs(steps).tolist())
    return Placement(spacing, tuple(origin.tolist()), direction, tuple(remarks))


def _millimetres(axis: Values, name: str, remarks: list[str]) -> float:
    unit = axis.get("unit")
    if unit is None:
        said = f"{name} states no unit of length for its axis {axis['name']}; it counts as mm."
        remarks.append(said)
        return 1.0
    factor = MILLIMETRES.get(str(unit), MILLIMETRES.get(str(unit).lower()))
    if factor is None:
        raise InputError(
            f"{name} has an axis {axis['name']} in the unit '{unit}', which is not known here;"
            " write it again with a unit such as micrometer or millimeter."
        )
    return factor


def _direction(
    level: Level,
    numbers: Sequence[int],
    metadata: Values,
    name: str,
    remarks: list[str],
) -> np.ndarray:
    own = metadata.get(OWN, {}).get("direction")
    if own is not None:
        return np.reshape(np.asarray(own, float), (3, 3))
    stated = [_orientation(level.axes[number]) for number in numbers]
    if not any(stated):
        return np.eye(3)
    columns = np.array([ORIENTATIONS.get(each, (0, 0, 0)) for each in stated], float).T
    if np.array_equal(np.abs(columns).sum(axis=0), np.ones(3)) and np.linalg.det(columns):
        return columns
    remarks.append(
        f"{name} states orientations of its axes that are none of a patient"
        f" ({', '.join(map(str, stated))}); x, y, z count as left, back, top."
    )
    return np.eye(3)


def _orientation(axis: Values) -> str:
    found = axis.get("orientation")
    return str(found.get("value", "")) if isinstance(found, Mapping) else ""


def channel_names(metadata: Values, count: int) -> list[str]:
    """What the channels are called; "" where that is not said."""
    omero = metadata.get("omero")
    channels = omero.get("channels", []) if isinstance(omero, Mapping) else []
    found = [str(each.get("label", "")) for each in channels if isinstance(each, Mapping)]
    return [*found, *[""] * count][:count]


def described_fields(metadata: Values) -> dict[str, str]:
    """Segments that this program described in a label image, as the header of a `.seg.nrrd` has them."""
    listed = metadata.get(OWN, {}).get("segments", [])
    return {
        f"Segment{number}_{field}": str(value)
        for number, segment in enumerate(listed)
        for field, value in segment.items()
    }
