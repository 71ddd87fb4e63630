"""Putting what was opened on the page, in place of what was there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.geometry import planeOfAxis
from SlicePropagationMRML.presenting.choices import axisOfSegments
from SlicePropagationMRML.run.stroke_journal import strokesOf

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segmentation_file import Segmentation
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.phantom_volume import SPLEEN
from SlicePropagationWeb.case_names import case_name, title_of_path
from SlicePropagationWeb.opening import SAMPLE, Opened

if TYPE_CHECKING:
    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.page_views import PageViews
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.window_level import WindowLevel
    from SlicePropagationWeb.workflow import Workflow
    from SlicePropagationWeb.workspace import Workspace

FIRST_HINT = "Paint the structure on one slice, then press Propagate."


def title_of(source: Path | str) -> str:
    """What a person calls an image."""
    return "the sample" if source == SAMPLE else title_of_path(source)


class CurrentWork:
    """The volume and the segmentation that are open, and how others take their place.

    Args:
        workspace: the Workspace.
        controller: the SegmentationController.
        views: the PageViews.
        workflow: the Workflow.
        autosave: the Autosave, which keeps what is not saved.
        data: the PanelState that the browser shows.
        window: the WindowLevel.

    Attributes:
        before_put: called before another volume takes the place of the one that is open.
        on_restored: called with the offer once unsaved work is shown again.
    """

    def __init__(
        self,
        workspace: "Workspace",
        controller: "SegmentationController",
        views: "PageViews",
        workflow: "Workflow",
        autosave: "Autosave",
        data: "PanelState",
        window: "WindowLevel",
    ) -> None:
        self.before_put: Callable[[], None] = lambda: None
        self.on_restored: Callable[[dict[str, Any]], None] = lambda offer: None
        self._window = window
        self._workspace = workspace
        self._controller = controller
        self._views = views
        self._workflow = workflow
        self._autosave = autosave
        self._data = data

    def show_volume(
        self,
        source: Path | str,
        volume: Volume,
        remarks: Sequence[str] = (),
        case: str = "",
    ) -> None:
        """Show a volume, with nothing drawn on it yet.

        Args:
            source: file, DICOM folder or "sample" that it came from.
            volume: what was read.
            remarks: sentences about it.
            case: name of the case of the worklist that it is, or "".

        Raises:
            SlicePropagationError: a run is under way.
        """
        unsaved = self._begin_anew("another volume")
        first = _sample_segment() if source == SAMPLE else None
        self._autosave.case = case
        self._put(source, volume, None, first)
        self._describe(source, volume, "axial")
        self._work_on("axial")
        self._autosave.begin()
        self._controller.take("paint")
        self._say([*remarks, _kept_as(unsaved) or FIRST_HINT])

    def restore(
        self,
        offer: dict[str, Any],
        volume: Volume,
        drawn: Segmentation | None,
        remarks: Sequence[str] = (),
    ) -> None:
        """Show unsaved work again.

        Args:
            offer: what `Recovery.found` returned.
            volume: the image that it is on.
            drawn: the work; None where only its strokes are kept.
            remarks: sentences about the image.

        Raises:
            SlicePropagationError: a run is under way.
        """
        self._begin_anew("another volume")
        self._autosave.case = offer.get("case", "")
        self._put(offer["image"], volume, drawn)
        self._describe(offer["image"], volume, offer.get("plane", "axial"))
        strokes = self._workspace.recovery.strokes()
        self._controller.put_strokes(strokesOf(strokes, volume.array.shape))
        self._data.offer = None
        self._work_on(self._data.plane)
        self._autosave.begin(offer["labels"], strokes, int(offer.get("strokes", 0)))
        self._autosave.worked()
        if offer["segment"] in self._controller.segment_ids():
            self._controller.choose(offer["segment"])
        self._controller.take("paint")
        self._say([*remarks, "Went on with the unsaved work."])
        self.on_restored(offer)

    def show_segmentation(
        self,
        name: str,
        opened: Opened,
        path: str = "",
    ) -> None:
        """Put a segmentation on the volume that is open, in place of what is drawn there.

        It goes on as it was saved.

        Args:
            name: of its file.
            opened: what was read of it.
            path: of its file, where it stays there.

        Raises:
            SlicePropagationError: a run is under way.
        """
        unsaved = self._begin_anew("another segmentation")
        self._controller.put_segmentation(opened.drawn)
        self._autosave.begin(path)
        ids = self._controller.segment_ids()
        self._data.plane = self._plane_of(ids)
        self._data.save_name = self._workspace.free_name(companion(name, "").name)
        self._controller.choose(ids[0])
        self._work_on(self._data.plane)
        self._workflow.show_annotation()
        self._controller.take("paint")
        others = self._workflow.session.other_slices()
        went_on = f"Went on with {name}."
        self._say([*opened.remarks, went_on, others, _kept_as(unsaved)])

    def _plane_of(self, segment_ids: Sequence[str]) -> str:
        """The plane that segments were annotated on; the one that is chosen where none says so."""
        controller = self._controller
        axis = axisOfSegments(controller.volume, controller.segmentation, segment_ids)
        return self._data.plane if axis is None else planeOfAxis(controller.volume, axis)

    def _begin_anew(self, what: str) -> str | None:
        """Leave what is open.

        Returns:
            The name of the result that unsaved work became, or None.

        Raises:
            SlicePropagationError: a run is under way.
        """
        logic = self._workflow.logic
        if logic.isRunning:
            raise SlicePropagationError(f"A run is under way; stop it before opening {what}.")
        unsaved = None if self._data.offer else self._autosave.set_aside()
        logic.close()
        return unsaved

    def _put(
        self,
        source: Path | str,
        volume: Volume,
        drawn: Segmentation | None,
        first: Segment | None = None,
    ) -> None:
        self.before_put()
        self._autosave.source = str(source)
        self._autosave.series = volume.series or ""
        self._controller.put_volume(volume, title_of(source))
        self._window.open(self._controller.volume, f"{source} {volume.series or ''}")
        self._data.volume_number = self._views.show(self._controller.volume)
        self._controller.put_segmentation(drawn, first)

    def _describe(
        self,
        source: Path | str,
        volume: Volume,
        plane: str,
    ) -> None:
        """Say in the panel what the volume is."""
        title = self._autosave.case or title_of(source)
        data = self._data
        data.volume_name = title
        data.volume_text = _description(title, volume)
        data.plane = plane
        data.show_3d = self._controller.is_small
        name = "segmentation" if source == SAMPLE else case_name(source)
        data.save_name = self._workspace.free_name(name)

    def _work_on(self, plane: str) -> None:
        """Begin with the slices of a plane."""
        self._views.enlarge(plane)
        self._workflow.open_session()

    def _say(self, sentences: Sequence[str]) -> None:
        self._workflow.say(" ".join(filter(None, sentences)))
        self._workflow.refresh()


def _sample_segment() -> Segment:
    return Segment(SPLEEN, "Spleen", "Spleen", Segment.plain(SPLEEN).color)


def _kept_as(name: str | None) -> str:
    return f"The unsaved work is kept as {name}." if name else ""


def _description(title: str, volume: Volume) -> str:
    """What stands in the top bar: name, size and spacing."""
    size = "×".join(map(str, volume.image.GetSize()))
    spacing = " × ".join(f"{value:.3g}" for value in volume.image.GetSpacing())
    return f"{title} · {size} voxels · {spacing} mm"
