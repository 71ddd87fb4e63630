"""One tab at a time has the session.

A reload finds its work again; another tab is asked before it takes over, and is not heard before.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wslink.websocket import LinkProtocol

if TYPE_CHECKING:
    from trame_server.core import Server

REFUSED = -32099  # wslink's code for what a client did wrong
OPEN_TRIGGERS = ("enter", "take_over")
OPEN_METHODS = ("trame.state.get", "trame.error.client")  # what any tab needs to show itself


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

    What other tabs send is refused here, whatever their page shows.

    Args:
        server: the trame server.
        on_change: called with the tab that owns the session now.
    """

    def __init__(
        self,
        server: "Server",
        on_change: Callable[[str], None],
    ) -> None:
        self._on_change = on_change
        self._socket: Any = None
        self._tab = ""
        self._client: str | None = None
        server.add_protocol_to_configure(
            lambda protocol: protocol.registerLinkProtocol(_Connections(self._closed))
        )
        server.controller.on_server_bind.add(self._bound)

    @property
    def is_free(self) -> bool:
        """Whether the tab that had the session is gone, or none had it yet."""
        return self._client is None

    def enter(self, tab: str) -> None:
        """A tab opened the page: it gets the session unless another one has it."""
        if not self._tab or self.is_free or tab == self._tab:
            self.take_over(tab)

    def take_over(self, tab: str) -> None:
        """Give the session to a tab."""
        self._tab = tab
        self._client = self._socket.last_active_client_id
        self._on_change(tab)

    def is_owner(self, tab: str) -> bool:
        """Whether a tab has the session."""
        return bool(tab) and tab == self._tab

    def _bound(self, socket_server: Any, **_: Any) -> None:
        self._socket = socket_server
        # wslink has no hook between a message and its method
        for handler in socket_server._ws_handlers:
            self._check_messages(handler)

    def _check_messages(self, handler: Any) -> None:
        deliver = handler.onCompleteMessage

        async def check(message: dict[str, Any], client_id: str) -> None:
            is_known = handler.isClientAuthenticated(client_id)  # wslink itself refuses the rest
            if client_id == self._client or _is_open(message) or not is_known:
                await deliver(message, client_id)
                return
            await handler.sendWrappedError(
                message.get("id"),
                REFUSED,
                "The session is in use in another tab; take over first.",
                client_id=client_id,
            )

        handler.onCompleteMessage = check

    def _closed(self, client_id: str) -> None:
        if client_id == self._client:
            self._client = None


def _is_open(message: dict[str, Any]) -> bool:
    """Whether a message may come from a tab that does not have the session.

    A greeting may, and the wish to have it.
    """
    method = message.get("method")
    what = str(next(iter(message.get("args") or ()), ""))
    if method == "trame.trigger":
        return what in OPEN_TRIGGERS
    if method == "trame.lifecycle.update":
        return what.startswith("client_")
    return method in OPEN_METHODS or str(message.get("id", "")).startswith("system:")
