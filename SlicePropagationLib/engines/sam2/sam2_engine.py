"""`Sam2Engine`: walks with SAM 2, for which slices are the frames of a video."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from SlicePropagationLib.arrays import Anchors, Mask, Probability
from SlicePropagationLib.engines.sam2.frames import Contrast, contrast_of, write_frames
from SlicePropagationLib.engines.sam2.weights import load_predictor
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

logger = logging.getLogger(__name__)
IMAGE_SIZE = 1024  # that SAM 2 was trained with
SIZE_STEP = 32  # pixels; its first layers divide a slice into windows of that size
PRESENT = 0.5
STRUCTURE = 1  # what the predictor calls the one object of a video
# A video holds its frames decoded, 12 MB each at the usual size, and every walk has one. A longer
# walk goes on with a new one, where what it predicted last is shown like an annotated slice.
MOST_SLICES = 48
# Before its first slice a walk looks at the annotated ones; those nearest to it are enough.
MOST_ANCHORS = 8


@dataclass(frozen=True)
class Video:
    """The part of a walk that is looked at as one video.

    Attributes:
        shown: {slice index: (H, W) bool mask} of the annotated slices, and of the one it begins at.
        begin: the slice it begins at, whose mask is known.
        path: the slices that follow, nearest first.
    """

    shown: dict[int, Mask]
    begin: int
    path: tuple[int, ...]

    @property
    def indices(self) -> list[int]:
        """The slices that are its frames, ascending."""
        return sorted({*self.shown, *self.path})

    @property
    def is_reverse(self) -> bool:
        """Whether it is followed from its end."""
        return self.path[0] < self.begin


class Sam2Engine:
    """Shows SAM 2 the annotated slices and lets it follow the structure from one of them.

    Every walk has a memory of its own, so that a result does not depend on what else is walked.

    Args:
        predictor: a SAM2VideoPredictor.
        device: "cpu" or "cuda", where it is.
        image_size: what slices are resampled to, for the name.
    """

    model_sha256: str

    def __init__(self, predictor: Any, device: str = "cpu", image_size: int = IMAGE_SIZE) -> None:
        self.name = "sam2" if image_size == IMAGE_SIZE else f"sam2@{image_size}"
        self.predictor = predictor
        self.device = device

    def walk(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[Probability]:
        """Predict the slices of `run` outward from its anchor; as `propagation.Engine.walk`.

        Slices between the anchor and the first target are followed, too, but not yielded.
        """
        if not anchors[run.anchor].any():
            return
        targets = set(run.targets)
        for index, probability in self._follow(stack, run, nearest(anchors, run)):
            if index in targets:
                yield probability

    def _follow(
        self, stack: SliceStack, run: Run, anchors: dict[int, Mask]
    ) -> Iterator[tuple[int, Probability]]:
        """(slice index, its probability) from the anchor on, video after video."""
        contrast = contrast_of(stack, anchors)
        begin = run.anchor
        mask = anchors[begin]
        end = run.targets[-1]
        while begin != end and mask.any():
            path = tuple(range(begin, end, run.step))[:MOST_SLICES]
            video = Video({**anchors, begin: mask}, begin, tuple(i + run.step for i in path))
            for index, probability in self._watched(stack, video, contrast):
                yield index, probability
                begin = index
                mask = probability >= PRESENT

    def _watched(
        self, stack: SliceStack, video: Video, contrast: Contrast
    ) -> Iterator[tuple[int, Probability]]:
        """(slice index, its probability) of a video.

        Ends early where the predictor has moved to another device; that it does when the memory
        of the GPU is full.
        """
        device = self.device
        try:
            steps = self._steps(stack, video, contrast)
            for index in video.path:
                probability = next(steps)
                yield index, probability
                if self.device != device:
                    return
        except torch.cuda.OutOfMemoryError:
            logger.warning("The GPU has no memory left; the propagation goes on with the CPU.")
            self._move("cpu")

    def _steps(self, stack: SliceStack, video: Video, contrast: Contrast) -> Iterator[Probability]:
        """(H, W) float32 of each slice of a video's path."""
        frames = video.indices
        with self._precision():
            state = self._open(stack, frames, contrast)
            for index, mask in video.shown.items():
                self.predictor.add_new_mask(state, frames.index(index), STRUCTURE, mask)
        steps = self.predictor.propagate_in_video(
            state,
            start_frame_idx=frames.index(video.begin),
            max_frame_num_to_track=len(video.path),
            reverse=video.is_reverse,
        )
        with self._precision():
            next(steps)  # the slice it begins at
        for _ in video.path:
            with self._precision():
                _, _, logits = next(steps)
            yield logits[0, 0].float().sigmoid().cpu().numpy()

    def _open(self, stack: SliceStack, frames: list[int], contrast: Contrast) -> dict[str, Any]:
        """The predictor's state of a video; the files it is read from are gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="slice-propagation-") as folder:
            write_frames(stack, frames, contrast, Path(folder))
            return self.predictor.init_state(folder, offload_video_to_cpu=True)

    def _precision(self) -> torch.autocast:
        """Half as many bits on a GPU, as SAM 2 is meant to be used; never across a `yield`."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda")

    def _move(self, device: str) -> None:
        self.device = device
        self.predictor.to(device)
        torch.cuda.empty_cache()


def nearest(anchors: Anchors, run: Run) -> dict[int, Mask]:
    """{slice index: mask} of the annotated slices that show something, at most MOST_ANCHORS.

    Those nearest to the slices that are walked, the walk's own anchor among them.
    """
    middle = (run.anchor + run.targets[-1]) / 2
    shown = [index for index in sorted(anchors) if anchors[index].any()]
    shown.sort(key=lambda index: abs(index - middle))
    return {index: anchors[index] for index in sorted(shown[:MOST_ANCHORS])}


def make_sam2(device: str, argument: str | None) -> Sam2Engine:
    """The engine of `sam2:ARGUMENT`.

    Args:
        device: "auto", "cpu" or "cuda".
        argument: WEIGHTS.pt, or WEIGHTS.pt@SIZE with the image size of the weights.

    Raises:
        ConfigError: no weights are named, or the size is none.
        CheckpointError: the weights are missing, damaged, foreign or not safe.
    """
    path, image_size = split_size(argument or "")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    # a CPU slows down tenfold on the tiny numbers of a trained network
    torch.set_flush_denormal(True)
    predictor, sha256 = load_predictor(Path(path), image_size, device)
    engine = Sam2Engine(predictor, device, image_size)
    engine.model_sha256 = sha256
    return engine


def split_size(argument: str) -> tuple[str, int]:
    """(file, image size) of FILE or FILE@SIZE.

    Raises:
        ConfigError: there is no file, or the size is not a positive multiple of 32.
    """
    path, mark, text = argument.rpartition("@")
    if not mark or Path(argument).is_file():  # a folder may have the sign in its name
        path = argument
        text = str(IMAGE_SIZE)
    if not path:
        raise ConfigError(
            "Engine 'sam2' walks with weights that you have; name their file: sam2:WEIGHTS.pt, or"
            " sam2:WEIGHTS.pt@512 for weights trained on images of that size."
        )
    if not text.isdecimal() or int(text) == 0 or int(text) % SIZE_STEP:
        raise ConfigError(
            "'{text}' is not an image size of SAM 2 (in 'sam2:{argument}'); give a"
            " multiple of {size_step}, such as 512 for MedSAM2, or leave it out for"
            " {image_size}.",
            text=text,
            argument=argument,
            size_step=SIZE_STEP,
            image_size=IMAGE_SIZE,
        )
    return path, int(text)
