"""What the outline network is told about a slice: the image, what a walk found, and the anchors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from SlicePropagationLib.arrays import Anchors, Map, Probability
from SlicePropagationLib.engines.appearance import Appearance, Sample
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.digest import digest_of
from SlicePropagationLib.engines.distance import equivalent_radius, signed_distance
from SlicePropagationLib.stack import SliceStack

MAPS = ("image", "previous image", "next image", "log odds", "evidence")
FACTS = ("slices to the nearest anchor", "is between anchors", "anchors that show the structure")
ODDS = MAPS.index("log odds")
ODDS_SCALE = 4.0  # log odds that are 1 on their map
MAX_ODDS = 6.0
MARGIN = 16  # pixels that are seen around what was found
DOUBT = 0.02  # probability from which something was found
RING_RADII = 0.5  # around an annotated outline, what its surroundings are learnt from,
MIN_RING = 4.0  # and at least so many pixels
PERCENTILES = (2.0, 98.0)  # of the intensities in that ring, which are -1 and 1 on their maps
MAX_INTENSITY = 3.0
EVIDENCE_SCALE = 2.0
FARTHEST = 16  # slices from an anchor, beyond which all are as far
MOST_ANCHORS = 6


@dataclass(frozen=True)
class OutlineView:
    """One slice as the outline network sees it.

    Attributes:
        window: the part of the slice.
        maps: (5, h, w) float32 in the order of `MAPS`.
        facts: (3,) float32 in [0, 1], in the order of `FACTS`.
    """

    window: CropWindow
    maps: Map
    facts: Map


@dataclass(frozen=True)
class OutlineLook:
    """What a structure and its surroundings look like near annotated outlines.

    Attributes:
        appearance: what tells the two apart.
        middle, unit: intensity that is 0 on a map, and how much more is 1.
    """

    appearance: Appearance
    middle: float
    unit: float

    @classmethod
    def remembered(cls, stack: SliceStack, anchors: Anchors) -> OutlineLook | None:
        """That of all anchors, kept with the stack; None where none shows the structure."""
        key = ("outline look", digest_of(anchors))
        found = stack.cache.get(key)
        if found is None:
            found = cls._learnt(stack, anchors)
            if found is not None:
                stack.cache.put(key, found, 2 * found.appearance.log_ratio.nbytes)
        return found

    @classmethod
    def _learnt(cls, stack: SliceStack, anchors: Anchors) -> OutlineLook | None:
        samples = []
        near = []
        for index, mask in anchors.items():
            if mask.any():
                ring = max(MIN_RING, RING_RADII * equivalent_radius(mask.sum()))
                margin = int(ring) + 2
                window = CropWindow.around(mask, (margin, margin), stack.slice_shape)
                image = np.asarray(window.crop(stack.images[index]), np.float32)
                distance = signed_distance(window.crop(mask), (1.0, 1.0))
                samples.append(Sample(image, distance, ring))
                near.append(image[np.abs(distance) < ring])
        if not samples:
            return None
        low, high = np.percentile(np.concatenate(near), PERCENTILES)
        unit = (high - low) / 2 or 1.0
        return cls(Appearance.learn(samples), float(low + high) / 2, float(unit))

    def image(self, values: Map) -> Map:
        """Intensities as they are on a map."""
        scaled = (np.asarray(values, np.float32) - np.float32(self.middle)) / np.float32(self.unit)
        return np.clip(scaled, -MAX_INTENSITY, MAX_INTENSITY)


def outline_view(
    stack: SliceStack,
    index: int,
    probability: Probability,
    anchors: Anchors,
) -> OutlineView | None:
    """What the network sees of a slice that is not annotated.

    Args:
        stack: the read-only SliceStack.
        index: the slice.
        probability: (H, W) float32, what a walk found there.
        anchors: {slice index: (H, W) bool mask} of all anchors of the label.

    Returns:
        None where nothing was found, or no anchor shows the structure.
    """
    look = OutlineLook.remembered(stack, anchors)
    found = probability > DOUBT
    if look is None or not found.any():
        return None
    window = CropWindow.around(found, (MARGIN, MARGIN), stack.slice_shape)
    here = np.asarray(window.crop(stack.images[index]), np.float32)
    others = [min(max(other, 0), len(stack) - 1) for other in (index - 1, index + 1)]
    images = [here, *(window.crop(stack.images[other]) for other in others)]
    maps = [
        *map(look.image, images),
        log_odds_of(window.crop(probability)) / np.float32(ODDS_SCALE),
        look.appearance.log_odds(here) / np.float32(EVIDENCE_SCALE),
    ]
    num_shown = sum(bool(mask.any()) for mask in anchors.values())
    return OutlineView(window, np.stack(maps), facts_of(index, anchors, num_shown))


def log_odds_of(probability: Probability) -> Map:
    """(h, w) float32 within MAX_ODDS."""
    least = 1 / (1 + np.exp(np.float32(MAX_ODDS)))
    inside = np.clip(probability, least, 1 - least)
    return np.log(inside / (1 - inside))


def facts_of(index: int, anchors: Collection[int], num_shown: int) -> Map:
    """(3,) float32 of a slice.

    Args:
        index: the slice, not an anchor.
        anchors: all anchors of the label.
        num_shown: how many of them show the structure.
    """
    nearest = min(abs(index - anchor) for anchor in anchors)
    is_between = min(anchors) < index < max(anchors)
    return np.array(
        [
            min(nearest, FARTHEST) / FARTHEST,
            float(is_between),
            min(num_shown, MOST_ANCHORS) / MOST_ANCHORS,
        ],
        np.float32,
    )
