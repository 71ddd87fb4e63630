"""`SliceUNetEngine`: walks with a trained U-Net that corrects what registration predicts.

The network sees a slice, the mask of its neighbour and what registration says. From annotated
slices a small part of it can learn what is special about their structure.
"""

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from SlicePropagationLib.arrays import Anchors, Map, Mask, Probability
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.adaptation import Adaptation
from SlicePropagationLib.engines.distance import probability_of
from SlicePropagationLib.engines.image_registration import RegistrationEngine
from SlicePropagationLib.engines.network_inputs import (
    MAX_LOG_ODDS,
    REGISTRATION,
    NetworkInputs,
    network_inputs,
)
from SlicePropagationLib.engines.outline.refiner import shipped_refiner
from SlicePropagationLib.engines.slice.lessons import (
    AtHand,
    Learned,
    Lesson,
    lesson_runs,
    tuned,
)
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.for_answers import for_answers
from SlicePropagationLib.networks.on_one_thread import on_one_thread
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.orientation import Turn
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack

logger = logging.getLogger(__name__)
# Log odds lost per radius walked beyond the end that registration believes in. Without it some
# structures of a brain leak; on a sample of `val` 0, 0.5 and 2 were tried, and 0.5 had the best
# mean.
ENDING = 0.5
MAX_STRIDE = 1.0  # radii; what the continuation bias adds grows no further
# How much of the network's change counts. Registration knows the most where annotated slices
# enclose the slice; and every annotated slice tells it more of how the structure closes. On `val`
# of the three sets that may be tuned on, 0, .25, .35, .5, .6, .75 and 1 were tried within a gap;
# with 1 more annotated slices helped the network less than they helped registration. Beyond the
# outermost ones it is the inverse of their number: with its root, long structures of OpenKBP lost
# .015 at five slices spaced evenly, and nothing else gained more than .002.
TRUST_IN_GAP = 0.35


class Step(NamedTuple):
    """A slice of a walk: what the network saw, and what came of it.

    Attributes:
        inputs: the slice.
        mask: (size, size) soft mask of its neighbour on the same cells.
        found: (h, w) float32 probability on a part of the slice,
        top, left: whose first pixel this is.
    """

    inputs: NetworkInputs
    mask: Map
    found: Probability
    top: int
    left: int


