"""What belongs to many cases, put together: the worklist, its rows in the browser, the export."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from SlicePropagationWeb.case_claims import CaseClaims
from SlicePropagationWeb.case_commands import CaseCommands
from SlicePropagationWeb.case_list import CaseList
from SlicePropagationWeb.export_commands import ExportCommands
from SlicePropagationWeb.worklist import Case

if TYPE_CHECKING:
    from SlicePropagationLib.files.claims import Claims
    from SlicePropagationWeb.autosave import Autosave
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.file_commands import FileCommands
    from SlicePropagationWeb.panel_state import PanelState, StateNames
    from SlicePropagationWeb.workflow import Workflow
    from SlicePropagationWeb.workspace import Workspace


class CaseParts:
    """The worklist of an Application; without one, the export of what is open.

    Args:
        cases: of the worklist.
        files: the FileCommands.
        autosave: the Autosave.
        workflow: the Workflow.
        workspace: the Workspace.
        loop: the EventLoop.
        data: the PanelState that the browser shows.
        claims: the Claims of the worklist, where several annotators may share it.

    Attributes:
        work: the CaseCommands.
        list: the CaseList.
        export: the ExportCommands.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        files: "FileCommands",
        autosave: "Autosave",
        workflow: "Workflow",
        workspace: "Workspace",
        loop: "EventLoop",
        data: "PanelState",
        claims: "Claims | None" = None,
    ) -> None:
        own = CaseClaims(claims)
        self.work = CaseCommands(cases, workspace.out, files, autosave, workflow, loop, data, own)
        self.list = CaseList(self.work, loop, data)
        self.work.list = self.list
        self.export = ExportCommands(self.work, files, autosave, workflow, workspace, loop, data)
        self._files = files

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name: function} of what the browser may ask for."""
        return {
            "cases": self.list.show,
            "rows": self.list.scroll,
            "open_case": self.work.open,
            "next_case": self.work.next,
            "save_next": self.work.save_and_next,
            "reviewed": self.work.toggle_reviewed,
            "load": self.work.load,
            "export": self.export.show,
            "make_export": self.export.make,
            "stop_export": self.export.stop,
        }

    def follow(self, typed: Any, name: "StateNames") -> None:
        """Search anew when a person types other words."""
        self.list.follow(typed, name)
        typed.bind_changes({name.find: self._files.lists.search})
