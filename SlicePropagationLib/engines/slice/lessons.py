"""What a network learns from the annotated slices of one structure, before it walks.

Every two neighbouring annotated slices are a lesson in both directions: the walk from the one,
which knows all annotated slices but the other, arrives at the other, where a person said what is
there. So the network is asked what it will be asked between them, and not told the answer. Only the
last step of a walk is learnt from; the walk itself goes with the weights as they come, and its
inputs do not depend on them, so that it is walked once.

What learns is the scale and the shift of every normalisation and the last layer: about a
thousandth of the network, too little to forget what a structure looks like.
"""

import copy
import weakref
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from SlicePropagationLib.arrays import Anchors, Map
from SlicePropagationLib.cache import Cache
from SlicePropagationLib.engines.adaptation import Adaptation
from SlicePropagationLib.engines.digest import digest_of
from SlicePropagationLib.engines.network_inputs import IMAGES
from SlicePropagationLib.networks.on_one_thread import on_one_thread
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.planning import Run
from SlicePropagationLib.stack import SliceStack

Learned: TypeAlias = dict[str, Tensor]  # {name of a parameter: what takes its place}, on the CPU
# Of all lessons together: what keeps the walks to a few seconds, however much is annotated.
MOST_SLICES = 120
MOST_LESSONS = 12
LEARNING_RATE = 0.003
VARIATION = 0.1  # standard deviation of gain and offset, of which the robust spread is 1
DICE_WEIGHT = 0.5  # beside 4 x the cross-entropy, as in the training
DICE_SMOOTHING = 16.0  # cells
ROOM = 4 * 2**20  # bytes of what was learned of the latest structures


class Lesson(NamedTuple):
    """An annotated slice that a walk arrives at, as the network sees it.

    Attributes:
        maps: (num_maps, size, size) float32,
        scalar_features: (num_facts,) float32, both as in `NetworkInputs`.
        mask: (1, size, size) soft mask of the slice before.
        inside: (1, size, size) float32, the share of each cell that is in the annotated mask.
    """

    maps: Map
    scalar_features: Map
    mask: Map
    inside: Map


class AtHand:
    """What was learned of the latest structures, so that each of their walks need not learn it.

    A structure is a label of a stack with its annotated slices as they are: where one changes, it
    is another structure.
    """

    def __init__(self) -> None:
        self._stack: weakref.ref[SliceStack] | None = None
        self._cache = Cache(ROOM)

    def of(self, stack: SliceStack, label: int, anchors: Anchors) -> Learned | None:
        """What was learned of a structure; None where nothing was."""
        if self._stack is None or self._stack() is not stack:
            return None
        return self._cache.get((label, digest_of(anchors)))

    def put(self, stack: SliceStack, label: int, anchors: Anchors, learned: Learned) -> None:
        """Keep what was learned of a structure; other stacks are forgotten."""
        if self._stack is None or self._stack() is not stack:
            self._stack = weakref.ref(stack)
            self._cache = Cache(ROOM)
        num_bytes = sum(value.nbytes for value in learned.values())
        self._cache.put((label, digest_of(anchors)), learned, num_bytes)


def lesson_runs(label: int, anchors: Anchors) -> Iterator[tuple[Run, Anchors]]:
    """The walks to learn from, the shortest first.

    Args:
        label: the label that learns.
        anchors: {slice index: (H, W) bool mask} of all its anchors.

    Yields:
        (walk whose last target is an annotated slice, the anchors without that one).
    """
    ordered = sorted(anchors)
    pairs = list(zip(ordered, ordered[1:], strict=False))
    num_slices = 0
    both = [pair for one, other in pairs for pair in ((one, other), (other, one))]
    for start, end in sorted(both, key=lambda pair: abs(pair[1] - pair[0]))[:MOST_LESSONS]:
        num_slices += abs(end - start)
        if num_slices > MOST_SLICES:
            return
        if anchors[start].any():
            step = 1 if end > start else -1
            known = {index: mask for index, mask in anchors.items() if index != end}
            yield Run(start, tuple(range(start + step, end + step, step)), label), known


def tuned(
    network: GuidedUNet, lessons: Sequence[Lesson], adaptation: Adaptation
) -> Generator[None, None, Learned]:
    """Tune a small part of a network on lessons; the network itself stays as it is.

    It is done on one thread of the CPU, so that a machine with a GPU, or with more cores, makes the
    same of the same lessons.

    Args:
        network: a GuidedUNet with its weights.
        lessons: what it learns from; none leave the weights as they are.
        adaptation: how.

    Yields:
        None after each step.

    Returns:
        `Learned`.
    """
    pupil = copy.deepcopy(network).to("cpu")
    weights = _small_part(pupil)
    optimizer = torch.optim.Adam(weights.values(), lr=LEARNING_RATE)
    chance = torch.Generator().manual_seed(adaptation.seed)
    arrays = [np.stack(parts).astype(np.float32) for parts in zip(*lessons, strict=True)]
    seen = [torch.from_numpy(array) for array in arrays]
    for _ in range(adaptation.steps if lessons else 0):
        maps, scalar_features, mask, inside = seen
        with on_one_thread():
            inputs = (_varied(maps, chance), scalar_features, mask)
            logits = functional_call(pupil, weights, inputs)
            loss = _loss(logits[:, 1:] - logits[:, :1], inside)
            optimizer.zero_grad(set_to_none=True)
            loss.backward(inputs=list(weights.values()))
            optimizer.step()
        yield
    return {name: value.detach() for name, value in weights.items()}


def _small_part(network: GuidedUNet) -> Learned:
    """The parameters that learn, by their names in the network."""
    part = {}
    for module_name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) or module is network.unet.head:
            for name, value in module.named_parameters(recurse=False):
                part[f"{module_name}.{name}"] = value.requires_grad_()
    return part


def _varied(maps: Tensor, chance: torch.Generator) -> Tensor:
    """(B, num_maps, H, W) maps whose intensities are a little brighter or darker, as others are."""
    gain, offset = VARIATION * torch.randn((2, len(maps), 1, 1, 1), generator=chance)
    images = maps[:, IMAGES] * (1 + gain) + offset
    return torch.cat([images, maps[:, IMAGES.stop :]], dim=1)


def _loss(log_odds: Tensor, inside: Tensor) -> Tensor:
    """Cross-entropy and soft Dice of (B, 1, H, W) log odds, as in the training."""
    entropy = F.binary_cross_entropy_with_logits(log_odds, inside)
    found = log_odds.sigmoid()
    both = (found * inside).sum(dim=(1, 2, 3))
    total = (found + inside).sum(dim=(1, 2, 3))
    dice = (2 * both + DICE_SMOOTHING) / (total + DICE_SMOOTHING)
    return 4 * entropy + DICE_WEIGHT * (1 - dice).mean()
