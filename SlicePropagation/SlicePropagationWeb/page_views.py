"""The slice views and the 3D view: what they show, where they stand, how they are laid out."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from SlicePropagationMRML.nodes.geometry import axisOfPlane, sliceCenter
from SlicePropagationMRML.nodes.slice_views import indexInView
from SlicePropagationMRML.nodes.types import VolumeNode
from trame_slicer.core import LayoutManager
from trame_slicer.rca_view import register_rca_factories
from trame_slicer.views import Layout, LayoutDirection, ViewLayoutDefinition

from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.pointer_path import Take, follow_mouse
from SlicePropagationWeb.render_throttle import RenderThrottle, throttle_rendering
from SlicePropagationWeb.slice_sliders import SliceSliders
from SlicePropagationWeb.view_controls import (
    COLORS,
    TAGS,
    add_slice_controls,
    add_three_d_controls,
)
from SlicePropagationWeb.view_corners import corner
from SlicePropagationWeb.view_fit import ViewFit

if TYPE_CHECKING:
    from trame_server.core import Server
    from trame_slicer.core import SlicerApp

FRAMES_PER_SECOND = 15.0
# Between two events of the mouse, each of which waits for the answer to the one before: a turn of
# the wheel is three of them.
EVENT_SECONDS = 0.002


class PageViews:
    """Three slice views and a 3D view; the slices of the chosen plane get the large one.

    Args:
        server: the trame server.
        slicer_app: a `trame_slicer.core.SlicerApp`.
        name: names of the PanelState's values in the browser.

    Attributes:
        on_mouse: asked about every mouse event, as `pointer_path` does.
    """

    def __init__(
        self,
        server: "Server",
        slicer_app: "SlicerApp",
        name: StateNames,
    ) -> None:
        self.on_mouse: Take = lambda view_id, event, scale: event
        self._scene = slicer_app.scene
        self._manager: Any = slicer_app.view_manager
        self._display: Any = slicer_app.display_manager
        throttle_rendering()
        follow_mouse(lambda *event: self.on_mouse(*event))
        register_rca_factories(
            self._manager,
            server,
            slice_view_ui_f=lambda server, view_id, view: add_slice_controls(server, view, name),
            three_d_view_ui_f=lambda server, view_id, view: add_three_d_controls(view, name),
            target_fps=FRAMES_PER_SECOND,
            blur_fps=FRAMES_PER_SECOND / 2,
            rca_event_throttle_s=EVENT_SECONDS,
        )
        self._layouts = LayoutManager(self._scene, self._manager, server)
        self._layouts.register_layout_dict({plane: _layout(plane) for plane in TAGS})
        self._layouts.register_layout_dict({tag: _alone(tag) for tag in self.names()})
        self._plane = "axial"
        self._layouts.set_layout(self._plane)
        self._fits = {tag: ViewFit(self._manager.get_view(tag)) for tag in COLORS}
        self._draw_slices_plainly()
        self._volume: VolumeNode = None
        self._sliders = SliceSliders(server, TAGS, self._slide)
        self._follow = {plane: partial(self._show_on_slider, plane) for plane in TAGS}
        for plane, follow in self._follow.items():
            self.view(plane).modified.connect(follow)

    def names(self) -> list[str]:
        """What the views are called in messages of the browser."""
        return [view.get_singleton_tag() for view in self._manager.get_views()]

    def _draw_slices_plainly(self) -> None:
        """Draw each pixel of a slice once.

        Without a graphics card, several samples a pixel take twice as long, and a slice looks the
        same.
        """
        for view in self._manager.get_slice_views():
            view.render_window().SetMultiSamples(0)

    def place(self, page_layout: Any) -> None:
        """Put the views into the page, at the current place of its template."""
        self._layouts.initialize_layout_grid(page_layout)

    def observe(self, on_move: Callable[[], None]) -> None:
        """Call `on_move` whenever a slice view shows another slice."""
        self._moved = lambda *_: on_move()
        for view in self._manager.get_slice_views():
            view.modified.connect(self._moved)

    def show(self, volume_node: VolumeNode) -> int:
        """Show a volume in all views, each at the middle of it.

        Returns:
            The number that its pictures carry.
        """
        self._display.show_volume_in_slice_background(volume_node)
        self._display.show_volume_in_slice_foreground(None)
        self._display.reset_views()
        self._turn_onto(volume_node)
        self._fit_all()
        self._volume = volume_node
        for follow in self._follow.values():
            follow()
        RenderThrottle.volume += 1
        return RenderThrottle.volume

    def _show_on_slider(self, plane: str, *_: Any) -> None:
        """The slider of a plane's view is where the view is."""
        if self._volume is not None and self._volume.GetScene() is not None:
            index = self.index(plane, self._volume)
            self._sliders.show(plane, index, self._count(plane, self._volume))

    def _slide(self, plane: str, index: int) -> None:
        """A person moved a slider."""
        if self._volume is not None:
            self.work_in(plane)
            self.jump(plane, self._volume, index)

    def _count(self, plane: str, volume_node: VolumeNode) -> int:
        """How many slices a plane has."""
        return volume_node.GetImageData().GetDimensions()[2 - axisOfPlane(volume_node, plane)]

    def show_second(self, volume_node: VolumeNode) -> None:
        """Lay another volume over the one that is shown in the slice views; None takes it away."""
        self._display.show_volume_in_slice_foreground(volume_node)

    def blend(self, share: float) -> None:
        """Let the volume on top be so opaque, 0 to 1."""
        for view in self._manager.get_slice_views():
            view.set_foreground_opacity(share)
        self.refresh()

    def _turn_onto(self, volume_node: VolumeNode) -> None:
        """Have each view show slices of the volume, also of an oblique one: a stroke stays on one."""
        for plane, tag in TAGS.items():
            self.node(tag).SetOrientation(plane.capitalize())
            self.node(tag).RotateToVolumePlane(volume_node)

    def enlarge(self, plane: str) -> None:
        """Give the slices of a plane the large view; each view shows the whole slice."""
        self._plane = plane
        self._lay_out(plane)

    def maximise(self, tag: str) -> None:
        """Give one view all the room, or with "" each its own again; the plane stays as it is."""
        self._lay_out(tag or self._plane)

    def _lay_out(self, layout: str) -> None:
        self._layouts.set_layout(layout)
        self._fit_all()

    def _fit_all(self) -> None:
        for fit in self._fits.values():
            fit.fit()

    def fit(self, tag: str) -> None:
        """Show all of what a view shows, on the slice that it is on."""
        if self.is_slice_view(tag):
            self._fits[tag].fit()
        else:
            self._manager.get_view(tag).reset_view()

    def is_slice_view(self, tag: str) -> bool:
        """Whether a name is that of a slice view."""
        return tag in COLORS

    def node(self, tag: str) -> Any:
        """The MRML node of a view."""
        return self._manager.get_view(tag).get_view_node()

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
        shown = indexInView(self.view(plane).get_view_node(), volume_node, axis)
        return max(0, min(shown, self._count(plane, volume_node) - 1))

    def jump(
        self,
        plane: str,
        volume_node: VolumeNode,
        index: int,
    ) -> None:
        """Show a slice of a plane."""
        RenderThrottle.turns.prefer(TAGS[plane])
        center = sliceCenter(volume_node, axisOfPlane(volume_node, plane), index)
        self.view(plane).get_view_node().JumpSliceByOffsetting(*center)

    def work_in(self, plane: str) -> None:
        """A person goes through the slices of a plane; its view is drawn first and often."""
        RenderThrottle.turns.work_in(TAGS[plane])

    def corners(self, volume_node: VolumeNode) -> dict[str, dict[str, Any]]:
        """{name of a slice view: what stands at its edges}."""
        found = {}
        for plane, tag in TAGS.items():
            count = self._count(plane, volume_node)
            found[tag] = corner(self.node(tag), self.index(plane, volume_node), count)
        return found

    def show_crosshair(self, is_shown: bool) -> None:
        """Show in all views where the crosshair is, or not."""
        crosshair = self._crosshair()
        mode = crosshair.ShowBasic if is_shown else crosshair.NoCrosshair
        crosshair.SetCrosshairMode(mode)
        self.refresh()

    def cross(self, tag: str, point: tuple[float, float, float]) -> None:
        """Put the crosshair on a point of a view; the other slice views show it too."""
        self._crosshair().SetCrosshairRAS(*point)
        for other in COLORS.keys() - {tag}:
            self.node(other).JumpSliceByOffsetting(*point)

    def _crosshair(self) -> Any:
        return self._scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")

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

    def hold(self, seconds: float) -> None:
        """Draw for so long, or until `release`, only what a person does something in."""
        RenderThrottle.turns.hold(seconds)

    def release(self) -> None:
        """Draw again whatever changes."""
        RenderThrottle.turns.release()

    def reset_3d(self) -> None:
        """Bring what the 3D view shows into its middle."""
        for view in self._manager.get_threed_views():
            view.reset_view()


def _views() -> dict[str, ViewLayoutDefinition]:
    return {
        "axial": ViewLayoutDefinition.axial_view(),
        "coronal": ViewLayoutDefinition.coronal_view(),
        "sagittal": ViewLayoutDefinition.sagittal_view(),
        "3d": ViewLayoutDefinition.threed_view(background_color=("#1b1e24", "#2a2f38")),
    }


def _alone(tag: str) -> Layout:
    [view] = [view for view in _views().values() if view.singleton_tag == tag]
    return Layout(LayoutDirection.Horizontal, [view])


def _layout(plane: str) -> Layout:
    views = _views()
    large = views.pop(plane)
    small = views.pop("3d")
    column = Layout(LayoutDirection.Vertical, [small, *views.values()])
    return Layout(LayoutDirection.Horizontal, [large, column], ["2.2", "1"])
