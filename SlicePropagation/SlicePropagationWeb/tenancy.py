"""One tab at a time: a reload finds its work again, another tab is asked before it takes over."""

from wslink.websocket import LinkProtocol


class _Connections(LinkProtocol):
    """Tells when a browser tab goes."""

    def __init__(self, on_close):
        super().__init__()
        self.onClose = on_close


class Tenancy:
    """Which tab the session belongs to.

    Args:
        server: the trame server.
        on_change: called with the tab that owns the session now.
    """

    def __init__(self, server, on_change):
        self._on_change, self._socket = on_change, None
        self._tab, self._client = "", None
        server.add_protocol_to_configure(lambda protocol: protocol.registerLinkProtocol(_Connections(self._closed)))
        server.controller.on_server_bind.add(self._bound)

    def enter(self, tab):
        """A tab opened the page: it gets the session unless another one has it."""
        if not self._tab or self._client is None or tab == self._tab:
            self.take_over(tab)

    def take_over(self, tab):
        """Give the session to a tab."""
        self._tab, self._client = tab, self._socket.last_active_client_id
        self._on_change(tab)

    def _bound(self, socket_server, **_):
        self._socket = socket_server

    def _closed(self, client_id):
        if client_id == self._client:
            self._client = None
