"""A second image of the same patient, blended over the first one in the slice views.

It is looked at only: nothing is drawn by its voxels, and nothing is propagated on it. The views resample
it by its geometry.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.volume_files import addVolumeNode, removeVolumeNode

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.label_look import are_labels
from SlicePropagationLib.files.segmentation_file import is_segmentation
from SlicePropagationLib.files.series_choice import SeriesChoiceError
from SlicePropagationLib.files.volume import Volume
from SlicePropagationWeb.file_lists import choice_items
from SlicePropagationWeb.opening import read_with_remarks

if TYPE_CHECKING:
    from SlicePropagationMRML.nodes.types import VolumeNode

    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.loading import Loading
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.window_level import WindowLevel
    from SlicePropagationWeb.workspace import Workspace

FIRST_SHARE = 50  # percent of the second image, when it comes


def read_second(source: Path | str, series: str | None = None) -> tuple[Volume, list[str]]:
    """Read an image that is to be shown with another one.

    Args:
        source: file or DICOM folder.
        series: which volume of a DICOM folder that holds several.

    Returns:
        (the volume, [sentence about it]).

    Raises:
        InputError: it cannot be used, or holds labels.
    """
    is_named_so = is_segmentation(source)
    volume, remarks = (None, []) if is_named_so else read_with_remarks(source, series)
    if volume is None or are_labels(volume.array):
        raise InputError(
            f"{Path(source).name} holds labels, and no image; choose an image such as T2 or PET."
        )
    return volume, remarks


class SecondImage:
    """Loads it, blends it, and takes it away.

    Args:
        controller: the SegmentationController, which has the first image.
        views: the PageViews.
        window: the WindowLevel: each image has its own.
        workspace: the Workspace.
        autosave: the Autosave, which remembers it.
        loop: the EventLoop.
        loading: the Loading.
        data: the PanelState that the browser shows.
        say: shows a sentence on the page.

    Attributes:
        node: the volume, or None.
    """

    def __init__(
        self,
        controller: "SegmentationController",
        views: "PageViews",
        window: "WindowLevel",
        workspace: "Workspace",
        autosave: "Autosave",
        loop: "EventLoop",
        loading: "Loading",
        data: "PanelState",
        say: Callable[..., None],
    ) -> None:
        self._controller = controller
        self._views = views
        self._window = window
        self._workspace = workspace
        self._autosave = autosave
        self._loop = loop
        self._loading = loading
        self._data = data
        self._say = say
        self.node: VolumeNode = None

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {
            "second": self.show_dialog,
            "load_second": self.load,
            "remove_second": self.remove,
            "swap": self.swap,
        }

    def show_dialog(self) -> None:
        """List what can be shown with the image that is open."""
        if self._controller.volume is None:
            raise InputError("Open a volume first; the second image is shown with it.")
        opened = str(self._autosave.source)
        images = self._workspace.images()
        self._data.second_images = [image for image in images if image["path"] != opened]
        self._data.second_choices = []
        self._data.second_problem = ""
        self._data.find = ""
        self._data.is_second_dialog = True

    def load(self, text: str, series: str | None = None) -> None:
        """Show an image with the one that is open, by its path.

        Args:
            text: the path.
            series: which volume of a DICOM folder that holds several.

        Raises:
            InputError: it lies outside the folders.
        """
        self._loop.begin(
            self._load(self._workspace.readable_path(text), str(series) if series else None)
        )

    def restore(self, offer: dict[str, Any]) -> None:
        """Show again what was shown with unsaved work; without it, the work is still whole."""
        if offer.get("second"):
            series = offer.get("second_series") or None
            self._loop.begin(self._load(Path(offer["second"]), series))

    async def _load(self, path: Path, series: str | None) -> None:
        first = self._controller.volume
        data = self._data
        self._loading.begin(path.name)
        data.second_problem = ""
        try:
            volume, remarks = await self._loading.read(read_second, path, series)
            if self._controller.volume is first:
                self._show(path, series, volume)
                self._say(" ".join([*remarks, f"{path.name} is shown too; B changes over."]))
        except SeriesChoiceError as error:
            data.second_choices = choice_items(path, error)
            data.is_second_dialog = True
        except SlicePropagationError as error:
            data.second_problem = str(error)
            self._say(str(error), is_error=not data.is_second_dialog)
        self._loading.end()

    def _show(self, path: Path, series: str | None, volume: Volume) -> None:
        self._take_away()
        self.node = addVolumeNode(self._controller.volume.GetScene(), volume, path.name)
        self._window.open_second(self.node, f"{path} {series or ''}")
        self._views.show_second(self.node)
        self._data.second_name = path.name
        self._data.is_second_dialog = False
        self._remember(str(path), series or "")
        self._data.second_share = FIRST_SHARE
        self.blend(FIRST_SHARE)

    def remove(self) -> None:
        """Show the first image alone again."""
        self.clear()
        self._remember("", "")
        self._views.refresh()

    def clear(self) -> None:
        """Another volume comes: what was shown with the one before goes."""
        self._take_away()
        self._data.second_name = ""
        self._data.second_share = 0

    def _take_away(self) -> None:
        if self.node is None:
            return
        self._views.show_second(None)
        self._window.close_second()
        removeVolumeNode(self.node)
        self.node = None

    def blend(self, share: int) -> None:
        """Show so much of it, in percent; what prevails has the window."""
        if self.node is not None:
            self._views.blend(share / 100)
            self._window.choose_image(is_second=share > 50)

    def swap(self) -> None:
        """Show only the second image, or only the first one."""
        if self.node is not None:
            self._data.second_share = 0 if self._data.second_share > 50 else 100
            self.blend(self._data.second_share)

    def _remember(self, source: str, series: str) -> None:
        self._autosave.second = source
        self._autosave.second_series = series
        self._autosave.worked()
