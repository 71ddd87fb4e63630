"""The whole loop on a sample or on files: seed one slice, propagate, correct, propagate again."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import read_labels, write_labels
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.metrics import dice_per_slice, dice_without
from SlicePropagationLib.pipelines.phantom_volume import SPLEEN, make_sample
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.propagation import Engine, plan_session, propagate
from SlicePropagationLib.session import AnnotationSession

FILES = (
    "volume.nii.gz",
    "truth.nii.gz",
    "segmentation.seg.nrrd",
    "segmentation.slices.csv",
    "segmentation.json",
    "picture.png",
)


@dataclass(frozen=True)
class DemoRequest:
    """What to show the loop on.

    Attributes:
        out: folder of the results.
        image: a volume, or None for the generated sample.
        truth: label map with the whole structure on the image's grid; None for the sample.
        label: the structure, or None for the sample's spleen or the largest structure of `truth`.
        engine: name or model file, as `make_engine` takes it; None for the default.

    Raises:
        InputError: only one of the two files is named.
    """

    out: Path | str
    image: Path | str | None = None
    truth: Path | str | None = None
    label: int | None = None
    engine: Path | str | None = None

    def __post_init__(self) -> None:
        """Refuse an image without its truth, and a truth without its image."""
        if (self.image is None) != (self.truth is None):
            missing = "--truth" if self.truth is None else "--image"
            raise InputError(
                f"The demo needs the image and its truth together, {missing} is missing; name both"
                " or neither."
            )


@dataclass(frozen=True)
class Story:
    """What happened in a demo, as the picture tells it.

    Attributes:
        session: the finished session.
        label, name: the structure.
        truth: (N, H, W) bool.
        seed, correction: the annotated slices; correction is None where no slice was worth one.
        before, after: (N, H, W) bool masks, before and after the correction.
        scores: Dice in 3D before and after, over the slices that were annotated in neither.
        slice_scores: (N,) Dice of each slice, before and after; NaN where both are empty.
        engine: what walked.
    """

    session: AnnotationSession
    label: int
    name: str
    truth: np.ndarray
    seed: int
    correction: int | None
    before: np.ndarray
    after: np.ndarray
    scores: tuple[float, float]
    slice_scores: tuple[np.ndarray, np.ndarray]
    engine: Engine


def run_demo(request: DemoRequest, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Do the loop and write `FILES` into a folder, all of them or none.

    Args:
        request: what to show it on.
        report: called with each line for the person at the terminal.

    Returns:
        {"seed", "correction", "dice_before", "dice_after", "label", "name", "seconds", "files"}.

    Raises:
        SlicePropagationError: what is wrong with the input, or what is missing; the message says
            what to do.
    """
    from SlicePropagationLib.pipelines.demo_picture import check_matplotlib

    check_matplotlib()
    engine = make_engine(request.engine)
    volume, labels, segments = open_input(request)
    label = choose_label(labels, request.label, request.image is None)
    segment = next(segment for segment in segments if segment.label == label)
    began = time.perf_counter()
    story = tell_story(volume, labels == label, segment, engine, report)
    seconds = time.perf_counter() - began
    out = Path(request.out)
    _write(out, volume, labels, segments, story, seconds)
    before, after = story.scores
    report(
        f"{story.name}: Dice {before:.3f} before, {after:.3f} after the"
        " correction (annotated slices excluded)"
    )
    report(f"Results in {out}: {', '.join(FILES)}")
    return {
        "seed": story.seed,
        "correction": story.correction,
        "dice_before": before,
        "dice_after": after,
        "label": label,
        "name": story.name,
        "seconds": seconds,
        "files": [str(out / name) for name in FILES],
    }


