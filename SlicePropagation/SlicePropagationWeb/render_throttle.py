"""Drawing that leaves the event loop time for everything else.

On a machine without a graphics card a picture takes as long as a slice.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any

from trame_rca.schedulers import RcaImageRenderScheduler, image_scheduler
from trame_slicer.rca_view import rca_view_factory
from trame_slicer.views import abstract_view
from trame_slicer.views.render_scheduler import NoScheduleRendering
from vtkmodules.vtkCommonCore import vtkMultiThreader

from SlicePropagationWeb.drawing_turns import DrawingTurns


class RenderThrottle(RcaImageRenderScheduler):
    """Draws a view when it is asked to.

    The views take turns, the one that a person works in first. After each picture as much time
    passes as it took, and more where nobody works in the view. Each picture says which stroke was
    the last that was taken before it was drawn, in its `meta["stroke"]`, and in `meta["volume"]`
    which volume it shows.

    trame-rca draws all views in one turn of the event loop, one right after the other as soon as
    drawing takes longer than its period: while an engine keeps all cores busy, the loop does
    nothing else then, and a click waits for four pictures.

    Attributes:
        turns: of all views.
        volume: number of the volume that all views show, 0 before the first one.
        name: of the view.
    """

    turns = DrawingTurns()
    volume = 0
    name = ""
    _stroke = 0

    def took_stroke(self, number: float) -> None:
        """A stroke of the browser was taken, or refused; the next picture says so."""
        self._stroke = number
        self.schedule_render()

    async def _render(self) -> None:
        while not self._is_closing:
            await self._request_event.wait()
            await self._draw(self._interactive_quality)
            if await self._rests():
                await self._draw(self._still_quality)

    async def _rests(self) -> bool:
        """Whether nothing is to be drawn for a while.

        A picture of better quality is worth it then.
        """
        seconds = self._n_period_until_still_render * self._target_period_s
        try:
            await asyncio.wait_for(self._request_event.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def _draw(self, quality: int) -> None:
        await self.turns.begin(self.name)
        try:
            # what is asked for from here on, also while others draw, is another picture
            self._request_event.clear()
            began = monotonic()
            self._render_frame(quality)
            await self.turns.rest(monotonic() - began)
        finally:
            self.turns.end()
        await self.turns.calm(self.name)

    def _render_frame(self, quality: int) -> None:
        """As trame-rca does it, with the numbers of the stroke and the volume."""
        with _one_thread():
            picture, columns, rows = self._rca.img_cols_rows
        numbers = {"stroke": self._stroke, "volume": self.volume}
        encode = partial(_encoded, self._rca_encoder, numbers)
        encoding = asyncio.get_running_loop().run_in_executor(
            self._encode_pool, encode, picture, columns, rows, quality
        )
        self._push_queue.put_nowait(encoding)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have VTK lay a slice out in this thread alone.

    That is little work. With threads for it a picture waits until each of them had a core, which on a
    busy machine takes ten times as long as the work.
    """
    usual = vtkMultiThreader.GetGlobalMaximumNumberOfThreads()
    vtkMultiThreader.SetGlobalMaximumNumberOfThreads(1)
    try:
        yield
    finally:
        vtkMultiThreader.SetGlobalMaximumNumberOfThreads(usual)


def _encoded(
    encoder: Any, numbers: dict[str, float], *picture: Any
) -> tuple[Any, dict[str, Any], int]:
    """(content, what is said of it, when it was made in ms); runs in a thread."""
    content, meta, made_at = encoder.encode(*picture)
    return content, {**meta, **numbers}, made_at


def throttle_rendering() -> None:
    """Let views that are made from now on draw so, and not before anybody can see them.

    Trame-slicer 2.0.0, which is pinned, has no way to name a scheduler, and draws a view some
    sixty times while it makes it. Trame-rca draws it once more to see whether it can be drawn.
    """
    image_scheduler.window_wrapper = lambda window: window
    rca_view_factory.RcaImageRenderScheduler = RenderThrottle
    abstract_view.DirectRendering = NoScheduleRendering
