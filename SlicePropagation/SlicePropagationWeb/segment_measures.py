"""How large the segments are, and how bright what lies in them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from SlicePropagationMRML.run.document import Document

if TYPE_CHECKING:
    from SlicePropagationLib.session import AnnotationSession
    from SlicePropagationWeb.page_session import PageSession

MM3_PER_ML = 1000.0


def volumes_ml(document: Document | None) -> dict[str, float]:
    """{segment ID: volume in ml} of the segments that are worked on."""
    if document is None:
        return {}
    session = document.session
    return {name: _volume_ml(session, label) for label, name in document.segments.items()}


def ml_text(volume: float | None) -> str:
    """A volume as a person reads it; empty for none."""
    return f"{volume:.3g} ml" if volume else ""


def segment_measures(
    session: "PageSession",
    segments: list[dict[str, Any]],
) -> list[dict[str, str]]:
    """Rows of the table of segments.

    Args:
        session: the PageSession.
        segments: as the page lists them.

    Returns:
        [{"id", "name", "color", "volume", "slices", "drawn", "intensity": mean and standard
        deviation}], texts; empty ones for what is not known.
    """
    document = session.document
    if document is None:
        return []
    labels = {name: label for label, name in document.segments.items()}
    return [
        {
            **{key: segment[key] for key in ("id", "name", "color")},
            **_measures(document.session, labels[segment["id"]]),
        }
        for segment in segments
        if segment["id"] in labels
    ]


def _measures(session: "AnnotationSession", label: int) -> dict[str, str]:
    slices = np.flatnonzero(session.areas(label))
    return {
        "volume": ml_text(_volume_ml(session, label)) or "0 ml",
        "slices": str(len(slices)),
        "drawn": str(len(session.anchors(label))),
        "intensity": _intensity_text(session, label, slices),
    }


def _volume_ml(session: "AnnotationSession", label: int) -> float:
    stack = session.stack
    voxel_mm3 = stack.spacing_mm[0] * stack.pixel_area_mm2
    return float(session.areas(label).sum() * voxel_mm3 / MM3_PER_ML)


def _intensity_text(
    session: "AnnotationSession",
    label: int,
    slices: np.ndarray,
) -> str:
    inside = [_inside(session, label, int(index)) for index in slices]
    if not inside:
        return ""
    voxels = np.concatenate(inside).astype(float)
    return f"{voxels.mean():.4g} ± {voxels.std():.3g}"


def _inside(session: "AnnotationSession", label: int, index: int) -> np.ndarray:
    """The intensities inside a label on one slice."""
    patch = session.state(label, index).patch
    return session.stack.images[index][patch.window][patch.crop]
