"""What is written beside a result for other programs.

DICOM SEG, RTSTRUCT, meshes, and the segments on fine slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from SlicePropagationLib.config import check_choice
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.dicom_segmentation import import_highdicom, write_dicom_segmentation
from SlicePropagationLib.files.dicom_source import SourceSlice, source_slices
from SlicePropagationLib.files.refined_grid import refine_volume
from SlicePropagationLib.files.rtstruct import write_rtstruct
from SlicePropagationLib.files.segmentation_file import Segmentation, write_labels
from SlicePropagationLib.files.surface_mesh import surface_of, write_mesh
from SlicePropagationLib.pipelines.fine_slices import fine_factor, fine_labels
from SlicePropagationLib.pipelines.result_layers import session_layers

if TYPE_CHECKING:
    from SlicePropagationLib.files.segments import Segment
    from SlicePropagationLib.files.volume import Volume
    from SlicePropagationLib.session import AnnotationSession

SEG = "dicom-seg"
RTSTRUCT = "rtstruct"
MESHES = ("stl", "obj", "ply")
FINE = "fine"
EXPORTS = (SEG, RTSTRUCT, *MESHES, FINE)
SUFFIXES = {SEG: ".seg.dcm", RTSTRUCT: ".rtstruct.dcm", FINE: ".fine.seg.nrrd"}


def check_exports(kinds: Sequence[str]) -> None:
    """Refuse kinds that there are not.

    Raises:
        ConfigError: one is unknown.
    """
    for kind in kinds:
        check_choice("export", kind, EXPORTS)


def export_places(path: Path | str, kinds: Sequence[str]) -> list[Path]:
    """Files that exports of a result may replace, as `check_places` takes them: what is there.

    Args:
        path: the result.
        kinds: of `EXPORTS`.
    """
    found = [companion(path, SUFFIXES[kind]) for kind in kinds if kind in SUFFIXES]
    meshes = tuple(f".{kind}" for kind in kinds if kind in MESHES)
    stem = companion(path, ".").name
    if meshes and Path(path).parent.is_dir():
        for beside in Path(path).parent.iterdir():
            middle = beside.name.removeprefix(stem).removesuffix(beside.suffix)
            is_named_so = beside.name.startswith(stem) and middle.isdecimal()
            if is_named_so and beside.name.endswith(meshes):
                found.append(beside)
    return found


def export_sources(volume: Volume, kinds: Sequence[str]) -> dict[int, SourceSlice]:
    """The DICOM slices that exports refer to; none where they are meshes only.

    Called before a run, so that what cannot be written is said before it.

    Raises:
        ConfigError: what writes them is not installed.
        InputError: the volume was not read from DICOM files, or has no thick slices to be made fine.
    """
    if FINE in kinds:
        fine_factor(np.sort(volume.spacing_mm)[::-1].tolist())
    if SEG in kinds:
        import_highdicom()
    if SEG in kinds or RTSTRUCT in kinds:
        return source_slices(volume)
    return {}


def write_exports(
    path: Path | str,
    kinds: Sequence[str],
    volume: Volume,
    session: AnnotationSession,
    segments: Sequence[Segment],
    sources: Mapping[int, SourceSlice],
    engine: str,
) -> list[Path]:
    """Write exports beside a result, all or none.

    `out.nii.gz` gets `out.seg.dcm`, `out.rtstruct.dcm`, `out.fine.seg.nrrd`, and `out.LABEL.stl` for
    each segment that shows anything. On fine slices no segment lies over another: the one with the
    higher label has the voxel.

    Args:
        path: the result.
        kinds: of `EXPORTS`.
        volume: the Volume that was annotated.
        session: whose masks are written.
        segments: of the session's labels.
        sources: from `export_sources`.
        engine: what predicted.

    Returns:
        The files.
    """
    path = Path(path)
    layers, placed = session_layers(session, segments)
    drawn = Segmentation(tuple(layers), tuple(placed), True)
    written = []
    with atomic_folder(path.parent) as partial:
        for kind in dict.fromkeys(kinds):
            if kind in MESHES:
                written += _write_meshes(partial, path, kind, drawn, volume)
                continue
            target = partial / companion(path, SUFFIXES[kind]).name
            if kind == FINE:
                _write_fine(target, session, placed, volume)
            elif kind == SEG:
                write_dicom_segmentation(target, drawn, volume.itk_image, sources, engine)
            else:
                write_rtstruct(target, drawn, volume.itk_image, sources)
            written.append(target)
    return [path.parent / each.name for each in written]


def _write_fine(
    path: Path, session: AnnotationSession, segments: Sequence[Segment], volume: Volume
) -> None:
    """The segments on slices as thin as pixels are wide; thick slices stay as they are."""
    labels = session.stack.to_volume(session.label_map())
    fine, axis, factor = fine_labels(labels, volume.spacing_mm)
    write_labels(path, fine, refine_volume(volume, axis, factor), segments)


def _write_meshes(
    partial: Path,
    path: Path,
    kind: str,
    drawn: Segmentation,
    volume: Volume,
) -> list[Path]:
    """One mesh for each segment that shows anything; its label stands in the file's name."""
    written = []
    for segment in drawn.segments:
        mask = drawn.mask(segment)
        if mask.any():
            target = partial / companion(path, f".{segment.label}.{kind}").name
            write_mesh(target, surface_of(mask, volume.image), segment.name)
            written.append(target)
    return written
