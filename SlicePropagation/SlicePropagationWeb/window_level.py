"""Window and level: which intensities of the volume are black and which white."""

import math
from dataclasses import dataclass

from SlicePropagationMRML.nodes.geometry import intensityRange
from SlicePropagationMRML.nodes.types import Schedule, VolumeNode
from trame_slicer.core import VolumeWindowLevel

from SlicePropagationLib.errors import InputError
from SlicePropagationWeb.kept_windows import KeptWindows
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.window_presets import AUTOMATIC, CT_PRESETS

AIR_HU = -800.0  # what has so little is CT: air is at -1000 there, and at 0 elsewhere
LOWEST_HU = -4096.0
DRAG_PIXELS = 200.0  # of a drag that multiplies the width by e, or moves the level by one width
MIN_WIDTH = 1e-6
KEEP_MS = 500  # after a change


@dataclass(frozen=True)
class Window:
    """Which intensities are told apart.

    Attributes:
        width: how many there are between black and white, > 0.
        level: the one in the middle.
    """

    width: float
    level: float


class WindowLevel:
    """The window of the volume that is open; each volume has its own, also in the next session.

    Args:
        data: the PanelState that the browser shows.
        kept: where the windows are kept.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
    """

    def __init__(self, data: PanelState, kept: KeptWindows, schedule: Schedule) -> None:
        self._data = data
        self._volume: VolumeNode = None  # the one that is set, the first or the second image
        self._source = ""
        self._first: tuple[VolumeNode, str] = (None, "")
        self._second: tuple[VolumeNode, str] | None = None
        self._kept = kept
        self._schedule = schedule
        self._is_due = False
        self._known = {source: Window(*pair) for source, pair in kept.read().items()}

    def open(self, volume_node: VolumeNode, source: str) -> None:
        """Another volume is shown: as it was when it was open before, or by its modality.

        Args:
            volume_node: the volume.
            source: what it was read from.
        """
        self._first = (volume_node, source)
        self._second = None
        self._open(self._first)

    def open_second(self, volume_node: VolumeNode, source: str) -> None:
        """A second image is shown over the volume; it has a window of its own.

        Args:
            volume_node: the second image.
            source: what it was read from.
        """
        self._second = (volume_node, source)
        self._open(self._second)

    def close_second(self) -> None:
        """The second image goes; the window is that of the first one again."""
        self._second = None
        self.choose_image(is_second=False)

    def choose_image(self, *, is_second: bool) -> None:
        """Show and set the window of the first image, or of the second one."""
        self._take(self._second if is_second and self._second else self._first)
        self._show()

    def _open(self, image: tuple[VolumeNode, str]) -> None:
        self._take(image)
        if self._source in self._known:
            self._apply(self._known[self._source])
        else:
            self.reset()

    def _take(self, image: tuple[VolumeNode, str]) -> None:
        self._volume, self._source = image
        self._data.is_ct = self._volume is not None and is_ct(self._volume)
        self._data.sets_second = image is self._second

    def reset(self) -> None:
        """Soft tissue for CT, else all but the darkest and brightest thousandth."""
        self.choose("soft-tissue" if self._data.is_ct else AUTOMATIC)

    def choose(self, preset: str) -> None:
        """Take a preset of `CT_PRESETS`, or the automatic range."""
        if preset == AUTOMATIC:
            self._apply(automatic(self._volume))
        else:
            self._apply(Window(*CT_PRESETS[preset][1:]))

    def set_width(self, width: float) -> None:
        """Take a width that a person typed.

        Raises:
            InputError: the width is not above 0.
        """
        if not width > 0:
            self._show()
            raise InputError(f"A window of width {width:g} shows nothing; type a width above 0.")
        self._apply(Window(float(width), self._current()[1]))

    def set_level(self, level: float) -> None:
        """Take a level that a person typed."""
        self._apply(Window(self._current()[0], float(level)))

    def drag(self, right: float, up: float) -> None:
        """The mouse was dragged so many pixels: to the right widens, up makes brighter."""
        if self._volume is None:
            return
        width, level = self._current()
        level -= width * up / DRAG_PIXELS
        self._apply(Window(max(width * math.exp(right / DRAG_PIXELS), MIN_WIDTH), level))

    def _current(self) -> tuple[float, float]:
        lowest, highest = VolumeWindowLevel.get_volume_display_range(self._volume)
        return VolumeWindowLevel.min_max_to_window_level(lowest, highest)

    def _apply(self, window: Window) -> None:
        if self._volume is None:
            return
        self._known.pop(self._source, None)  # the latest stands last
        self._known[self._source] = window
        self._keep_later()
        VolumeWindowLevel.set_volume_node_window_level(self._volume, window.width, window.level)
        self._show()

    def _keep_later(self) -> None:
        """A drag sets many windows; the last one is kept."""
        if not self._is_due:
            self._is_due = True
            self._schedule(KEEP_MS, self.keep)

    def keep(self) -> None:
        """Have the windows on the disk, if any changed."""
        if self._is_due:
            self._is_due = False
            pairs = {source: (each.width, each.level) for source, each in self._known.items()}
            self._kept.write(pairs)

    def _show(self) -> None:
        """Have the browser show what holds."""
        if self._volume is not None:
            self._data.window = [float(f"{value:.5g}") for value in self._current()]


def automatic(volume_node: VolumeNode) -> Window:
    """The window from the thousandth of the voxels that is darkest to the one that is brightest."""
    lowest, highest = VolumeWindowLevel.get_volume_auto_min_max_range(volume_node)
    width, level = VolumeWindowLevel.min_max_to_window_level(lowest, highest)
    return Window(width or 1.0, level)


def is_ct(volume_node: VolumeNode) -> bool:
    """Whether intensities look like Hounsfield units, as files rarely say what they are."""
    lowest, highest = intensityRange(volume_node)
    return LOWEST_HU <= lowest <= AIR_HU and highest > 0
