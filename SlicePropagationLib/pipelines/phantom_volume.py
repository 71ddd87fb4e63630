"""A generated CT-like abdomen with known organs.

The same voxels for the same seed, on any machine.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

SPACING_MM = (3.0, 1.4, 1.4)
SUB_SLICES = 3  # a thick slice averages that many thin ones
NAMES = {
    1: "Liver",
    2: "Right kidney",
    3: "Left kidney",
    4: "Spleen",
    5: "Aorta",
}
LIVER, RIGHT_KIDNEY, LEFT_KIDNEY, SPLEEN, AORTA = NAMES
AIR = -1000
FAT = -95
MUSCLE = 55
BOWEL = 30
MAX_THREADS = 4  # that draw slices; each slice is the same in any of them
BEND = 0.028  # of outlines, by a lump of unit size
# How far the lumps of each field reach, as a share of the slice.
SCALES = {
    "rows": 0.07,
    "columns": 0.07,
    "bowel": 0.03,
    "fibre": 0.012,
    "vessels": 0.035,
}


@dataclass(frozen=True)
class Sample:
    """A volume whose organs are known.

    Attributes:
        volume: (K, J, I) int16, in Hounsfield units.
        labels: (K, J, I) uint8, 0 is background.
        spacing_mm: along K, J, I.
        names: {label: name of the organ}.
    """

    volume: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]
    names: dict[int, str]


def make_sample(seed: int = 7, shape: tuple[int, int, int] = (60, 256, 256)) -> Sample:
    """Generate an abdomen, patient's right on the image's left.

    Organs move and change smoothly along the slices.

    Args:
        seed: of the noise, the texture and the lumps of the organs.
        shape: (K, J, I); the anatomy is scaled to it.
    """
    rng = np.random.default_rng(seed)
    lumps = _Lumps(rng, shape[1:])
    volume = np.empty(shape, np.float32)
    labels = np.empty(shape, np.uint8)

    def draw(k: int) -> None:
        heights = [(k + (sub + 0.5) / SUB_SLICES) / shape[0] for sub in range(SUB_SLICES)]
        drawn = [_Drawing(z, shape[1:], lumps).draw() for z in heights]
        volume[k] = np.mean([image for image, _ in drawn], axis=0)
        labels[k] = drawn[SUB_SLICES // 2][1]

    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as pool:
        noise = pool.submit(_noise, rng, shape)
        list(pool.map(draw, range(shape[0])))
    volume += noise.result()
    volume = np.clip(volume, -1024, 1500).round().astype(np.int16)
    return Sample(volume, labels, SPACING_MM, dict(NAMES))


def _noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Fine noise that neighbouring pixels share, and broad shading, in Hounsfield units."""
    fine = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), (0.3, 0.8, 0.8))
    broad = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), (1.0, 4.0, 4.0))
    return np.asarray(11.0 * fine / fine.std() + 4.0 * broad / broad.std())


