"""One tab at a time has the session.

A reload finds its work again; another tab is asked before it takes over, and is not heard before.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wslink.websocket import LinkProtocol

if TYPE_CHECKING:
    from trame_server.core import Server


HandOver = Callable[[str | None, str, str], None]


class _Connections(LinkProtocol):
    """Tells when a browser tab goes."""

    def __init__(self, on_close: Callable[[str], None]) -> None:
        super().__init__()
        self._on_close = on_close

    def onClose(self, client_id: str) -> None:
        """A tab is gone; wslink calls it by this name."""
        self._on_close(client_id)


class SessionLock:
    """Which tab the session belongs to.

    What other tabs send is refused by the Gateway, whatever their page shows.

    Args:
        server: the trame server.
        on_change: called with the tab that owns the session now.

    Attributes:
        client: the connection of the tab that has the session; None where it is gone, or none had
            it yet.
        on_hand_over: called with the connection that had the session, the one that has it now, and
            the latter's tab.
    """

    def __init__(
        self,
        server: "Server",
        on_change: Callable[[str], None],
    ) -> None:
        self._on_change = on_change
        self.on_hand_over: HandOver = lambda before, now, tab: None
        self.client: str | None = None
        self._socket: Any = None
        self._tab = ""
        server.add_protocol_to_configure(
            lambda protocol: protocol.registerLinkProtocol(_Connections(self._closed))
        )
        server.controller.on_server_bind.add(self._bound)

    @property
    def is_free(self) -> bool:
        """Whether the tab that had the session is gone, or none had it yet."""
        return self.client is None

    def enter(self, tab: str) -> None:
        """A tab opened the page: it gets the session unless another one has it.

        A part of the page that is built anew enters again. It knows everything by then; told once
        more, it would be built anew again, without end.
        """
        if tab == self._tab and self.has_session(self._socket.last_active_client_id):
            return
        if not self._tab or self.is_free or tab == self._tab:
            self.take_over(tab)

    def take_over(self, tab: str) -> None:
        """Give the session to a tab."""
        before = self.client
        self._tab = tab
        self.client = self._socket.last_active_client_id
        self.on_hand_over(before, self.client, tab)
        self._on_change(tab)

    def is_owner(self, tab: str) -> bool:
        """Whether a tab has the session."""
        return bool(tab) and tab == self._tab

    def has_session(self, client_id: str | None) -> bool:
        """Whether the session belongs to the tab of a connection."""
        return client_id is not None and client_id == self.client

    def _bound(self, socket_server: Any, **_: Any) -> None:
        self._socket = socket_server

    def _closed(self, client_id: str) -> None:
        if client_id == self.client:
            self.client = None
