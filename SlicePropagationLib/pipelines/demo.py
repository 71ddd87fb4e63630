"""The whole loop on a sample or on files: seed one slice, propagate, correct the suggested slice, propagate again."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from SlicePropagationLib.confidence import next_slice_to_correct
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.atomic import atomic_folder
from SlicePropagationLib.files.segmentation_file import Segment, read_labels, write_labels
from SlicePropagationLib.files.volume import Volume, read_volume
from SlicePropagationLib.metrics import dice_per_slice, dice_without
from SlicePropagationLib.pipelines.phantom_volume import SPLEEN, make_sample
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

FILES = (
    "volume.nii.gz",
    "truth.nii.gz",
    "segmentation.seg.nrrd",
    "segmentation.slices.csv",
    "segmentation.json",
    "picture.png",
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
        engine: name of what walked.
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
    engine: str


def run_demo(out_dir, image=None, truth=None, label=None, engine=None, report=print):
    """Do the loop and write `FILES` into a folder, all of them or none.

    Args:
        image, truth: files; without them the generated sample is used.
        label: the structure, default the sample's spleen, or the largest structure of `truth`.
        engine: name of an engine, default the project's.
        report: called with each line for the person at the terminal.

    Returns:
        {"seed", "correction", "dice_before", "dice_after", "label", "name", "seconds", "files"}.

    Raises:
        SlicePropagationError: what is wrong with the input, or what is missing; the message says
            what to do.
    """
    from SlicePropagationLib.pipelines.demo_picture import check_matplotlib

    check_matplotlib()
    walker = make_engine(engine)
    volume, labels, segments = open_input(image, truth)
    label = choose_label(labels, label, image is None)
    segment = next(segment for segment in segments if segment.label == label)
    began = time.perf_counter()
    story = tell_story(volume, labels == label, segment, walker, report)
    seconds = time.perf_counter() - began
    _write(Path(out_dir), volume, labels, segments, story, seconds)
    report(
        f"{story.name}: Dice {story.scores[0]:.3f} before, {story.scores[1]:.3f} after the"
        " correction (annotated slices excluded)"
    )
    report(f"Results in {out_dir}: {', '.join(FILES)}")
    return {
        "seed": story.seed,
        "correction": story.correction,
        "dice_before": story.scores[0],
        "dice_after": story.scores[1],
        "label": label,
        "name": story.name,
        "seconds": seconds,
        "files": [str(Path(out_dir) / name) for name in FILES],
    }


def open_input(image=None, truth=None):
    """(Volume, (K, J, I) uint8 labels, segments) of two files, or of the generated sample.

    Raises:
        InputError: only one of the two files is named.
    """
    if (image is None) != (truth is None):
        missing = "--truth" if truth is None else "--image"
        raise InputError(
            f"The demo needs the image and its truth together, {missing} is missing; name both or"
            " neither."
        )
    if image is not None:
        volume = read_volume(image)
        return volume, *read_labels(truth, volume)
    sample = make_sample()
    segments = [
        Segment(label, name, name.replace(" ", "_"), Segment.plain(label).color)
        for label, name in sample.names.items()
    ]
    return volume_of(sample.volume, sample.spacing_mm), sample.labels, segments


def volume_of(array, spacing_mm):
    """A Volume of a (K, J, I) array with the given spacing along K, J, I."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(reversed(spacing_mm)))
    return Volume(array, image, Path("sample"))


def choose_label(labels, label, is_sample):
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


def tell_story(volume, truth, segment, engine, report):
    """Seed the slice with the largest area, propagate, correct the suggested slice, propagate.

    Returns the Story.

    Args:
        truth: (K, J, I) bool, the whole structure; slices run along K.
    """
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm)
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
    scores = tuple(float(dice_without(masks, truth, annotated)) for masks in (before, after))
    slice_scores = tuple(dice_per_slice(masks, truth) for masks in (before, after))
    return Story(
        session,
        label,
        segment.name,
        truth,
        seed,
        correction,
        before,
        after,
        scores,
        slice_scores,
        engine,
    )


def _grow(session, engine):
    for _ in propagate(session, engine, plan_session(session)):
        pass
    return session.masks(session.labels[0])


def _write(folder, volume, labels, segments, story, seconds):
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
        sitk.WriteImage(volume.image, str(partial / "volume.nii.gz"), True)
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