class _Lumps:
    """Smooth random fields of unit spread that change slowly with height.

    What makes outlines and tissue irregular.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        slice_shape: tuple[int, int],
    ) -> None:
        self._shape = slice_shape
        self._fields = {name: self._field(rng, scale) for name, scale in SCALES.items()}

    def _field(
        self,
        rng: np.random.Generator,
        scale: float,
        layers: int = 13,
    ) -> np.ndarray:
        coarse = rng.standard_normal((layers, 128, 128), np.float32)
        smooth = ndimage.gaussian_filter(coarse, (1.0, 128 * scale, 128 * scale), mode="wrap")
        return smooth / smooth.std()

    def at(
        self,
        name: str,
        z: float,
    ) -> np.ndarray:
        """(H, W) field at height z in [0, 1]."""
        field = self._fields[name]
        position = z * (len(field) - 1)
        low = min(int(position), len(field) - 2)
        flat = field[low] + (position - low) * (field[low + 1] - field[low])
        rows, columns = self._shape
        high = _stretch(flat.astype(np.float64), rows, 0)
        return _stretch(high, columns, 1).astype(np.float32)


class _Ellipse(NamedTuple):
    """Distance from a centre in units of the radii, below 1 inside.

    Attributes:
        window: rows and columns of the slice that the inside lies in, so that small things cost
            little.
        distance: (h, w) in the window.
    """

    window: tuple[slice, slice]
    distance: np.ndarray


class _Drawing:
    """One thin slice at height z, 0 lowest, 1 highest.

    In coordinates -1..1 of rows (down) and columns (right).
    """

    def __init__(
        self,
        z: float,
        shape: tuple[int, int],
        lumps: _Lumps,
    ) -> None:
        self.z = z
        self.lumps = lumps
        self.shape = shape
        self.fibre = lumps.at("fibre", z)
        self.row_lumps = lumps.at("rows", z)
        self.column_lumps = lumps.at("columns", z)
        self.down = np.linspace(-1, 1, shape[0])
        self.right = np.linspace(-1, 1, shape[1])
        self.rows = np.broadcast_to(self.down[:, None], shape)
        self.columns = np.broadcast_to(self.right, shape)
        self.bent_rows = self.rows + BEND * self.row_lumps
        self.bent_columns = self.columns + BEND * self.column_lumps
        largest_lumps = [np.abs(lumps).max() for lumps in (self.row_lumps, self.column_lumps)]
        self.largest_bend = BEND * float(max(largest_lumps))
        self.image = np.full(shape, AIR, np.float32)
        self.labels = np.zeros(shape, np.uint8)

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """(image (H, W) float32 in Hounsfield units, labels (H, W) uint8)."""
        self._draw_wall()
        self._draw_bowel()
        self._draw_bones()
        self._draw_liver()
        self._draw_spleen()
        self._draw_kidney(RIGHT_KIDNEY, -1, 0.10, 0.60)
        self._draw_kidney(LEFT_KIDNEY, 1, 0.18, 0.70)
        self._draw_great_vessels()
        return ndimage.gaussian_filter(self.image, 0.6), self.labels

    def _ellipse(
        self,
        row: float,
        column: float,
        height: float,
        width: float,
        turn: float = 0.0,
        bent: bool = True,
        window: tuple[slice, slice] | None = None,
    ) -> _Ellipse:
        """An ellipse, in a window of one's own or all that its inside can lie in."""
        if window is None:
            reach = max(height, width, 1e-6) + (self.largest_bend if bent else 0.0)
            window = _within(self.down, row, reach), _within(self.right, column, reach)
        down = (self.bent_rows if bent else self.rows)[window] - row
        right = (self.bent_columns if bent else self.columns)[window] - column
        cosine = np.cos(turn)
        sine = np.sin(turn)
        along = (down * cosine - right * sine) / max(height, 1e-6)
        across = (down * sine + right * cosine) / max(width, 1e-6)
        return _Ellipse(window, np.hypot(along, across))

    def _inside(self, ellipse: _Ellipse, below: np.ndarray | float = 1.0) -> np.ndarray:
        """(H, W) bool: where the distance is below a value, 1 at most."""
        inside = np.zeros(self.shape, bool)
        inside[ellipse.window] = ellipse.distance < below
        return inside

    def _paint(
        self,
        where: np.ndarray,
        value: float,
        texture: float = 0.0,
        label: int | None = None,
        window: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> None:
        """Give `where`, (h, w) bool in the window, a value and its texture."""
        fibre = self.fibre[window]
        self.image[window][where] = value + (texture * fibre[where] if texture else 0.0)
        if label is not None:
            self.labels[window][where] = label

    def _fill(
        self,
        ellipse: _Ellipse,
        value: float,
        texture: float = 0.0,
        label: int | None = None,
        *,
        below: float = 1.0,
        within: np.ndarray | None = None,
    ) -> None:
        """Paint the inside of an ellipse, as far as it lies `within` a (H, W) bool."""
        where = ellipse.distance < below
        if within is not None:
            where &= within[ellipse.window]
        self._paint(where, value, texture, label, ellipse.window)

    def _rise(
        self,
        bottom: float,
        top: float,
        power: float = 0.5,
    ) -> float:
        """Relative size at this height of something that lies between two heights.

        0 at its ends, 1 in the middle.
        """
        middle = 2 * (self.z - bottom) / (top - bottom) - 1
        return max(1 - middle * middle, 0.0) ** power

    def _draw_wall(self) -> None:
        waist = 1 - 0.06 * np.sin(np.pi * self.z)
        body = self._ellipse(
            row=0,
            column=0,
            height=0.68 * waist,
            width=0.93 * waist,
            bent=False,
        )
        self._fill(body, FAT, 6)
        self._fill(body, FAT - 10, 8, below=0.975)
        outer = 0.875 + 0.012 * self.row_lumps
        inner = 0.80 + 0.015 * self.column_lumps
        self._paint(self._inside(body, outer[body.window]), MUSCLE, 9)
        self.cavity = self._inside(body, inner[body.window])
        self._paint(self.cavity, FAT, 8)
        for side in (-1, 1):
            back_muscle = self._ellipse(
                row=0.50,
                column=0.22 * side,
                height=0.13,
                width=0.19,
                turn=0.25 * side,
            )
            self._fill(back_muscle, MUSCLE, 12)
            psoas = 0.11 * (1 - 0.8 * self.z)
            psoas_muscle = self._ellipse(
                row=0.30,
                column=0.20 * side,
                height=psoas * 1.2,
                width=psoas,
                turn=0.3 * side,
            )
            self._fill(psoas_muscle, MUSCLE, 9)

    def _draw_bowel(self) -> None:
        loops = self.lumps.at("bowel", self.z)
        anterior = self.cavity & (self.rows < 0.06 + 0.04 * loops) & (self.z < 0.72)
        self._paint(anterior & (loops > 0.1), BOWEL, 14)
        self._paint(anterior & (loops > 0.75), 12, 18)
        self._paint(anterior & (loops > 1.7), -650)
        size = self._rise(0.45, 1.15)
        stomach = self._ellipse(
            row=-0.14,
            column=0.30 + 0.05 * self.z,
            height=0.24 * size,
            width=0.22 * size,
            turn=0.4,
        )
        self._fill(stomach, 70, 8, within=self.cavity)
        self._fill(stomach, 18, 10, below=0.87, within=self.cavity)
        self._fill(stomach, -850, below=0.85, within=self.cavity & (self.rows < -0.27))

    def _draw_bones(self) -> None:
        level = (self.z * 5.3) % 1.0
        is_disc = level > 0.82
        self._draw_vertebra(is_disc)
        for side in (-1, 1):
            if not is_disc:
                self._draw_arch(side)
            for rib in range(6):
                angle = 0.35 + 0.42 * rib + 1.6 * self.z
                self._draw_rib(side, angle, self.z > 0.12 + 0.07 * rib)

    def _draw_vertebra(self, is_disc: bool) -> None:
        vertebra = self._ellipse(
            row=0.34,
            column=0,
            height=0.125,
            width=0.155,
            bent=False,
        )
        self._fill(vertebra, 90 if is_disc else 420, 15)
        self._fill(vertebra, 95 if is_disc else 190, 25, below=0.86)
        process = self._ellipse(
            row=0.51,
            column=0,
            height=0.075,
            width=0.12,
            bent=False,
        )
        self._fill(process, 60 if is_disc else 330, 30)
        canal = self._ellipse(
            row=0.495,
            column=0,
            height=0.042,
            width=0.06,
            bent=False,
        )
        self._fill(canal, 20, 6)
        spine = self._ellipse(
            row=0.585,
            column=0,
            height=0.075,
            width=0.025,
            bent=False,
        )
        self._fill(spine, 90 if is_disc else 300, 30)

    def _draw_arch(self, side: int) -> None:
        arch = self._ellipse(
            row=0.46,
            column=0.19 * side,
            height=0.022,
            width=0.09,
            turn=0.35 * side,
            bent=False,
        )
        self._fill(arch, 260, 30)

    def _draw_rib(
        self,
        side: int,
        angle: float,
        is_there: bool,
    ) -> None:
        angle = angle % 2.6
        if is_there and 0.15 < angle < 2.3:
            row = 0.81 * 0.68 * 0.97 * np.cos(angle)
            column = 0.83 * 0.93 * 0.97 * np.sin(angle) * side
            turn = (angle - np.pi / 2) * side * 0.8 + np.pi / 2
            rib = self._ellipse(
                row=row,
                column=column,
                height=0.020,
                width=0.055,
                turn=turn,
                bent=False,
            )
            self._fill(rib, 560, 20)
            self._fill(rib, 230, 20, below=0.5)

    def _draw_liver(self) -> None:
        both_lobes = self._inside(self._right_lobe()) | self._inside(self._left_lobe())
        liver = both_lobes & self.cavity & (self.rows < 0.42)
        behind = self._ellipse(
            row=0.16,
            column=-0.16,
            height=0.17,
            width=0.12,
        )
        spine = self._ellipse(
            row=0.40,
            column=0,
            height=0.2,
            width=0.2,
        )
        liver &= ~self._inside(behind) & ~self._inside(spine)
        size = self._rise(0.28, 0.52)
        bladder = self._ellipse(
            row=-0.13,
            column=-0.26,
            height=0.10 * size,
            width=0.07 * size,
            turn=0.5,
        )
        gallbladder = self._inside(bladder)
        self._paint(liver, 108, 6, LIVER)
        vessels = np.abs(self.lumps.at("vessels", self.z)) < 0.045
        deep = ndimage.binary_erosion(liver, iterations=max(self.shape[0] // 40, 1))
        self._paint(np.logical_and(vessels, deep), 148, 4)
        self._paint(gallbladder, 8, 4)
        self.labels[gallbladder] = 0

    def _right_lobe(self) -> _Ellipse:
        height = 0.46 * self._rise(0.22, 1.04, 0.55)
        width = 0.33 * self._rise(0.22, 1.04, 0.45)
        return self._ellipse(
            row=-0.02 - 0.10 * self.z,
            column=-0.48 + 0.06 * self.z,
            height=height,
            width=width,
            turn=0.25,
        )

    def _left_lobe(self) -> _Ellipse:
        size = self._rise(0.50, 1.02)
        column = -0.12 + 0.16 * (self.z - 0.5)
        return self._ellipse(
            row=-0.30,
            column=column,
            height=0.20 * size,
            width=0.36 * size,
            turn=-0.2,
        )

    def _draw_spleen(self) -> None:
        size = self._rise(0.42, 0.97)
        outline = self._ellipse(
            row=0.10 - 0.10 * self.z,
            column=0.62,
            height=0.34 * size,
            width=0.17 * size,
            turn=0.15,
        )
        hollow = self._ellipse(
            row=-0.02,
            column=0.44,
            height=0.22,
            width=0.14,
            turn=0.3,
            window=outline.window,
        )
        where = (outline.distance < 1) & (hollow.distance > 1) & self.cavity[outline.window]
        self._paint(where, 122, 8, SPLEEN, outline.window)

    def _draw_kidney(
        self,
        label: int,
        side: int,
        bottom: float,
        top: float,
    ) -> None:
        size = self._rise(bottom, top)
        relative = (self.z - bottom) / (top - bottom)
        row = 0.27 - 0.07 * relative
        column = side * (0.43 - 0.10 * relative)
        height = 0.185 * size
        width = 0.145 * size
        turn = 0.35 * side
        outline = self._ellipse(
            row=row,
            column=column,
            height=height,
            width=width,
            turn=turn,
        )
        opening = self._rise(bottom + 0.12, top - 0.12)
        hilum = self._ellipse(
            row=row - 0.02,
            column=column - side * 0.13,
            height=0.075 * opening,
            width=0.105 * opening,
            window=outline.window,
        )
        share = min(1, 3 * size)  # of the full capsule of fat
        capsule = self._ellipse(
            row=row,
            column=column,
            height=height + 0.035 * share,
            width=width + 0.03 * share,
            turn=turn,
        )
        self._fill(capsule, FAT, 8, 0, within=self.cavity)
        window = outline.window
        kidney = (outline.distance < 1) & (hilum.distance > 1) & self.cavity[window]
        self._paint(kidney, 195, 8, label, window)
        pyramids = kidney & (outline.distance < 0.74)
        angle = np.arctan2(
            self.rows[window][pyramids] - row,
            self.columns[window][pyramids] - column,
        )
        pyramids[pyramids] = np.sin(9 * angle + 6 * self.z) > -0.35
        self._paint(pyramids, 138, 8, window=window)

    def _draw_great_vessels(self) -> None:
        sway = 0.02 * np.sin(3 * self.z)
        aorta = self._ellipse(
            row=0.125,
            column=0.055 + sway,
            height=0.055 + 0.012 * self.z,
            width=0.055 + 0.012 * self.z,
        )
        vena_cava = self._ellipse(
            row=0.11,
            column=-0.11 + sway,
            height=0.055,
            width=0.075,
        )
        self._fill(vena_cava, 128, 5)
        self._fill(aorta, 205, 5, AORTA)


def _within(positions: np.ndarray, center: float, reach: float) -> slice:
    """Which of some ascending positions are that near to a centre."""
    first, last = np.searchsorted(positions, (center - reach, center + reach))
    return slice(int(first), int(last))


def _stretch(field: np.ndarray, length: int, axis: int) -> np.ndarray:
    """A 2D field with `length` values along an axis, interpolated between the old ones' middles."""
    count = field.shape[axis]
    position = (np.arange(length) + 0.5) * (count / length) - 0.5
    position = np.clip(position, 0, count - 1)
    low = np.minimum(position.astype(int), count - 2)
    share = np.expand_dims(position - low, 1 - axis)
    stretched = field.take(low, axis)
    stretched *= 1 - share
    after = field.take(low + 1, axis)
    after *= share
    stretched += after
    return stretched
