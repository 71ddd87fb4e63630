"""The page's program: Slicer's components, the workflow and the server, put together."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import slicer
import slicer.util
from SlicePropagationMRML.run.logic import PropagationLogic
from trame_server.utils.typed_state import TypedState
from trame_slicer.core import SlicerApp
from vtkmodules.vtkCommonCore import vtkOutputWindow

from SlicePropagationLib.files.claims import Claims
from SlicePropagationWeb.autosave import Autosave
from SlicePropagationWeb.case_parts import CaseParts
from SlicePropagationWeb.checked_state import CheckedState
from SlicePropagationWeb.command_check import blocked, check_arguments
from SlicePropagationWeb.command_labels import keys
from SlicePropagationWeb.current_work import CurrentWork
from SlicePropagationWeb.event_loop import EventLoop
from SlicePropagationWeb.file_commands import FileCommands
from SlicePropagationWeb.first_models import FirstModels
from SlicePropagationWeb.gateway import Gateway
from SlicePropagationWeb.kept_windows import KeptWindows
from SlicePropagationWeb.loading import Loading
from SlicePropagationWeb.page import Page
from SlicePropagationWeb.page_part import rendered_once
from SlicePropagationWeb.page_server import make_server
from SlicePropagationWeb.page_views import PageViews
from SlicePropagationWeb.panel_state import PanelState, StateNames
from SlicePropagationWeb.player import Player
from SlicePropagationWeb.redo import Redo
from SlicePropagationWeb.review_commands import ReviewCommands
from SlicePropagationWeb.second_image import SecondImage
from SlicePropagationWeb.segmentation_controller import SegmentationController
from SlicePropagationWeb.session_lock import SessionLock
from SlicePropagationWeb.surprises import tell, unexpected
from SlicePropagationWeb.toolbox import Toolbox
from SlicePropagationWeb.undo_commands import UndoCommands
from SlicePropagationWeb.unsaved_work import UnsavedWork
from SlicePropagationWeb.uploads import Uploads
from SlicePropagationWeb.view_commands import ViewCommands
from SlicePropagationWeb.view_mouse import ViewMouse
from SlicePropagationWeb.window_level import WindowLevel
from SlicePropagationWeb.workflow import Workflow
from SlicePropagationWeb.worklist import Case
from SlicePropagationWeb.workspace import Workspace

LOOK_MS = 10  # after a stroke, which is written as a whole when its button comes up
WHILE_PLAYING = ("play", "describe", "rows")  # what does not end a pass through the slices


class Application:
    """One session of annotation, served to one tab at a time.

    Args:
        workspace: the Workspace.
        cases: the worklist, if there is one.
        claims: of the worklist, where several annotators may share it.

    Attributes:
        server: the trame server.
        data: the PanelState that the browser shows.
        controller: the SegmentationController.
        views: the PageViews.
        workflow: the Workflow.
        opened: the CurrentWork.
        files: the FileCommands.
        uploads: the Uploads.
        unsaved: the UnsavedWork.
        session_lock: the SessionLock.
        gateway: the Gateway.
        second: the SecondImage.
    """

    def __init__(
        self, workspace: Workspace, cases: Sequence[Case] = (), claims: Claims | None = None
    ) -> None:
        self.workspace = workspace
        self.server = make_server()
        typed = TypedState(self.server.state, PanelState, namespace="work")
        self.data = cast("PanelState", typed.data)
        name: StateNames = typed.name
        self._loop = EventLoop(self.server, self._give, self._failed)
        with rendered_once():
            self._make_workflow(name)
            self._make_files()
            self._make_shown()
            self.session_lock = SessionLock(self.server, self._entered)
            self.gateway = Gateway(
                self.server, self.session_lock, self.views.names, self._say_error
            )
            Page(self.server, name, self.views)
        self.data.keys = keys()
        self.data.offer = workspace.recovery.offered()
        self._make_cases(cases, claims)
        self._commands = self._workflow_commands() | self._drawing_commands()
        self._commands |= self._file_commands() | self.shown.commands() | self.cases.commands()
        self.checked = CheckedState(self.server.state, self._say_error)
        self._follow_choices(typed, name)
        self.cases.follow(typed, name)
        self.workflow.refresh()
        self._listen()

    def _make_workflow(self, name: StateNames) -> None:
        slicer_app = SlicerApp()
        slicer.mrmlScene = slicer_app.scene  # pyright: ignore[reportAttributeAccessIssue]
        vtkOutputWindow.GetInstance().SetDisplayModeToNever()  # VTK's log says what matters already
        self.views = PageViews(self.server, slicer_app, name)
        self.controller = SegmentationController(slicer_app)
        logic = PropagationLogic(
            slicer_app.scene,
            self.controller.editor.editor_logic,
            self.controller.history.save,
            self._loop.schedule,
            waitMS=LOOK_MS,
        )
        redo = Redo(logic, self.data, self._loop.schedule, self.views.refresh)
        shown = (self.controller, self.views, self.data)
        self.workflow = Workflow(logic, *shown, redo, self._loop.schedule)
        self.review = ReviewCommands(self.workflow)
        self.steps = UndoCommands(self.workflow, redo)
        self.player = Player(self.workflow, self._loop.schedule, self.data)
        kept = KeptWindows(self.workspace.recovery.folder)
        self.window = WindowLevel(self.data, kept, self._loop.schedule)
        self.first = FirstModels(self.workflow, self.controller, self.data)
        self.toolbox = Toolbox(self.controller, self.views, self.workflow, self.data)
        self.mouse = ViewMouse(self.server, self.views, self.controller, self.window, self.data)
        self.mouse.outlines = self.toolbox.outlines
        self.mouse.seeds = self.toolbox.seeds
        self.mouse.traces = self.toolbox.traces
        self.mouse.on_press = self._pressed
        self.views.on_mouse = self.mouse.take

    def _make_files(self) -> None:
        self.autosave = Autosave(self.workspace, self.workflow, self._loop.schedule)
        self.opened = CurrentWork(
            self.workspace,
            self.controller,
            self.views,
            self.workflow,
            self.autosave,
            self.data,
            self.window,
        )
        self.second = SecondImage(
            self.controller,
            self.views,
            self.window,
            self.workspace,
            self.autosave,
            self._loop,
            Loading(self.server, self.data),
            self.data,
            self.workflow.say,
        )
        self.opened.before_put = self.second.clear
        self.opened.on_restored = self.second.restore
        self.mouse.second = self.second
        self.files = FileCommands(
            self.server,
            self._loop,
            self.workspace,
            self.controller,
            self.workflow,
            self.autosave,
            self.opened,
            self.data,
        )

        files = self.files
        self.uploads = Uploads(
            self.server, files, self.workspace, self.workflow, self.opened, self.data
        )
        self.unsaved = UnsavedWork(
            files,
            self._loop,
            self.workspace,
            self.autosave,
            self.opened,
            self.workflow,
            self.data,
        )

    def _make_shown(self) -> None:
        self.shown = ViewCommands(
            self.controller,
            self.views,
            self.player,
            self.window,
            self.second,
            self.workflow,
            self.data,
        )

    def _make_cases(self, cases: Sequence[Case], claims: Claims | None) -> None:
        parts = (self.files, self.autosave, self.workflow, self.workspace, self._loop, self.data)
        self.cases = CaseParts(cases, *parts, claims)
        self.unsaved.on_restored = self.cases.work.arrived
        self.unsaved.on_settled = self.cases.list.settled
        self.views.observe(lambda *_: self.cases.work.act())

    def begin(self) -> None:
        """The page is served."""
        with self.server.state:
            self.cases.list.begin()

    def _listen(self) -> None:
        """Take what the page's own code calls."""
        trigger = self.server.controller.trigger
        trigger("command")(self._command)
        trigger("enter")(self.session_lock.enter)
        trigger("take_over")(self.session_lock.take_over)

    def _entered(self, tab: str) -> None:
        """A tab has the session now, also after a reload.

        An upload that the page was at ended with it.
        """
        self.data.owner = tab
        self.data.upload = -1
        if not self.files.is_seen:
            self.files.is_seen = True
            self.files.warm_up()

    # Commands

    def _workflow_commands(self) -> dict[str, Callable[..., None]]:
        flow = self.workflow
        return {
            "propagate": flow.propagate,
            "stop": flow.stop,
            "keep": flow.keep,
            "discard": flow.discard,
            **self.review.commands(),
            **self.steps.commands(),
            "jump": flow.jump,
            "choose": flow.choose_segment,
            "plane": flow.choose_plane,
            "describe": flow.describe,
            **self.first.commands(),
        }

    def _drawing_commands(self) -> dict[str, Callable[..., None]]:
        controller = self.controller
        return {
            **self.toolbox.commands(),
            "add": controller.add,
            "remove": controller.remove,
            "rename": controller.rename,
            "toggle": controller.toggle,
            "color": controller.paint_in,
            "toggle_3d": controller.toggle_3d,
            "reorder": controller.reorder,
        }

    def _file_commands(self) -> dict[str, Callable[..., None]]:
        files = self.files
        return {
            "open": files.show_open_dialog,
            "continue": files.go_on_with,
            "sample": files.load_sample,
            "fetch": files.fetch,
            "stop_reading": files.loading.stop,
            "save": files.show_save_dialog,
            "write": files.save,
            **self.unsaved.commands(),
        }

    def _command(self, name: str, *arguments: Any) -> None:
        """A button or a key of the page."""
        self.autosave.note()
        self.cases.work.act()
        if name not in WHILE_PLAYING:
            self.player.stop()
            self.views.work_in(self.data.plane)
        self.workflow.catch_up()
        reason = blocked(name, self.data.why)
        if reason:
            self.workflow.say(f"{reason}.")
        elif name in self._commands:
            tell(self.workflow, self._call, name, *arguments)
            self.autosave.note()  # before the page hears that it is done

    def _call(self, name: str, *arguments: Any) -> None:
        check_arguments(name, arguments, self.data)
        self._commands[name](*arguments)

    def _say_error(self, text: str) -> None:
        self.workflow.say(text, is_error=True)

    def _give(self, function: Callable[[], object]) -> None:
        tell(self.workflow, function)

    def _pressed(self) -> None:
        """A button of the mouse went down in a view."""
        self.player.stop()
        self.workflow.catch_up()

    def _failed(self, error: Exception) -> None:
        """What took a while, such as opening a file, ended in an error that nobody expected."""
        text = unexpected(error, self.data.loading)
        self.workflow.say(text, is_error=True)
        if self.data.offer is not None:  # its dialog lies over the message
            self.data.offer = {**self.data.offer, "problem": text}
        self.files.loading.end()
        self.data.is_saving = False

    # What the person chose; trame itself would swallow an error of these

    def _follow_choices(self, typed: Any, name: StateNames) -> None:
        self.toolbox.follow(typed, name)
        self.shown.follow(typed, name)
        typed.bind_changes({name.engine: self._choose_engine, name.scope: self._choose_scope})

    def _choose_engine(self, *_: Any) -> None:
        tell(self.workflow, self.workflow.refresh_reasons)
        tell(self.workflow, self.files.warm_up)

    def _choose_scope(self, *_: Any) -> None:
        tell(self.workflow, self.workflow.refresh_reasons)

    def close(self) -> None:
        """End: what is not saved is kept."""
        self.cases.work.close()
        self.autosave.close()
        self.cases.work.end()
        self.window.keep()
        self.workflow.logic.cleanup()
