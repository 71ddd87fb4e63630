"""The slice views and the 3D view: what they show, where they stand, how they are laid out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.geometry import axisOfPlane, sliceCenter
from SlicePropagationMRML.nodes.slice_views import indexInView
from SlicePropagationMRML.nodes.types import VolumeNode
from SlicePropagationMRML.run.run import Schedule
from trame.widgets import html, vuetify3
from trame_slicer.app.logic import connect_slice_view_slider_to_state
from trame_slicer.app.ui.slider import Slider
from trame_slicer.core import LayoutManager
from trame_slicer.rca_view import register_rca_factories
from trame_slicer.views import Layout, LayoutDirection, ViewLayoutDefinition

from SlicePropagationWeb.pointer_path import follow_mouse
from SlicePropagationWeb.render_throttle import throttle_rendering

if TYPE_CHECKING:
    from trame_server.core import Server
    from trame_slicer.core import SlicerApp

TAGS = {
    "axial": "Red",
    "coronal": "Green",
    "sagittal": "Yellow",
}
COLORS = {
    "Red": "#F34A33",
    "Green": "#6DAD4A",
    "Yellow": "#EFD64D",
}
GREY = "#9AA3AF"
FRAMES_PER_SECOND = 15.0
LAYOUT_MS = 600  # from a new layout to views of their new size


class PageViews:
    """Three slice views and a 3D view; the slices of the chosen plane get the large one.

    Args:
        server: the trame server.
        slicer_app: a `trame_slicer.core.SlicerApp`.
        schedule: `schedule(milliseconds, function)`, the event loop's timer.
        shows_3d: name of the browser's value that says whether segments are shown as surfaces.
    """

    def __init__(
        self,
        server: "Server",
        slicer_app: "SlicerApp",
        schedule: Schedule,
        shows_3d: str,
    ) -> None:
        self._schedule = schedule
        self._scene = slicer_app.scene
        self._manager: Any = slicer_app.view_manager
        self._display: Any = slicer_app.display_manager
        throttle_rendering()
        follow_mouse()
        register_rca_factories(
            self._manager,
            server,
            slice_view_ui_f=_slice_view_controls,
            three_d_view_ui_f=lambda server, view_id, view: _three_d_controls(view, shows_3d),
            target_fps=FRAMES_PER_SECOND,
            blur_fps=FRAMES_PER_SECOND / 2,
        )
        self._layouts = LayoutManager(self._scene, self._manager, server)
        self._layouts.register_layout_dict({plane: _layout(plane) for plane in TAGS})
        self._layouts.set_layout("axial")

    def names(self) -> list[str]:
        """What the views are called in messages of the browser."""
        return [view.get_singleton_tag() for view in self._manager.get_views()]

    def place(self, page_layout: Any) -> None:
        """Put the views into the page, at the current place of its template."""
        self._layouts.initialize_layout_grid(page_layout)

    def observe(self, on_move: Callable[[], None]) -> None:
        """Call `on_move` whenever a slice view shows another slice."""
        self._moved = lambda *_: on_move()
        for view in self._manager.get_slice_views():
            view.modified.connect(self._moved)

    def show(self, volume_node: VolumeNode) -> None:
        """Show a volume in all views, each at the middle of it."""
        self._display.show_volume_in_slice_background(volume_node)
        self._display.show_volume_in_slice_foreground(None)
        self._display.reset_views()

    def enlarge(self, plane: str) -> None:
        """Give the slices of a plane the large view.

        Once the browser has laid it out, each view shows the whole slice.
        """
        self._layouts.set_layout(plane)
        self._schedule(LAYOUT_MS, self._fit)

    def _fit(self) -> None:
        for view in self._manager.get_slice_views():
            node = view.get_view_node()
            offset = node.GetSliceOffset()
            view.fit_view_to_content()
            node.SetSliceOffset(offset)  # to fit, Slicer goes to the middle slice
            view.schedule_render()

    def view(self, plane: str) -> Any:
        """The `trame_slicer` slice view of a plane."""
        return self._manager.get_view(TAGS[plane])

    def index(
        self,
        plane: str,
        volume_node: VolumeNode,
    ) -> int:
        """The slice that the view of a plane shows."""
        axis = axisOfPlane(volume_node, plane)
        last = volume_node.GetImageData().GetDimensions()[2 - axis] - 1
        shown = indexInView(self.view(plane).get_view_node(), volume_node, axis)
        return max(0, min(shown, last))

    def jump(
        self,
        plane: str,
        volume_node: VolumeNode,
        index: int,
    ) -> None:
        """Show a slice of a plane."""
        center = sliceCenter(volume_node, axisOfPlane(volume_node, plane), index)
        self.view(plane).get_view_node().JumpSliceByOffsetting(*center)

    def center_others(
        self,
        plane: str,
        point: tuple[float, float, float],
    ) -> None:
        """Move the slice views of the other planes to a point in world coordinates."""
        for other in TAGS.keys() - {plane}:
            self.view(other).get_view_node().JumpSliceByOffsetting(*point)

    def refresh(self) -> None:
        """Draw all views again."""
        for view in self._manager.get_views():
            view.schedule_render()

    def reset_3d(self) -> None:
        """Bring what the 3D view shows into its middle."""
        for view in self._manager.get_threed_views():
            view.reset_view()


def _layout(plane: str) -> Layout:
    views = {
        "axial": ViewLayoutDefinition.axial_view(),
        "coronal": ViewLayoutDefinition.coronal_view(),
        "sagittal": ViewLayoutDefinition.sagittal_view(),
    }
    large = views.pop(plane)
    small = ViewLayoutDefinition.threed_view(background_color=("#1b1e24", "#2a2f38"))
    column = Layout(LayoutDirection.Vertical, [small, *views.values()])
    return Layout(LayoutDirection.Horizontal, [large, column], ["2.2", "1"])


def _three_d_controls(view: Any, shows_3d: str) -> None:
    """Name, reset button, and why the view is empty."""
    _name_with_reset(view, "3D", GREY)
    html.Div(
        "Switch on 'Show 3D' to see the segments as surfaces.",
        v_if=f"!{shows_3d}",
        classes="sp-empty-3d sp-faint",
    )


def _slice_view_controls(
    server: "Server",
    view_id: str,
    view: Any,
) -> None:
    """Name, reset button and slice slider on top of a slice view."""
    tag = view.get_singleton_tag()
    plane = next(plane for plane in TAGS if TAGS[plane] == tag)
    _name_with_reset(view, plane.capitalize(), COLORS[tag])
    with html.Div(classes="sp-slice-slider"):
        Slider(
            typed_state=connect_slice_view_slider_to_state(server, view),
            theme="dark",
            density="compact",
            color=COLORS[tag],
        )


def _name_with_reset(
    view: Any,
    name: str,
    color: str,
) -> None:
    with html.Div(classes="sp-view-name", style=f"border-color: {color}"):
        html.Span(name)
        with vuetify3.VBtn(
            icon=True,
            size="x-small",
            variant="text",
            click=view.reset_view,
            raw_attrs=[f'aria-label="Fit {name} view"'],
        ):
            vuetify3.VIcon("mdi-fit-to-screen-outline", size="16")
            vuetify3.VTooltip("Fit to view", activator="parent", location="bottom")
