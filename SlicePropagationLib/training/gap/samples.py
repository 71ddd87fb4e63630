"""Samples drawn anew every time: a structure, what is annotated, a window of slices.

The window goes through the same front end that the engine has, after its image was varied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.arrays import Masks, Slices
from SlicePropagationLib.engines.gap.square import CELLS, Square
from SlicePropagationLib.engines.gap.window import (
    MAX_INTENSITY,
    Annotation,
    Window,
    make_inputs,
    statistics_of,
)
from SlicePropagationLib.training.contracts import Sample
from SlicePropagationLib.training.gap.drawing import DrawingConfig, draw_annotated, draw_window
from SlicePropagationLib.training.gap.painting import PaintingConfig, paint, vary
from SlicePropagationLib.training.gap.volumes import Structure, load

TRIES = 20
MEMORY = 3  # annotated slices outside the window that are shown


@dataclass(frozen=True)
class SamplesConfig:
    """How samples are drawn and varied.

    Attributes:
        lengths: slices of a window; one is drawn for each batch,
        slices_per_batch: and as many windows as come next to this number of slices.
        axes: voxel axes (of the volume array k, j, i) that slices are cut along,
        max_anisotropy: and not where slices would be that much thicker than their pixels are wide,
            unless it is axis 0.
        turn_share: how often the square is turned by any angle; otherwise by quarters of a turn.
        zoom: largest factor by which the square is wider or narrower than the engine's,
        shift: and largest shift, as a share of its side.
        corrupt: how often an annotated mask is thickened or thinned a little, as people draw.
        shares: {group: how often it is drawn}; the other groups share the rest by the root of
            their number of structures.
        drawing, painting: what is annotated, and how the image is varied.
    """

    lengths: tuple[int, ...] = (12, 16, 24, 32, 48)
    slices_per_batch: int = 96
    axes: tuple[int, ...] = (0, 1, 2)
    max_anisotropy: float = 2.0
    turn_share: float = 0.35
    zoom: float = 1.3
    shift: float = 0.06
    corrupt: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    drawing: DrawingConfig = field(default_factory=DrawingConfig)
    painting: PaintingConfig = field(default_factory=PaintingConfig)


@dataclass(frozen=True)
class _Cut:
    """The slices that a sample may see, of one structure along one axis.

    Attributes:
        images, labels, mask: (N, H, W).
        spacing_mm: of slices, rows and columns.
    """

    images: np.ndarray
    labels: np.ndarray
    mask: Masks
    spacing_mm: tuple[float, float, float]


class GapDataset(torch.utils.data.Dataset):
    """Batches of windows; every item is a whole batch of windows of one length.

    Args:
        structures: what is learnt from.
        folder: of their files.
        config: how samples are drawn.
        is_varied: False for validation: no variation of any kind, one annotated slice or three by
            turns, the same for the same position.
    """

    def __init__(
        self,
        structures: Sequence[Structure],
        folder: Path,
        config: SamplesConfig,
        *,
        is_varied: bool = True,
    ) -> None:
        self.structures = structures
        self.folder = folder
        self.config = config
        self.is_varied = is_varied
        self._weights = _weights(structures, config.shares)

    def __len__(self) -> int:
        return len(self.structures)

    def __getitem__(self, position: int) -> Sample:
        seed = int(torch.randint(2**31, ())) if self.is_varied else position
        rng = np.random.default_rng(seed)
        config = self.config
        if not self.is_varied:
            length = max(config.lengths)
            found = [self._fixed_window(self.structures[position], length, rng)]
        else:
            length = int(rng.choice(config.lengths))
            count = max(1, round(config.slices_per_batch / length))
            found = [self._any_window(length, rng) for _ in range(count)]
        return {name: torch.stack([sample[name] for sample in found]) for name in found[0]}

    def _any_window(self, length: int, rng: np.random.Generator) -> Sample:
        for _ in range(1000):
            structure = self.structures[int(rng.choice(len(self.structures), p=self._weights))]
            cut = _cut(structure, self.folder, self.config, rng)
            if cut is None:
                continue
            for _ in range(TRIES):
                sample = _sample(cut, length, self.config, rng)
                if sample is not None:
                    return sample
        raise RuntimeError("No structure can be annotated; are all of them tiny?")

    def _fixed_window(self, structure: Structure, length: int, rng: np.random.Generator) -> Sample:
        still = replace(
            self.config,
            axes=(0,),
            drawing=replace(
                self.config.drawing,
                num_annotated=(1.0,) if rng.random() < 0.5 else (0.0, 0.0, 1.0),
                largest_share=1.0,
                even_share=1.0,
                empty_share=0.0,
                thin_share=0.0,
                min_pixels=4,
            ),
        )
        cut = _cut(structure, self.folder, still, rng)
        for _ in range(TRIES):
            sample = _sample(cut, length, still, rng, is_varied=False) if cut else None
            if sample is not None:
                return sample
        return self._fixed_window(
            self.structures[(self.structures.index(structure) + 1) % len(self)], length, rng
        )


def _weights(structures: Sequence[Structure], shares: dict[str, float]) -> np.ndarray:
    """(structures,) probabilities of being drawn."""
    groups = [structure.group for structure in structures]
    counts = {group: groups.count(group) for group in set(groups)}
    given = {group: share for group, share in shares.items() if group in counts}
    free = {group: count**0.5 for group, count in counts.items() if group not in given}
    rest = 1 - sum(given.values()) if free else 0.0
    of_group = given | {group: rest * root / sum(free.values()) for group, root in free.items()}
    weights = np.array([of_group[group] / counts[group] for group in groups])
    return weights / weights.sum()


def _cut(
    structure: Structure, folder: Path, config: SamplesConfig, rng: np.random.Generator
) -> _Cut | None:
    """The surroundings of a structure as slices along a random axis; None where it is too thin."""
    spacing = structure.spacing_mm
    extents = [last - first + 1 for first, last in structure.box]
    axes = [
        axis for axis in config.axes if _is_cut_along(axis, spacing, config) and extents[axis] >= 4
    ]
    if not axes:
        return None
    axis = int(rng.choice(axes))
    order = (axis, *(other for other in range(3) if other != axis))
    image = load(folder, structure.volume).transpose(order)
    labels = load(folder, structure.label_map).transpose(order)
    box = [structure.box[index] for index in order]
    steps = tuple(spacing[index] for index in order)
    part = [slice(None)]
    widest = max(
        (last - first + 1) * step for (first, last), step in zip(box[1:], steps[1:], strict=True)
    )
    for (first, last), step in zip(box[1:], steps[1:], strict=True):
        margin = int(1.6 * widest / step) + 20
        part.append(slice(max(0, first - margin), last + margin + 1))
    thin = 1
    if extents[axis] >= 10 and rng.random() < config.drawing.thin_share:
        thin = 2 if extents[axis] < 18 else int(rng.integers(2, 4))
    first, last = box[0]
    reach = 64 * thin
    begin = max(0, first - reach) + int(rng.integers(thin))
    part[0] = slice(begin, last + reach + 1, thin)
    images = np.asarray(image[tuple(part)], np.float32)
    shown = np.asarray(labels[tuple(part)])
    cut = _Cut(images, shown, shown == structure.label, (steps[0] * thin, steps[1], steps[2]))
    return cut if cut.mask.any() else None


def _is_cut_along(axis: int, spacing: Sequence[float], config: SamplesConfig) -> bool:
    finest = min(np.delete(spacing, axis))
    return axis == 0 or spacing[axis] <= config.max_anisotropy * finest


def _sample(
    cut: _Cut,
    length: int,
    config: SamplesConfig,
    rng: np.random.Generator,
    *,
    is_varied: bool = True,
) -> Sample | None:
    """A window of a structure and its truth; None where this draw has none."""
    areas = cut.mask.sum(axis=(1, 2))
    annotated = draw_annotated(areas, config.drawing, rng)
    if annotated is None:
        return None
    start = draw_window(annotated, len(areas), length, config.drawing, rng)
    places = np.arange(start, start + length)
    inside = (places >= 0) & (places < len(areas))
    indices = np.clip(places, 0, len(areas) - 1)
    near = [index for index in annotated if start <= index < start + length]
    if not any(areas[index] for index in near) or inside.sum() < 3:
        return None
    images, labels = cut.images, cut.labels
    first, last = int(indices.min()), int(indices.max())
    seen = images[first : last + 1]
    if is_varied:
        if rng.random() < config.painting.painted_share:
            seen = paint(seen, labels[first : last + 1], rng)
        seen = vary(seen, config.painting, rng)
    square = Square.around([cut.mask[index] for index in near if areas[index]], cut.spacing_mm[1:])
    view = _View.draw(square, config, rng) if is_varied else _View(square, None)
    spacing = cut.spacing_mm[1:]
    cells = view.cells(seen[indices - first], spacing)
    truth = view.cells(cut.mask[indices].astype(np.float32), spacing)
    is_inside = view.inside(cut.mask.shape[1:], spacing)
    notes = {index - start: Annotation.of(truth[index - start], is_inside) for index in near}
    if not any(note.radius for note in notes.values()):
        return None
    pitch = view.square.pitch_mm
    window = Window(
        cells,
        notes,
        cut.spacing_mm[0] / pitch,
        torch.from_numpy(inside),
        is_inside,
        {
            index - start: float(np.sqrt(areas[index] * spacing[0] * spacing[1] / np.pi)) / pitch
            for index in annotated
            if index not in near
        },
        min(spacing) / pitch,
    )
    inputs = make_inputs(window)
    memory = torch.zeros(MEMORY, 4, CELLS, CELLS)
    if not is_varied or first <= min(annotated):
        _remember(memory, cut, view, window, seen, first, [i for i in annotated if i not in near])
    is_annotated = torch.zeros(length)
    is_annotated[list(notes)] = 1
    return {
        "maps": inputs.maps,
        "scalars": inputs.scalars,
        "memory": memory,
        "truth": truth * is_inside * torch.from_numpy(inside)[:, None, None],
        "inside": is_inside.float(),
        "weight": torch.from_numpy(inside).float() * (1 - is_annotated),
        "largest": torch.tensor(max(note.radius for note in notes.values())),
    }


def _remember(
    memory: Tensor,
    cut: _Cut,
    view: _View,
    window: Window,
    seen: Slices,
    first: int,
    outside: Sequence[int],
) -> None:
    """Fill in annotated slices outside the window, where their image was varied with the rest."""
    spacing = cut.spacing_mm[1:]
    low, spread = statistics_of(window)
    number = 0
    for index in outside:
        place = index - first
        if number == len(memory) or not 0 <= place < len(seen):
            continue
        around = [max(0, place - 1), place, min(len(seen) - 1, place + 1)]
        cells = view.cells(seen[around], spacing)
        memory[number, :3] = 0.5 * ((cells - low) / spread).clamp(-MAX_INTENSITY, MAX_INTENSITY)
        memory[number, 3] = 2 * view.cells(cut.mask[index][None].astype(np.float32), spacing)[0] - 1
        number += 1


@dataclass(frozen=True)
class _View:
    """How the cells of a sample lie: a square, turned.

    Attributes:
        square: where it lies, before it is turned.
        affine: (2, 2) turn and reflection; None for none.
    """

    square: Square
    affine: Tensor | None

    @classmethod
    def draw(cls, square: Square, config: SamplesConfig, rng: np.random.Generator) -> _View:
        zoom = float(config.zoom ** rng.uniform(-1, 1))
        side = square.pitch_mm * square.size
        moved = replace(
            square,
            row_mm=square.row_mm + side * float(rng.uniform(-1, 1)) * config.shift,
            column_mm=square.column_mm + side * float(rng.uniform(-1, 1)) * config.shift,
            pitch_mm=square.pitch_mm * zoom,
        )
        quarter = np.pi / 2
        angle = quarter * int(rng.integers(4))
        if rng.random() < config.turn_share:
            angle = float(rng.uniform(0, 2 * np.pi))
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        affine = turn * np.array([mirror, 1.0])
        return cls(moved, torch.from_numpy(affine).float())

    def cells(self, images: np.ndarray, spacing: Sequence[float]) -> Tensor:
        """(T, C, C) of (T, H, W)."""
        if self.affine is None:
            return self.square.sample(images, spacing)
        return self._turned(self._wide().sample(images, spacing))

    def inside(self, slice_shape: tuple[int, int], spacing: Sequence[float]) -> Tensor:
        """(C, C) bool, whether a cell lies on the slices."""
        if self.affine is None:
            return self.square.inside(slice_shape, spacing)
        return self._turned(self._wide().inside(slice_shape, spacing)[None].float())[0] > 0.5

    def _wide(self) -> Square:
        """A square in which the turned one lies; its cells are as large."""
        return replace(self.square, size=2 * int(0.71 * CELLS) + 2)

    def _turned(self, cells: Tensor) -> Tensor:
        scale = CELLS / cells.shape[-1]
        assert self.affine is not None
        theta = torch.cat([self.affine * scale, torch.zeros(2, 1)], dim=1)[None]
        grid = F.affine_grid(theta, [1, 1, CELLS, CELLS], align_corners=False)
        return F.grid_sample(cells[None], grid, padding_mode="border", align_corners=False)[0]
