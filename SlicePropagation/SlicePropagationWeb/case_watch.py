"""What other annotators of a worklist do meanwhile, and that nothing is written over it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from SlicePropagationLib.files.companions import companion
from SlicePropagationWeb.case_claims import LOOK_MS, CaseClaims
from SlicePropagationWeb.worklist import save_name

if TYPE_CHECKING:
    from SlicePropagationWeb.case_commands import CaseCommands
    from SlicePropagationWeb.event_loop import EventLoop
    from SlicePropagationWeb.workflow import Workflow


class CaseWatch:
    """Looks at the claims of others, and tells.

    Args:
        commands: the CaseCommands.
        claims: the CaseClaims.
        workflow: the Workflow, which shows messages.
        loop: the EventLoop.
        out: folder of results.
    """

    def __init__(
        self,
        commands: "CaseCommands",
        claims: CaseClaims,
        workflow: "Workflow",
        loop: "EventLoop",
        out: Path,
    ) -> None:
        self._commands = commands
        self._claims = claims
        self._flow = workflow
        self._loop = loop
        self._out = out

    def begin(self) -> None:
        """Look, again and again."""
        if self._claims.is_shared:
            self._loop.begin(self._look())

    async def _look(self) -> None:
        is_changed = await asyncio.to_thread(self._claims.look)
        news = self._claims.news(self._commands.open_name)
        if news:
            self._flow.say(news, is_error=True)
        if is_changed:
            self._commands.list.refresh()
        self._loop.schedule(LOOK_MS, self.begin)

    def check(self, path: Path) -> None:
        """Refuse to write a case that is somebody else's by now; its work may have another name.

        Args:
            path: of the result.

        Raises:
            LostClaimError: it would be taken for that of the case.
        """
        name = self._commands.open_name
        if not name:
            return
        usual = {name, save_name(self._commands.cases[name], self._out)}
        if companion(path, "").name in usual:
            self._claims.check(name)