class SliceUNetEngine:
    """Predicts slice after slice; the soft mask of a slice goes into the next one.

    The network works on a few cells and says how the odds of the registration change; only that
    change is spread over the pixels, so that a large structure keeps the outline that registration
    knows at full resolution.

    Args:
        network: a GuidedUNet with its weights.
        device: "cpu" or "cuda".
        adaptation: how it learns from the annotated slices of a structure; None not to.

    Attributes:
        network: the network. Where its configuration says so, the shipped `OutlineRefiner` looks at
            what was found; the next slice of a walk goes on from what was there before that.
        answering: what is asked in its place where nothing was learned; see `for_answers`.
    """

    name = "slice_unet"
    model_sha256: str

    def __init__(
        self,
        network: GuidedUNet,
        device: str = "cpu",
        adaptation: Adaptation | None = None,
    ):
        self.adaptation = adaptation
        self._looks_at_outlines = network.config.looks_at_outlines
        self._registration = RegistrationEngine()
        self._learned = AtHand()
        self._move(network, device)

    @property
    def outline_sha256(self) -> str | None:
        """Hash of the weights that look at outlines, where any do."""
        refiner = shipped_refiner(self.device) if self._looks_at_outlines else None
        return refiner and refiner.model_sha256

    @property
    def device(self) -> str:
        """Where the network is, "cpu" or "cuda"; it may have been moved, as a GPU was full."""
        return next(self.network.parameters()).device.type

    def adapting(self, adaptation: Adaptation | None) -> "SliceUNetEngine":
        """This engine, learning from annotated slices as said; the network is the same one."""
        engine = copy.copy(self)
        engine.adaptation = adaptation
        engine._learned = AtHand()
        return engine

    def without_outline(self) -> "SliceUNetEngine":
        """This engine, which leaves outlines as they were found; the network is the same one."""
        engine = copy.copy(self)
        engine._looks_at_outlines = False
        engine._learned = AtHand()
        return engine

    def walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
    ) -> Iterator[Probability]:
        """Predict the slices of `run` outward from its anchor.

        Args:
            stack: the read-only SliceStack.
            run: label, anchor index and target indices, nearest first.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            (H, W) float32 probability; nothing from an empty anchor.
        """
        for _ in self.prepare(stack, run, anchors):
            pass
        is_open = None in gap_of(run.targets[0], anchors)
        for step in self._steps(stack, run, anchors, self._learned.of(stack, run.label, anchors)):
            height, width = step.found.shape
            probability = np.zeros(stack.slice_shape, np.float32)
            probability[step.top : step.top + height, step.left : step.left + width] = step.found
            if is_open:  # between annotated slices what both walks found together is refined
                probability = self._refined(stack, step.inputs.index, probability, anchors)
            yield probability

    def prepare(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[None]:
        """Learn from the annotated slices, where that is asked for and there are enough of them.

        Args:
            stack: the read-only SliceStack.
            run: the walk that is to begin.
            anchors: {slice index: (H, W) bool mask} of all anchors of the label.

        Yields:
            None after each moment of work, so that a person can stop it; what is not finished is
            forgotten.
        """
        if self.adaptation is None or not self.adaptation.is_due(anchors):
            return
        if self._learned.of(stack, run.label, anchors) is not None:
            return
        lessons = []
        for lesson_run, known in lesson_runs(run.label, anchors):
            arrived = None
            for step in self._steps(stack, lesson_run, known, None):
                arrived = step
                yield
            if arrived is not None:
                truth = anchors[lesson_run.targets[-1]]
                lessons.append(self._lesson(stack, arrived, truth))
        learned = yield from tuned(self.network, lessons, self.adaptation)
        self._learned.put(stack, run.label, anchors, learned)

    def _lesson(self, stack: SliceStack, step: Step, truth: Mask) -> Lesson:
        """What the network saw on an annotated slice, and what is there, as it sees slices."""
        turn = self._turn(stack)
        inside = step.inputs.roi.sample(truth.astype(np.float32))
        return Lesson(
            turn.of(step.inputs.maps),
            step.inputs.scalar_features,
            turn.of(step.mask[None]),
            turn.of(inside[None]),
        )

    def _steps(
        self,
        stack: SliceStack,
        run: Run,
        anchors: Anchors,
        learned: Learned | None,
    ) -> Iterator[Step]:
        """The slices of a walk, with what the network has learned in place of its own weights."""
        found = anchors[run.anchor]
        top = 0
        left = 0
        trust = TRUST_IN_GAP
        continuation_bias = 0.0
        if None in gap_of(run.targets[0], anchors):
            trust = _trust(anchors)
            continuation_bias = self.network.config.continuation_bias
        turn = self._turn(stack)
        for inputs in network_inputs(stack, run, anchors, self.network.config.cells):
            mask = inputs.roi.sample(found, top, left)
            change = self._predict(inputs, mask, turn, learned)
            change, top, left = inputs.roi.spread(change, stack.slice_shape)
            rows = slice(top, top + change.shape[0])
            columns = slice(left, left + change.shape[1])
            change = change + continuation_bias * min(inputs.stride, MAX_STRIDE)
            odds = inputs.log_odds[rows, columns] + trust * change - ENDING * inputs.past_end
            found = probability_of(odds, 1.0)
            yield Step(inputs, mask, found, top, left)

    def _turn(self, stack: SliceStack) -> Turn:
        return Turn.upright(stack.towards) if self.network.config.is_upright else Turn()

    def blend(
        self,
        stack: SliceStack,
        index: int,
        forward: Probability,
        backward: Probability,
        gap: tuple[int, int],
        anchors: Anchors,
    ) -> Probability:
        """The walks of a gap weighed by how near their anchors are.

        With the interpolated shape where they disagree, as `RegistrationEngine.blend`.
        """
        found = self._registration.blend(stack, index, forward, backward, gap, anchors)
        return self._refined(stack, index, found, anchors)

    def _refined(
        self, stack: SliceStack, index: int, found: Probability, anchors: Anchors
    ) -> Probability:
        if not self._looks_at_outlines or stack.is_time:  # it has not learnt what moves in time
            return found
        try:
            refiner = shipped_refiner(self.device)
            return refiner.refined(stack, index, found, anchors) if refiner else found
        except torch.cuda.OutOfMemoryError:
            self._leave_gpu()
            return self._refined(stack, index, found, anchors)

    def presence(self, stack: SliceStack, run: Run, anchors: Anchors) -> Iterator[float] | None:
        """As `RegistrationEngine.presence`."""
        return self._registration.presence(stack, run, anchors)

    def _predict(
        self,
        inputs: NetworkInputs,
        mask: Map,
        turn: Turn,
        learned: Learned | None,
    ) -> Map:
        """By how much the log odds of the registration are wrong, (size, size) float32.

        Args:
            inputs: the slice as the network sees it.
            mask: (size, size) soft mask of its neighbour on the same cells.
            turn: what brings both the way the network has learnt to see slices.
            learned: weights in place of the network's own; None for those.
        """
        try:
            return self._run_network(inputs, mask, turn, learned)
        except torch.cuda.OutOfMemoryError:
            self._leave_gpu()
            return self._run_network(inputs, mask, turn, learned)

    def _leave_gpu(self) -> None:
        logger.warning("The GPU has no memory left; the propagation goes on with the CPU.")
        torch.cuda.empty_cache()
        self._move(self.network, "cpu")

    def _run_network(
        self,
        inputs: NetworkInputs,
        mask: Map,
        turn: Turn,
        learned: Learned | None,
    ) -> Map:
        arrays = (turn.of(inputs.maps), inputs.scalar_features, turn.of(mask[None]))
        tensors = [
            torch.from_numpy(np.ascontiguousarray(values[None])).to(self.device)
            for values in arrays
        ]
        is_half = self.device == "cuda"
        half = torch.autocast(self.device, enabled=is_half)
        with on_one_thread(), torch.inference_mode(), half:
            logits = self._logits(tensors, learned)
        log_odds = turn.back((logits[0, 1] - logits[0, 0]).float().cpu().numpy())
        return log_odds - MAX_LOG_ODDS * inputs.maps[REGISTRATION]

    def _logits(self, tensors: list[Tensor], learned: Learned | None) -> Tensor:
        if learned is None:
            return self.answering(*tensors)
        # they wait on the CPU, as the network may be moved there when a GPU is full
        weights = {name: value.to(self.device) for name, value in learned.items()}
        return functional_call(self.network, weights, tuple(tensors))

    def _move(
        self,
        network: GuidedUNet,
        device: str,
    ) -> None:
        # torch's types leave `memory_format` out.
        network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.network = network.eval()
        self.answering = self.network
        if self.device == "cpu":
            config = self.network.config
            shape = (1, config.num_maps, config.cells, config.cells)
            one = (torch.ones(shape), torch.ones(1, config.num_facts), torch.ones(shape)[:, :1])
            self.answering = for_answers(self.network, "unet", config.cells, one)


def _trust(anchors: Anchors) -> float:
    """Share in (0, 1] of the network's change beyond the outermost annotated slices.

    1 from the only one, less the more of them there are.
    """
    # A NumPy number where there are several, so that odds are added up in float64.
    num_shown = sum(mask.any() for mask in anchors.values())
    return 1.0 / max(1, num_shown)


def make_guided(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> SliceUNetEngine:
    """The engine of a checkpoint of family slice_unet.guided."""
    network = GuidedUNet(config_from_dict(GuidedUNetConfig, checkpoint.config["network"]))
    return SliceUNetEngine(fill_network(network, checkpoint, path), device)
