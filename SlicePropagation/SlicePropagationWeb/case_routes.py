"""The route `/thumbnail/NAME`, which the rows of the worklist ask for when they are seen."""

from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from SlicePropagationWeb.thumbnails import Thumbnails
from SlicePropagationWeb.worklist import Case


class CaseRoutes:
    """Pictures of the cases of a worklist, and of nothing else.

    Args:
        cases: {name: Case}.
        thumbnails: the Thumbnails.
        is_owner: `is_owner(tab)`, whether a browser's tab has the session; others see no picture.
    """

    def __init__(
        self,
        cases: Mapping[str, Case],
        thumbnails: Thumbnails,
        is_owner: Callable[[str], bool],
    ) -> None:
        self._cases = cases
        self._thumbnails = thumbnails
        self._is_owner = is_owner

    def install(self, application: web.Application) -> None:
        """Add the route to an aiohttp application that has not started yet."""
        application.router.add_get("/thumbnail/{name}", self._thumbnail)

        async def end(_: web.Application) -> None:
            await self._thumbnails.end()

        application.on_cleanup.append(end)

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        is_ours = self._is_owner(request.query.get("tab", ""))
        case = self._cases.get(request.match_info["name"]) if is_ours else None
        path = await self._thumbnails.of(Path(case.image)) if case else None
        if path is None:
            raise web.HTTPNotFound(text="There is no such picture.\n")
        return web.FileResponse(path)
