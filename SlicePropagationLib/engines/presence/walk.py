"""Whether a structure goes on where a walk has ended, slice by slice."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from SlicePropagationLib.arrays import Anchors
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.digest import digest_of
from SlicePropagationLib.engines.distance import equivalent_radius, signed_distance
from SlicePropagationLib.engines.padding import without_far_padding
from SlicePropagationLib.engines.presence.facts import Look, PresenceFacts
from SlicePropagationLib.engines.presence.network import PresenceNetwork
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.stack import SliceStack

if TYPE_CHECKING:
    from SlicePropagationLib.engines.image_registration import FollowedSlice, RegistrationEngine

HOPELESS = 0.15  # probability at which a structure is thought to be gone,
PATIENCE = 3  # and the number of slices in a row that have less
FARTHEST = 90  # slices from the annotated one
NOTE_BYTES = 1024  # of what is kept of each of them


def presence(
    engine: RegistrationEngine,
    network: PresenceNetwork,
    stack: SliceStack,
    run: Run,
    anchors: Anchors,
) -> Iterator[float]:
    """The probability that the structure is on each target, whatever the walk found there.

    Args:
        engine: what follows the structure; steps that it has walked are remembered.
        network: what judges.
        stack: the read-only SliceStack.
        run: a walk beyond the outermost anchor.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.

    Yields:
        A number in [0, 1] for each target in turn, until the structure is thought to be gone.
    """
    state = network.start()
    hopeless = 0
    for facts in facts_of(engine, stack, run, anchors):
        probability, state = network.read(facts, state)
        yield probability
        hopeless = hopeless + 1 if probability < HOPELESS else 0
        if hopeless >= PATIENCE:
            return


def facts_of(
    engine: RegistrationEngine, stack: SliceStack, run: Run, anchors: Anchors
) -> Iterator[np.ndarray]:
    """The facts of each target of a run, (len(FACTS),) float32, up to FARTHEST slices away."""
    near = Run(run.anchor, run.targets[:FARTHEST], run.label)
    radii_mm = {
        index: equivalent_radius(mask.sum() * stack.pixel_area_mm2)
        for index, mask in anchors.items()
    }
    if not radii_mm[run.anchor]:
        return
    look = _look_of_anchor(engine, stack, run.anchor, anchors, radii_mm[run.anchor])
    facts = PresenceFacts(near, radii_mm, stack.spacing_mm, look)
    notes = list(stack.cache.get(_key_of_notes(engine, stack, run, anchors)) or [])
    for index, note in zip(near.targets, notes, strict=False):
        yield facts.of(index, *note)
    for step in engine.follow(stack, near, anchors, [note.likeness for note in notes]):
        yield facts.of(step.index, *_Note.of(step))


def noted(
    engine: RegistrationEngine, stack: SliceStack, run: Run, anchors: Anchors
) -> Iterator[FollowedSlice]:
    """What `engine.follow` yields; what tells presence stays with the stack.

    So a walk that is asked what lies behind its end need not go there once more.

    Args:
        engine: what follows the structure.
        stack: the read-only SliceStack.
        run: the walk.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.
    """
    steps = engine.follow(stack, run, anchors)
    if stack.is_time or None not in gap_of(run.targets[0], anchors):
        yield from steps
        return
    notes: list[_Note] = []
    stack.cache.put(_key_of_notes(engine, stack, run, anchors), notes, FARTHEST * NOTE_BYTES)
    for step in steps:
        if len(notes) < FARTHEST:
            notes.append(_Note.of(step))
        yield step


class _Note(NamedTuple):
    """What tells whether the structure is on a slice, as `PresenceFacts.of` takes it."""

    likeness: float
    look: Look
    area: int
    cap_radius: float

    @classmethod
    def of(cls, step: FollowedSlice) -> _Note:
        # what registration would give the slice, if the structure did not close
        area = int(np.count_nonzero(step.logits > -step.closing_mm / step.softness_mm))
        cap_radius = 0.0 if step.has_ended else 1 - step.closing_mm / step.radius_mm
        look = Look.of(step.warped.distance(), step.evidence, step.radius_mm)
        return cls(step.likeness, look, area, cap_radius)


def _key_of_notes(
    engine: RegistrationEngine, stack: SliceStack, run: Run, anchors: Anchors
) -> tuple[Hashable, ...]:
    register = engine.register_on(stack)
    return "presence", engine.config, register, run.anchor, run.targets, digest_of(anchors)


def _look_of_anchor(
    engine: RegistrationEngine,
    stack: SliceStack,
    anchor: int,
    anchors: Anchors,
    radius_mm: float,
) -> Look:
    """What the structure looks like on the annotated slice."""
    mask = anchors[anchor]
    reach = int(np.sqrt(mask.sum())) + 4
    window = CropWindow.around(mask, (reach, reach), stack.slice_shape)
    image = window.crop(without_far_padding(stack, anchors).images[anchor])
    distance_mm = signed_distance(window.crop(mask), stack.spacing_mm[1:])
    evidence = engine.appearance_of(stack, anchors).log_odds(image)
    return Look.of(distance_mm, evidence, radius_mm)
