"""The whole way of the mouse, whatever the browser skipped.

Positions that were skipped while the page waited for an answer come with the next one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from trame_rca.utils import RcaViewAdapter
from trame_slicer.rca_view import rca_view_factory

MAX_POINTS = 500
MAX_PIXELS = 1 << 24  # of a picture, 50 MB; screens of 4K have half as many
Take = Callable[[str, dict[str, Any], float], dict[str, Any] | None]
KEY = "pointerPath"  # of an event; `www/pointer_path.js` puts it there
STROKE = "stroke"  # of the event that ends a stroke: its number, by `www/brush_canvas.js`


class PointerPathAdapter(RcaViewAdapter):
    """Gives a view the skipped positions as moves of the mouse, before the event itself.

    A view that is larger than `MAX_PIXELS` is drawn coarser.

    Args:
        arguments: as trame-rca gives them.
        take: `take(name of the view, event, pixels of the view to one of the event)`, returns what
            the view is to see of an event, or None.
        options: as trame-rca gives them.
    """

    def __init__(self, *arguments: Any, take: Take, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.max_pixel_count = MAX_PIXELS
        self._take = take
        self._scheduler.name = self.area_name

    def on_interaction(
        self,
        origin: Any,
        event: dict[str, Any],
    ) -> None:
        """Pass an event of the browser on.

        Args:
            origin: of the event, as trame-rca hands it over.
            event: with x and y; its `pointerPath`, if any, lists the (x, y) before them. From its
                `stroke` on, if any, the pictures say that they show that one.
        """
        self._scheduler.turns.work_in(self.area_name)
        skipped = list(event.pop(KEY, ()))
        stroke = event.pop(STROKE, None)
        for x, y in skipped[:MAX_POINTS]:
            move = {
                **event,
                "type": "MouseMove",
                "x": float(x),
                "y": float(y),
            }
            self._pass_on(origin, move)
        try:
            self._pass_on(origin, event)
        finally:
            if stroke is not None:
                self._scheduler.took_stroke(stroke)

    def _pass_on(self, origin: Any, event: dict[str, Any]) -> None:
        seen = self._take(self.area_name, event, self.scale_factor)
        if seen is not None:
            super().on_interaction(origin, seen)


def follow_mouse(take: Take) -> None:
    """Let views that are made from now on do so.

    Args:
        take: as `PointerPathAdapter` wants it.

    Trame-slicer 2.0.0, which is pinned, has no way to name an adapter.
    """
    rca_view_factory.RcaViewAdapter = partial(PointerPathAdapter, take=take)