def open_input(request: DemoRequest) -> tuple[Volume, np.ndarray, list[Segment]]:
    """The volume, its (K, J, I) uint8 labels and its segments: the two files, or the sample."""
    if request.image is not None and request.truth is not None:
        volume = read_volume(request.image)
        return volume, *read_labels(request.truth, volume)
    sample = make_sample()
    segments = [
        Segment(label, name, name.replace(" ", "_"), Segment.plain(label).color)
        for label, name in sample.names.items()
    ]
    return volume_of(sample.volume, sample.spacing_mm), sample.labels, segments


def volume_of(array: np.ndarray, spacing_mm: tuple[float, ...]) -> Volume:
    """A Volume of a (K, J, I) array with the given spacing along K, J, I."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(reversed(spacing_mm)))
    return Volume(array, image, Path("sample"))


def choose_label(
    labels: np.ndarray,
    label: int | None,
    is_sample: bool,
) -> int:
    """The structure to show: the one asked for, the sample's spleen, or the largest.

    Raises:
        InputError: the truth has no such label, or none at all.
    """
    counts = np.bincount(labels.ravel(), minlength=256)
    counts[0] = 0
    if not counts.any():
        raise InputError(
            "The truth has no labelled voxel; name a label map with a whole structure."
        )
    if label is None:
        return SPLEEN if is_sample else int(counts.argmax())
    if not 0 < label < 256 or not counts[label]:
        raise InputError(
            f"The truth has no label {label}; choose one of"
            f" {', '.join(map(str, np.flatnonzero(counts)))}."
        )
    return label


def tell_story(
    volume: Volume,
    truth: np.ndarray,
    segment: Segment,
    engine: Engine,
    report: Callable[[str], None],
) -> Story:
    """Seed the slice with the largest area, propagate, correct the suggested slice, propagate.

    Args:
        volume: the image; slices run along K.
        truth: (K, J, I) bool, the whole structure.
        segment: its name and label.
        engine: what walks.
        report: called with each line for the person at the terminal.
    """
    stack = volume.stack()
    session = AnnotationSession(stack, [segment.label])
    label = segment.label
    seed = int(truth.sum(axis=(1, 2)).argmax())
    session.annotate(label, seed, truth[seed])
    report(
        f"{segment.name}: seed on slice {seed} of 0 to {len(stack) - 1}, propagating with"
        f" '{engine.name}'"
    )
    before = _grow(session, engine)
    correction = next_slice_to_correct(session, label)
    if correction is not None:
        report(f"suggested next: slice {correction}; corrected, propagating again")
        session.annotate(label, correction, truth[correction])
    after = _grow(session, engine)
    annotated = session.anchors(label)
    return Story(
        session=session,
        label=label,
        name=segment.name,
        truth=truth,
        seed=seed,
        correction=correction,
        before=before,
        after=after,
        scores=(
            float(dice_without(before, truth, annotated)),
            float(dice_without(after, truth, annotated)),
        ),
        slice_scores=(dice_per_slice(before, truth), dice_per_slice(after, truth)),
        engine=engine,
    )


def _grow(session: AnnotationSession, engine: Engine) -> np.ndarray:
    """Propagate to the end; (N, H, W) bool masks."""
    for _ in propagate(session, engine, plan_session(session)):
        pass
    return session.masks(session.labels[0])


def _write(
    folder: Path,
    volume: Volume,
    labels: np.ndarray,
    segments: list[Segment],
    story: Story,
    seconds: float,
) -> None:
    """Write every file into a temporary folder first.

    The picture too, so that a failure leaves nothing behind.
    """
    from SlicePropagationLib.pipelines.demo_picture import draw_picture

    scores = {
        "dice_before": story.scores[0],
        "dice_after": story.scores[1],
        "seed": story.seed,
        "correction": story.correction,
    }
    with atomic_folder(folder) as partial:
        sitk.WriteImage(volume.itk_image, str(partial / "volume.nii.gz"), True)
        write_labels(partial / "truth.nii.gz", labels, volume, segments)
        write_result(
            partial / "segmentation.seg.nrrd",
            volume,
            story.session,
            segments,
            story.engine,
            seconds,
            demo=scores,
        )
        draw_picture(partial / "picture.png", story)
