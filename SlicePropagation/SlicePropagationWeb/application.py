"""The page's program: Slicer's components, the workflow and the server, put together."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import slicer
import slicer.util
from SlicePropagationMRML.nodes.geometry import planeOfAxis
from SlicePropagationMRML.nodes.volume_files import volumeOf
from SlicePropagationMRML.presenting.choices import axisOfSegments
from SlicePropagationMRML.presenting.controls import engineNotes
from SlicePropagationMRML.run.logic import PropagationLogic
from trame.app import get_server
from trame_server.utils.typed_state import TypedState
from trame_slicer import module as slicer_module
from trame_slicer.core import SlicerApp
from vtkmodules.vtkCommonCore import vtkOutputWindow

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.segmentation_file import Segment, read_labels
from SlicePropagationLib.pipelines.phantom_volume import SPLEEN
from SlicePropagationWeb.autosave import Autosave
from SlicePropagationWeb.command_labels import COMMANDS, keys
from SlicePropagationWeb.dialogs import GONE
from SlicePropagationWeb.opening import (
    SAMPLE,
    not_restored,
    read_opened,
    read_segmentation,
    read_with_remarks,
)
from SlicePropagationWeb.page import Page
from SlicePropagationWeb.page_views import PageViews
from SlicePropagationWeb.panel_state import PanelState, StateNames
from SlicePropagationWeb.segmentation_controller import SegmentationController
from SlicePropagationWeb.session_lock import SessionLock
from SlicePropagationWeb.workflow import Workflow, tell

if TYPE_CHECKING:
    from trame_server.core import Server

log = logging.getLogger(__name__)
WWW = Path(__file__).with_name("www")


class Application:
    """One session of annotation, served to one tab at a time.

    Args:
        workspace: the Workspace.
    """

    def __init__(self, workspace):
        self.workspace = workspace
        self.server = cast("Server", get_server("slice_propagation", client_type="vue3"))
        self.server.enable_module(slicer_module)
        self.server.enable_module(
            {
                "serve": {"slice_propagation": str(WWW)},
                "scripts": ["slice_propagation/page.js", "slice_propagation/pointer_path.js"],
                "styles": ["slice_propagation/page.css"],
            }
        )
        self.server.state.trame__template_error = GONE
        self.server.state.trame__favicon = "slice_propagation/icon.svg"
        typed = TypedState(self.server.state, PanelState, namespace="work")
        self.data = cast("PanelState", typed.data)
        self.name: StateNames = typed.name
        slicer_app = SlicerApp()
        slicer.mrmlScene = slicer_app.scene  # pyright: ignore[reportAttributeAccessIssue]
        vtkOutputWindow.GetInstance().SetDisplayModeToNever()  # VTK's log says what matters already
        self.views = PageViews(self.server, slicer_app, self._schedule, self.name.show_3d)
        self.desk = SegmentationController(self.server, slicer_app)
        logic = PropagationLogic(
            slicer_app.scene,
            self.desk.editor.editor_logic,
            self.desk.history.save,
            self._schedule,
        )
        self.workflow = Workflow(logic, self.desk, self.views, self.data)
        self.autosave = Autosave(workspace, self.workflow, self._schedule)
        self.tenancy = SessionLock(self.server, self._entered)
        page = Page(self.server, self.name, self.views)
        self.desk.tools_ready(page)
        self.data.keys = keys()
        self.data.offer = workspace.recovery.found()
        self._commands = self._all_commands()
        typed.bind_changes(
            {self.name.show_3d: self._show_3d, self.name.engine: self._choose_engine}
        )
        self.workflow.refresh()
        trigger = self.server.controller.trigger
        trigger("command")(self._command)
        trigger("enter")(self.tenancy.enter)
        trigger("take_over")(self.tenancy.take_over)

    def _all_commands(self):
        flow = self.workflow
        return {
            "propagate": flow.propagate,
            "stop": flow.stop,
            "keep": flow.keep,
            "discard": flow.discard,
            "next": flow.show_next,
            "confirm": flow.confirm,
            "empty": flow.mark_empty,
            "undo": flow.undo,
            "redo": flow.redo,
            "jump": flow.jump,
            "choose": flow.choose_segment,
            "plane": flow.choose_plane,
            "describe": flow.describe,
            "tool": self.desk.take,
            "everywhere": self.desk.lift_intensity_range,
            "add": self.desk.add,
            "remove": self.desk.remove,
            "rename": self.desk.rename,
            "toggle": self.desk.toggle,
            "open": self._show_open_dialog,
            "save": self._show_save_dialog,
            "write": self._write,
            "load": self._load,
            "continue": self._continue,
            "sample": self._load_sample,
            "restore": self._restore,
            "forget": self._forget,
            "aside": self._set_aside,
            "details": self._show_details,
        }

    def _entered(self, tab):
        """A tab has the session now, also after a reload.

        An upload that the page was at ended with it.
        """
        self.data.owner = tab
        self.data.upload = -1

    # Commands

    def _command(self, name, *arguments):
        """A button or a key of the page."""
        reason = self._reason(name)
        if reason:
            self.workflow.say(reason + ".")
        elif name in self._commands:
            tell(self.workflow, self._commands[name], *arguments)

    def _reason(self, name):
        return self.data.why.get(COMMANDS[name].reason, "") if name in COMMANDS else ""

    def _show_open_dialog(self):
        self.workflow.forget_error()
        self.data.images = self.workspace.images()
        self.data.segmentations = (
            self.workspace.segmentations() if self.desk.volume is not None else []
        )
        self.data.is_open_dialog = True

    def _show_save_dialog(self):
        self.workflow.forget_error()
        self.data.saved = []
        self.data.is_save_dialog = True

    def _show_details(self):
        self.data.notes = [{"title": title, "text": text} for title, text in engineNotes()]
        self.data.is_details = True

    def _write(self):
        if not self.data.is_saving and not self._reason("save"):
            path = self.workspace.output_path(self.data.save_name, self.data.save_suffix)
            self._soon(self._save(path, self.workflow.result(path)))

    async def _save(self, path, write):
        """Write the work in a thread; the page goes on answering."""
        self.data.is_saving = True
        self.data.saved = []
        self.workflow.say("Saving…")
        self.server.state.flush()
        try:
            await asyncio.wrap_future(self.autosave.replace(write))
            self.data.saved = [
                path.name,
                *(companion(path, suffix).name for suffix in (".slices.csv", ".json")),
            ]
            self.workflow.say(
                f"Saved {path.name}, its per-slice table and its record in {path.parent}."
            )
        except (SlicePropagationError, OSError) as error:
            self.autosave.worked()
            self.workflow.say(f"{path.name} was not saved: {error}", is_error=True)
        finally:
            self.data.is_saving = False

    def _load(self, text):
        path = self.workspace.readable_path(text)
        self._soon(self._load_file(path, path.name))

    def _continue(self, text):
        self._soon(self._load_segmentation(self.workspace.readable_segmentation(text)))

    def _load_sample(self):
        self._soon(self._load_file(SAMPLE, "the sample"))

    def _restore(self):
        offer = (
            self.workspace.recovery.found()
        )  # read again: what the browser sends back is not trusted
        if offer is not None:
            self._soon(self._load_file(offer["image"], offer["title"], offer))

    def _forget(self):
        self.data.offer = None
        self.autosave.forget()

    def _set_aside(self):
        name = self.autosave.set_aside()
        self.data.offer = None
        if name:
            self.workflow.say(f"The unsaved work is kept as {name} in {self.workspace.out}.")

    def _show_3d(self, is_shown):
        self.desk.show_3d(is_shown)
        self.views.reset_3d()

    # Loading

    def open_at_start(self, path, segmentation=None):
        """Open an image, and a segmentation of it, as soon as the page is served."""

        async def load():
            await self._load_file(path, "the sample" if path == SAMPLE else Path(path).name)
            if segmentation is not None:
                await self._load_segmentation(Path(segmentation))

        self.server.controller.on_server_ready.add(lambda **_: self._soon(load()))

    async def _load_file(self, source, title, offer=None):
        """Read a volume in a thread, and an autosave of it with it, then show it."""
        self.data.loading = f"Opening {title}…"
        self.data.is_open_dialog = False
        self.server.state.flush()
        try:
            volume, remarks = await asyncio.to_thread(read_with_remarks, source)
            labels, segments = (
                await asyncio.to_thread(read_labels, offer["labels"], volume)
                if offer
                else (None, ())
            )
            self.show_volume(source, volume, labels, segments, offer, remarks)
            if offer:
                self.data.offer = None
        except SlicePropagationError as error:
            if offer:
                self.data.offer = {**offer, "problem": not_restored(offer, error)}
            else:
                self.workflow.say(str(error), is_error=True)
        self.data.loading = ""
        self._warm_up()

    async def _load_segmentation(self, path):
        """Read a segmentation of the volume that is open, in a thread, then show it in place of what is drawn."""
        self.data.loading = f"Opening {path.name}…"
        self.data.is_open_dialog = False
        self.server.state.flush()
        try:
            self.show_segmentation(path.name, await self._read(read_segmentation, path))
        except SlicePropagationError as error:
            self.workflow.say(str(error), is_error=True)
        self.data.loading = ""

    async def _read(self, read, path):
        """Read a file in a thread; a segmentation is one of the volume that is open now."""
        node = self.desk.volume
        if node is None and read is read_segmentation:
            raise InputError(f"Open the volume that {path.name} belongs to first.")
        opened = await asyncio.to_thread(read, path, None if node is None else volumeOf(node))
        if opened.volume is None and self.desk.volume is not node:
            raise InputError(
                f"Another volume was opened meanwhile; open {path.name} again where it belongs."
            )
        return opened

    def show_segmentation(self, name, opened):
        """Put a segmentation on the volume that is open, in place of what is drawn there.

        It goes on as it was saved.

        Args:
            name: of its file.
            opened: what was read of it.

        Raises:
            SlicePropagationError: a run is under way.
        """
        kept = self._begin_anew("another segmentation")
        self.desk.put_segmentation(opened.labels, opened.segments)
        ids = self.desk.segment_ids()
        axis = axisOfSegments(self.desk.volume, self.desk.segmentation, ids)
        self.data.plane = self.data.plane if axis is None else planeOfAxis(self.desk.volume, axis)
        self.data.save_name = self.workspace.free_name(companion(name, "").name)
        self.views.enlarge(self.data.plane)
        self.desk.choose(ids[0])
        self.workflow.open_session()
        self.workflow.show_annotation()
        self.desk.take("paint")
        self.workflow.say(
            " ".join(
                [
                    *opened.remarks,
                    f"Went on with {name}.",
                    *filter(None, [self.workflow.other_slices()]),
                    *([f"The unsaved work is kept as {kept}."] if kept else []),
                ]
            )
        )
        self.workflow.refresh()

    def _begin_anew(self, what):
        """Leave what is on the desk.

        Returns the name of the result that unsaved work became, or None.

        Raises:
            SlicePropagationError: a run is under way.
        """
        if self.workflow.logic.isRunning:
            raise SlicePropagationError(f"A run is under way; stop it before opening {what}.")
        kept = None if self.data.offer else self.autosave.set_aside()
        self.workflow.logic.close()
        return kept

    def show_volume(self, source, volume, labels=None, segments=(), offer=None, remarks=()):
        """Put a volume on the desk, in place of what is there.

        Raises:
            SlicePropagationError: a run is under way.
        """
        kept = self._begin_anew("another volume")
        title = "the sample" if source == SAMPLE else Path(source).name
        if source == SAMPLE and labels is None:
            segments = [Segment(SPLEEN, "Spleen", "Spleen", Segment.plain(SPLEEN).color)]
        self.autosave.source = str(source)
        self.desk.put_volume(volume, title)
        self.views.show(self.desk.volume)
        self.desk.put_segmentation(labels, segments)
        data = self.data
        size = "×".join(map(str, volume.image.GetSize()))
        spacing = " × ".join(f"{value:.3g}" for value in volume.image.GetSpacing())
        data.volume_name = title
        data.volume_text = f"{title} · {size} voxels · {spacing} mm"
        data.plane = (offer or {}).get("plane", "axial")
        data.show_3d = self.desk.is_small
        data.save_name = self.workspace.free_name(
            "segmentation" if source == SAMPLE else Path(source).name.split(".")[0]
        )
        self.views.enlarge(data.plane)
        self.workflow.open_session()
        if offer and offer["segment"] in self.desk.segment_ids():
            self.desk.choose(offer["segment"])
        self.desk.take("paint")
        hint = (
            f"The unsaved work is kept as {kept}."
            if kept
            else "Paint the structure on one slice, then press Propagate."
        )
        self.workflow.say(" ".join([*remarks, "Went on with the unsaved work." if offer else hint]))
        self.workflow.refresh()

    async def read_upload(self, path):
        """Read what was uploaded, in a thread: an image, or a segmentation of the volume that is open."""
        return await self._read(read_opened, path)

    async def take_upload(self, path, opened, left_out):
        """Show what was uploaded."""
        with self.server.state:
            self.data.is_open_dialog = (
                False  # first: a person who sees the volume paints on it, and not on the dialog
            )
            if opened.volume is None:
                tell(self.workflow, self.show_segmentation, path.name, opened)
            else:
                tell(
                    self.workflow,
                    self.show_volume,
                    path,
                    replace(opened.volume, path=path),
                    None,
                    (),
                    None,
                    [*left_out, *opened.remarks],
                )

    def refuse_upload(self, reason):
        """Say why an upload was not taken."""
        with self.server.state:
            self.workflow.say(reason, is_error=True)

    def _choose_engine(self, *_):
        self.workflow.refresh_reasons()
        self._warm_up()

    def _warm_up(self, *_):
        """Import what the engine needs before it is asked for.

        The first import of PyTorch takes seconds.
        """
        if self.data.volume_name:
            task = asyncio.get_event_loop().run_in_executor(None, make_engine, self.data.engine)
            task.add_done_callback(lambda done: done.exception())

    def close(self):
        """End: what is not saved is kept."""
        self.autosave.close()
        self.workflow.logic.cleanup()

    # The event loop

    def _schedule(self, milliseconds, function):
        asyncio.get_event_loop().call_later(milliseconds / 1000, self._run, function)

    def _run(self, function):
        with self.server.state:
            tell(self.workflow, function)

    def _soon(self, work):
        """Run a coroutine, and show what came of it."""

        async def run():
            with self.server.state:
                await work

        task = asyncio.get_event_loop().create_task(run())
        task.add_done_callback(
            lambda done: done.exception() and log.error("Opening failed", exc_info=done.exception())
        )
