"""The whole way of the mouse: positions that the browser skipped while it waited for an answer come with the next one."""

from trame_rca.utils import RcaViewAdapter
from trame_slicer.rca_view import rca_view_factory

MAX_POINTS = 500


class TrailAdapter(RcaViewAdapter):
    """Gives a view the skipped positions, `trail` of an event, as moves of the mouse before the event itself."""

    def on_interaction(self, origin, event):
        trail = event.pop("trail", ())
        for x, y in list(trail)[:MAX_POINTS]:
            super().on_interaction(
                origin,
                {**event, "type": "MouseMove", "x": float(x), "y": float(y)},
            )
        super().on_interaction(origin, event)


def follow_mouse():
    """Let views that are made from now on do so.

    Trame-slicer 2.0.0, which is pinned, has no way to name an adapter.
    """
    rca_view_factory.RcaViewAdapter = TrailAdapter
