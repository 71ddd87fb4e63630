"""`SmoothedEngine`: any engine, its probabilities smoothed so that neighbouring slices agree.

A BiRNN goes over the probabilities that the engine predicts.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from SlicePropagationLib.arrays import Anchors, Probability
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.adaptation import Adaptation, adapting
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.networks.checkpoint import (
    Checkpoint,
    fill_network,
    load_checkpoint,
    make_from,
)
from SlicePropagationLib.networks.pnet.birnn import BiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.propagation import Engine, blend_by_distance
from SlicePropagationLib.stack import SliceStack

PRESENT = 0.5
NEGLIGIBLE = 0.02
MARGIN = 4  # pixels around what was predicted
FAMILIES = {"birnn", "pnet_birnn"}


class SmoothedEngine:
    """Walks a run to its end, then smooths it.

    The annotated slices at its ends are part of what is smoothed.

    A gap between two annotated slices is walked from both and blended before it is smoothed, so
    that both of its runs predict the same.

    Args:
        engine: the engine that walks.
        birnn: a BiRNN with its weights.
        device: "cpu" or "cuda".

    Attributes:
        model_sha256: hash of the weights that the engine walks with, None for one without.
        smoother_sha256: hash of those that smooth.
    """

    model_sha256: str | None
    smoother_sha256: str

    def __init__(
        self,
        engine: Engine,
        birnn: BiRNN,
        device: str = "cpu",
    ):
        self.name = f"{engine.name}+birnn"
        self.engine = engine
        self.device = device
        self.birnn = birnn.to(device).eval()

    @property
    def adaptation(self) -> Adaptation | None:
        """How the engine that walks learns from annotated slices; None where it does not."""
        return getattr(self.engine, "adaptation", None)

    def adapting(self, adaptation: Adaptation | None) -> "SmoothedEngine":
        """The same of the engine that walks, learning from annotated slices as said."""
        engine = copy.copy(self)
        engine.engine = adapting(self.engine, adaptation)
        return engine

    def prepare(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[None]:
        """What the engine that walks does before its first slice."""
        return getattr(self.engine, "prepare", _needs_nothing)(stack, run, anchors)

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """As `propagation.Engine.walk`.

        Nothing is yielded before the run has been walked to its end.
        """
        maps = predicted(self.engine, stack, run, anchors)
        if maps:
            yield from self._smoothed(maps, run, anchors)

    def _smoothed(
        self,
        maps: list[Probability],
        run: Run,
        anchors: Anchors,
    ) -> list[Probability]:
        """As many (H, W) probabilities as there are maps."""
        sequence = between_anchors(maps, run, anchors)
        slice_shape = maps[0].shape
        window = CropWindow.around_any(
            [values >= NEGLIGIBLE for values in sequence], (MARGIN, MARGIN), slice_shape
        )
        if window is None:
            return maps
        found = self._run_network(np.stack([window.crop(values) for values in sequence]))
        return [window.paste(values, slice_shape) for values in found[1 : 1 + len(maps)]]

    def _run_network(self, sequence: np.ndarray) -> np.ndarray:
        """(T, h, w) float32 of (T, h, w) probabilities."""
        with torch.inference_mode():
            found = self.birnn(torch.from_numpy(sequence)[None].to(self.device))
        return found[0].cpu().numpy()


def _needs_nothing(stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[None]:
    return iter(())


def walk_to_end(
    engine: Engine,
    stack: SliceStack,
    run: Run,
    anchors: Anchors,
) -> list[Probability]:
    """(H, W) float32 probability of each slice of a run until it or the structure has ended."""
    maps = []
    is_open = None in gap_of(run.targets[0], anchors)
    for probability in engine.walk(stack, run, anchors):
        if is_open and not (probability >= PRESENT).any():
            break
        maps.append(np.asarray(probability, np.float32))
        if len(maps) == len(run.targets):
            break
    return maps


def predicted(
    engine: Engine,
    stack: SliceStack,
    run: Run,
    anchors: Anchors,
) -> list[Probability]:
    """(H, W) float32 probability of each slice of a run until it or the structure has ended.

    The blend of both walks in a gap between two anchors.
    """
    maps = walk_to_end(engine, stack, run, anchors)
    left, right = gap_of(run.targets[0], anchors)
    if left is None or right is None:
        return maps
    far = right if run.step > 0 else left
    back = Run(far, run.targets[::-1], run.label)
    nothing = np.zeros(stack.slice_shape, np.float32)
    here = _filled(maps, len(run.targets), nothing)
    there = _filled(walk_to_end(engine, stack, back, anchors), len(run.targets), nothing)[::-1]
    forward, backward = (here, there) if run.step > 0 else (there, here)
    blend = getattr(engine, "blend", blend_by_distance)
    return [
        blend(stack, index, one, other, (left, right), anchors)
        for index, one, other in zip(run.targets, forward, backward, strict=True)
    ]


def _filled(maps, count, nothing):
    """Maps, and nothing for the slices that the walk did not reach."""
    return maps + [nothing] * (count - len(maps))


def between_anchors(
    maps: list[Probability],
    run: Run,
    anchors: Anchors,
) -> list[Probability]:
    """The slices that a run walked, and the annotated slices at its ends.

    Args:
        maps: (H, W) float32 of the slices that were walked, nearest first.
        run: the walk.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.

    Returns:
        (H, W) float32 of the annotated slice that the run begins at, the maps, and of the annotated
        slice it arrived at, where there is one.
    """
    sequence = [anchors[run.anchor].astype(np.float32), *maps]
    if len(maps) < len(run.targets):
        return sequence
    for other in gap_of(run.targets[0], anchors):
        if other not in (None, run.anchor):
            sequence.append(anchors[other].astype(np.float32))
    return sequence


def smooth(
    engine: Engine,
    path: Path | str,
    device: str = "auto",
) -> SmoothedEngine:
    """An engine whose predictions are smoothed.

    Args:
        engine: the engine that walks.
        path: model file of `train birnn` or `train pnet_birnn`.
        device: "auto", "cpu" or "cuda".

    Raises:
        CheckpointError: the weights are missing, damaged, of another family or not safe.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = load_checkpoint(path, FAMILIES)
    smoothed = SmoothedEngine(engine, _birnn_of(checkpoint, path), device)
    smoothed.model_sha256 = getattr(engine, "model_sha256", None)
    smoothed.smoother_sha256 = checkpoint.sha256
    return smoothed


def load_birnn(path: Path | str) -> BiRNN:
    """The BiRNN in a model file of family `birnn` or `pnet_birnn`.

    Raises:
        CheckpointError: it holds none.
    """
    return _birnn_of(load_checkpoint(path, FAMILIES), path)


def _birnn_of(checkpoint: Checkpoint, path: Path | str) -> BiRNN:
    return make_from(_make_birnn, checkpoint, Path(path), "cpu")


def _make_birnn(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> BiRNN:
    birnn = BiRNN(config_from_dict(BiRNNConfig, checkpoint.config["birnn"]))
    if checkpoint.family == "pnet_birnn":  # the smoother is the upper part of that network
        upper = {
            name.removeprefix("birnn."): value
            for name, value in checkpoint.weights.items()
            if name.startswith("birnn.")
        }
        checkpoint = replace(checkpoint, weights=upper)
    return fill_network(birnn, checkpoint, path)
