"""What the gap network is told about a window of successive slices, in one batch.

Registration of all neighbouring slices, both ways; the annotated shapes warped through the composed
displacements; what the intensities say; how the structure is believed to close. All of it is known
on the cells of one square, for every slice of the window at once, on any device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.engines.appearance import NUM_BINS, Appearance, Sample
from SlicePropagationLib.engines.demons import DemonsConfig
from SlicePropagationLib.engines.distance import equivalent_radius, signed_distance
from SlicePropagationLib.engines.end_detection import Taper
from SlicePropagationLib.engines.gap.batched_demons import register_pairs, warp
from SlicePropagationLib.engines.image_registration import RegistrationConfig
from SlicePropagationLib.planning import Run

MAPS = (
    "image",
    "evidence",
    "distance from below",
    "distance from above",
    "change since below",
    "change since above",
    "interpolated distance",
    "registration",
    "annotated",
    "is inside the slice",
)
SIDE_FEATURES = (
    "shows the structure",
    "is empty",
    "distance in radii",
    "distance in slices",
    "likeness",
    "closing",
    "relative area",
    "has one behind",
    "distance of the one behind",
    "growth since the one behind",
)
SCALAR_FEATURES = (
    "is annotated",
    "share of the gap",
    "thickness",
    "radius in cells",
    *(f"below: {name}" for name in SIDE_FEATURES),
    *(f"above: {name}" for name in SIDE_FEATURES),
)
PRIOR = MAPS.index("registration")
MAX_LOG_ODDS = 4.0  # of registration, and the unit of its map
MAX_INTENSITY = 4.0  # robust standard deviations
MAX_EVIDENCE = 3.0
BRIGHTEST = 2.5  # robust standard deviations that registration sees as 1, their negative as 0
# Registration works on half as many points as there are cells: what it finds is smooth.
REDUCTION = 2
DEMONS = DemonsConfig(iterations=(15,), smoothing_pixels=1.6, max_step_pixels=0.35)


@dataclass(frozen=True)
class Annotation:
    """An annotated slice on the cells.

    Attributes:
        mask: (C, C) float32 share of each cell that is inside, on the CPU.
        distance: (C, C) float32 signed distance to the edge in cells, positive inside.
        radius: of the disc with its area, in cells; 0 where it is empty.
    """

    mask: Tensor
    distance: Tensor
    radius: float

    @classmethod
    def of(cls, mask: Tensor, is_inside: Tensor) -> Annotation:
        """The annotation of a mask.

        Args:
            mask: (C, C) share of each cell that is inside the structure; beyond the slice its
                border goes on.
            is_inside: (C, C) bool, whether a cell lies on the slice.
        """
        mask = mask.float().cpu()
        shown = mask.numpy() >= 0.5
        distance = torch.from_numpy(signed_distance(shown, (1.0, 1.0)))
        area = float((mask * is_inside.cpu()).sum())
        return cls(mask, distance, equivalent_radius(area) if shown.any() and area > 0 else 0.0)


@dataclass(frozen=True)
class Window:
    """Successive slices on the cells of a square, some of them annotated.

    Attributes:
        cells: (T, C, C) float32 intensities.
        annotations: {position in the window: Annotation}; at least one shows the structure.
        thickness: distance between slices in cells.
        is_slice: (T,) bool; False beyond the end of the volume.
        is_inside: (C, C) bool, whether a cell lies on the slices.
        others: {position, below 0 or from T on: radius in cells} of annotated slices outside.
        pixel: side of a pixel in cells.
    """

    cells: Tensor
    annotations: Mapping[int, Annotation]
    thickness: float
    is_slice: Tensor
    is_inside: Tensor
    others: Mapping[int, float]
    pixel: float = 1.0

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def shown(self) -> list[int]:
        """Positions of the annotations that show the structure."""
        return [place for place, note in self.annotations.items() if note.radius > 0]


@dataclass(frozen=True)
class WindowInputs:
    """A window as the network sees it.

    Attributes:
        maps: (T, maps, C, C) float32, in the order of `MAPS`.
        scalars: (T, features) float32 in about [-1, 1], in the order of `SCALAR_FEATURES`.
        displacements: (2, T, 2, C, C): where each cell comes from on the annotated slice below it
            and above it, in cells.
    """

    maps: Tensor
    scalars: Tensor
    displacements: Tensor


def make_inputs(window: Window, pairs: Tensor | None = None) -> WindowInputs:
    """All that is known of a window.

    Args:
        window: the slices.
        pairs: what `register_neighbours` found for them, if it was asked before.
    """
    images = normalised(window)
    if pairs is None:
        pairs = register_neighbours(images)
    below = _Side(window, images, pairs[0], is_below=True)
    above = _Side(window, images, pairs[1], is_below=False)
    evidence = _evidence(window)
    interpolated = _interpolated(window)
    prior = _prior(window, below, above, evidence)
    annotated = torch.zeros_like(images)
    for place, note in window.annotations.items():
        annotated[place] = 2 * note.mask.to(images.device) - 1
    is_inside = window.is_inside.to(images) * window.is_slice.to(images)[:, None, None]
    maps = [
        0.5 * images,
        evidence / MAX_EVIDENCE,
        below.radii(),
        above.radii(),
        0.5 * below.change,
        0.5 * above.change,
        interpolated,
        prior / MAX_LOG_ODDS,
        annotated,
        is_inside.expand_as(images),
    ]
    scalars = _scalars(window, below, above).to(images)
    return WindowInputs(torch.stack(maps, dim=1), scalars, torch.stack([below.path, above.path]))


def normalised(window: Window) -> Tensor:
    """(T, C, C) intensities in robust standard deviations of the annotated surroundings."""
    middle, spread = statistics_of(window)
    return ((window.cells - middle) / spread).clamp(-MAX_INTENSITY, MAX_INTENSITY)


def statistics_of(window: Window) -> tuple[float, float]:
    """(median, robust standard deviation) of the intensities in and around what was annotated."""
    values = []
    for place in window.shown:
        note = window.annotations[place]
        near = (note.distance > -max(4.0, 0.9 * note.radius)) & window.is_inside.cpu()
        values.append(window.cells[place].cpu()[near])
    low, middle, high = np.percentile(torch.cat(values).numpy(), [10, 50, 90])
    return float(middle), float(max(high - low, 1e-6 * max(1.0, abs(middle))) / 2.56)


def register_neighbours(images: Tensor) -> Tensor:
    """Displacements between all neighbouring slices.

    Args:
        images: (T, C, C) as `normalised` makes them.

    Returns:
        (2, T, 2, c, c) on c = C / REDUCTION points, in their unit: from slice t to t - 1, zeros at
        the first; and from t to t + 1, zeros at the last.
    """
    seen = (0.5 + images / (2 * BRIGHTEST)).clamp(-0.2, 1.2)
    seen = F.avg_pool2d(seen[:, None], REDUCTION)[:, 0]
    fixed = torch.cat([seen[1:], seen[:-1]])
    moving = torch.cat([seen[:-1], seen[1:]])
    nothing = seen.new_zeros(1, 2, *seen.shape[1:])
    if len(fixed) == 0:
        return torch.stack([nothing, nothing])
    found = register_pairs(fixed, moving, DEMONS)
    down, up = found.chunk(2)
    return torch.stack([torch.cat([nothing, down]), torch.cat([up, nothing])])


class _Side:
    """What the nearest annotated slice below (or above) each slice says of it.

    Attributes:
        source: {position: position of that annotated slice}; slices without one are left out.
        path: (T, 2, C, C) where each cell comes from on it, in cells.
        distance: (T, C, C) warped signed distance in cells; 0 where there is no source.
        change: (T, C, C) image minus the warped annotated image.
        likeness: [T] correlation of the two around the structure.
        closing: [T] cells that the outline has moved inwards, 0 between two outlines.
        radius: [T] radius in cells of the source, 0 where it is empty or there is none.
    """

    def __init__(self, window: Window, images: Tensor, steps: Tensor, *, is_below: bool):
        self.window = window
        self.is_below = is_below
        places = range(len(window)) if is_below else range(len(window) - 1, -1, -1)
        self.source = _sources(places, window.annotations)
        self.path = self._composed(steps, places)
        self._warp_annotations(images)
        self._close()

    def radii(self) -> Tensor:
        """(T, C, C) warped distance in radii of the structure within [-1, 1]."""
        scale = torch.tensor([max(radius, 1.0) for radius in self.radius]).to(self.distance)
        return (self.distance / scale[:, None, None]).clamp(-1, 1)

    def _composed(self, steps: Tensor, places: Sequence[int]) -> Tensor:
        total = torch.zeros_like(steps)
        before = None
        for place in places:
            if before is not None and self.source.get(place, place) != place:
                step = steps[place : place + 1]
                total[place] = (step + warp(total[before : before + 1], step))[0]
            before = place
        return REDUCTION * F.interpolate(
            total, scale_factor=REDUCTION, mode="bilinear", align_corners=False
        )

    def _warp_annotations(self, images: Tensor) -> None:
        window = self.window
        values = torch.zeros(len(images), 2, *images.shape[1:], device=images.device)
        self.radius = [0.0] * len(images)
        for place, source in self.source.items():
            note = window.annotations[source]
            values[place, 0] = note.distance.clamp_min(-1e3).to(images.device)
            values[place, 1] = images[source]
            self.radius[place] = note.radius
        warped = warp(values, self.path)
        has_source = torch.zeros(len(images), 1, 1, device=images.device)
        has_source[list(self.source)] = 1
        self.distance = warped[:, 0] * has_source
        self.change = (images - warped[:, 1]) * has_source
        rings = torch.tensor([max(3.0, 0.5 * radius) for radius in self.radius])
        near = (self.distance > -rings[:, None, None].to(images)) & (has_source > 0)
        self.likeness = _correlations(images, warped[:, 1], near)

    def _close(self) -> None:
        window = self.window
        self.closing = [0.0] * len(window)
        radii = _radii(window)
        for source in sorted(set(self.source.values())):
            if window.annotations[source].radius == 0:
                continue
            targets = [place for place in self.source if self.source[place] == source != place]
            targets.sort(reverse=not self.is_below)
            if not targets or self._is_enclosed(targets[-1]):
                continue
            taper = Taper.of_radii(Run(source, tuple(targets)), radii, window.thickness)
            for place in targets:
                shrink = taper.advance(window.thickness, self.likeness[place])
                self.closing[place] = taper.radius_mm if shrink is None else shrink

    def _is_enclosed(self, place: int) -> bool:
        """Whether an outline follows behind the last target."""
        following = place + 1 if self.is_below else place - 1
        note = self.window.annotations.get(following)
        return note is not None and note.radius > 0


def _sources(places: Sequence[int], annotations: Mapping[int, Annotation]) -> dict[int, int]:
    found = {}
    last = None
    for place in places:
        if place in annotations:
            last = place
        if last is not None:
            found[place] = last
    return found


def _correlations(one: Tensor, other: Tensor, near: Tensor) -> list[float]:
    """Correlation of two stacks of images on some cells of each slice."""
    weight = near.to(one)
    count = weight.sum(dim=(1, 2)).clamp_min(1)

    def centred(values: Tensor) -> Tensor:
        mean = (values * weight).sum(dim=(1, 2)) / count
        return (values - mean[:, None, None]) * weight

    one = centred(one)
    other = centred(other)
    scale = (one.square().sum(dim=(1, 2)) * other.square().sum(dim=(1, 2))).sqrt()
    return ((one * other).sum(dim=(1, 2)) / scale.clamp_min(1e-6)).tolist()


def _evidence(window: Window) -> Tensor:
    """(T, C, C) log likelihood ratio of the intensities, learnt from all annotations."""
    samples = []
    for place in window.shown:
        note = window.annotations[place]
        is_seen = window.is_inside.cpu()
        distance = torch.where(is_seen, note.distance, torch.tensor(-1e3)).numpy()
        ring = max(3 * window.pixel, 0.5 * note.radius)
        samples.append(Sample(window.cells[place].cpu().numpy(), distance, ring))
    appearance = Appearance.learn(samples)
    scale = (NUM_BINS - 1) / (appearance.high - appearance.low)
    position = ((window.cells - appearance.low) * scale).clamp(0, NUM_BINS - 1)
    table = torch.from_numpy(appearance.log_ratio).to(position)
    first = position.floor().clamp_max(NUM_BINS - 2)
    index = first.long()
    return torch.lerp(table[index], table[index + 1], position - first)


def _interpolated(window: Window) -> Tensor:
    """(T, C, C) interpolated distance in radii between two outlines; zeros elsewhere."""
    result = torch.zeros_like(window.cells)
    places = sorted(window.annotations)
    for left, right in zip(places, places[1:], strict=False):
        first = window.annotations[left]
        second = window.annotations[right]
        if min(first.radius, second.radius) == 0:
            continue
        scale = max(first.radius, second.radius, 1.0)
        for place in range(left, right + 1):
            share = (place - left) / (right - left)
            distance = torch.lerp(first.distance, second.distance, share) / scale
            result[place] = distance.clamp(-1, 1).to(result.device)
    return result


def _prior(window: Window, below: _Side, above: _Side, evidence: Tensor) -> Tensor:
    """(T, C, C) log odds of registration: both sides by how near they are."""
    config = RegistrationConfig()
    total = torch.zeros_like(evidence)
    weights = torch.zeros(len(window), 1, 1)
    for side, share in _shares(below, above):
        odds = torch.full_like(evidence, -MAX_LOG_ODDS)
        for place, source in side.source.items():
            radius = side.radius[place]
            if radius == 0:
                continue
            num_slices = abs(place - source)
            growth = config.softness_growth * num_slices * window.thickness / window.pixel
            softest = max(window.pixel, config.softest_radii * radius)
            softness = min(window.pixel * (1 + growth), softest)
            shape = (side.distance[place] - side.closing[place]) / softness
            odds[place] = shape + config.evidence_weight * evidence[place]
        odds = odds.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
        share = torch.tensor(share).view(-1, 1, 1)
        total = total + odds * share.to(odds)
        weights = weights + share
    return total / weights.clamp_min(1e-6).to(total)


def _shares(below: _Side, above: _Side) -> list[tuple[_Side, list[float]]]:
    """How much each side counts on every slice."""
    count = len(below.window)
    of_below = [0.0] * count
    of_above = [0.0] * count
    for place in range(count):
        is_below = below.radius[place] > 0
        is_above = above.radius[place] > 0
        if is_below and is_above and below.source[place] != above.source[place]:
            length = above.source[place] - below.source[place]
            of_below[place] = (above.source[place] - place) / length
            of_above[place] = 1 - of_below[place]
        elif is_below or (not is_above and place in below.source):
            of_below[place] = 1.0
        else:
            of_above[place] = 1.0
    return [(below, of_below), (above, of_above)]


def _scalars(window: Window, below: _Side, above: _Side) -> Tensor:
    """(T, features) in the order of `SCALAR_FEATURES`."""
    largest = max(window.annotations[place].radius for place in window.shown)
    rows = []
    for place in range(len(window)):
        share = 0.0
        if place in below.source and place in above.source:
            length = above.source[place] - below.source[place]
            share = (place - below.source[place]) / max(1, length)
        row = [
            float(place in window.annotations),
            share,
            float(np.clip(np.log2(window.thickness / largest) / 3, -1.5, 1.5)),
            float(np.log2(largest) / 4),
        ]
        for side in (below, above):
            row += _side_features(window, side, place, largest)
        rows.append(row)
    return torch.tensor(rows)


def _side_features(window: Window, side: _Side, place: int, largest: float) -> list[float]:
    """One side's features of a slice, in the order of `SIDE_FEATURES`."""
    source = side.source.get(place)
    if source is None:
        return [0.0] * len(SIDE_FEATURES)
    num_slices = abs(place - source)
    radius = side.radius[place]
    unit = radius or largest
    features = [
        float(radius > 0),
        float(radius == 0),
        float(np.tanh(num_slices * window.thickness / (4 * unit))),
        min(1.0, num_slices / 32),
        side.likeness[place],
        side.closing[place] / unit,
        float(np.log2(max(radius, 0.5) / largest) / 2),
    ]
    behind = _behind(window, source, is_below=side.is_below)
    if behind is None or radius == 0:
        return [*features, 0.0, 0.0, 0.0]
    distance, other = behind
    growth = float(np.clip(np.log2(radius / max(other, 0.5)), -1.5, 1.5))
    return [*features, 1.0, float(np.tanh(distance / (4 * radius))), growth]


def _radii(window: Window) -> dict[int, float]:
    """{position: radius in cells} of all annotated slices, in the window and outside."""
    inside = {place: note.radius for place, note in window.annotations.items()}
    return inside | dict(window.others)


def _behind(window: Window, source: int, *, is_below: bool) -> tuple[float, float] | None:
    """(distance, radius) in cells of the next annotation behind one, None where there is none."""
    radii = _radii(window)
    sign = -1 if is_below else 1
    behind = [place for place in radii if (place - source) * sign > 0]
    if not behind:
        return None
    nearest = min(behind, key=lambda place: abs(place - source))
    return abs(nearest - source) * window.thickness, radii[nearest]
