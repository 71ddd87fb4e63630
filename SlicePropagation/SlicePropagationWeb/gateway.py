"""The websocket: what comes from browsers is checked, and only the tab with the session is told.

wslink, which carries the messages, has no hooks for that; its handlers' methods are replaced.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode
from trame_server.utils import clean_state
from wslink import schedule_coroutine
from wslink.chunking import UnChunker

from SlicePropagationWeb.allowed_values import PANEL, may_set
from SlicePropagationWeb.checked_state import refusal, shown
from SlicePropagationWeb.incoming import (
    MAX_BYTES,
    Known,
    is_greeting,
    is_message,
    is_open,
    may_come,
)
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.surprises import WENT_WRONG

if TYPE_CHECKING:
    from trame_server.core import Server

    from SlicePropagationWeb.session_lock import SessionLock

REFUSED = -32099  # wslink's code for what a client did wrong
UNEXPECTED = -32001  # and for an error of the server's own
MAX_PENDING = 4  # messages that came in part
IN_USE = "The session is in use in another tab; take over first."
NO_KIND = "The page sends no such message."
NO_VALUE = "The page sets no such value."
ANOTHER = "another tab"  # in place of the name of the tab that has the session

log = logging.getLogger(__name__)


class Gateway:
    """Stands between the server and every browser.

    Args:
        server: the trame server.
        lock: the SessionLock.
        view_names: returns the names of the views.
        say: `say(sentence)`, shows an error on the page.
    """

    def __init__(
        self,
        server: "Server",
        lock: "SessionLock",
        view_names: Callable[[], list[str]],
        say: Callable[[str], None],
    ) -> None:
        self._server = server
        self._lock = lock
        self._view_names = view_names
        self._say = say
        self._handlers: list[_Handler] = []
        self._given: dict[str | None, dict[str, Any]] = {}  # to connections without the session
        lock.on_hand_over = self._handed_over
        server.controller.on_server_bind.add(self._bound)

    def _bound(self, socket_server: Any, **_: Any) -> None:
        self._handlers = [_Handler(one, self) for one in socket_server._ws_handlers]

    # What comes

    def refused(self, message: dict[str, Any], client_id: str) -> str:
        """Why a message is not delivered; empty where it is."""
        if not self._lock.has_session(client_id) and not is_open(message):
            return IN_USE
        triggers = self._server.controller._triggers  # trame has no list of them
        if not may_come(message, Known(triggers, self._view_names())):
            log.warning("A browser sent '%s', which the page does not", shown(message["method"]))
            return NO_KIND
        if message["method"] == "trame.state.update":
            return self._without_bad_values(message)
        return ""

    def _without_bad_values(self, message: dict[str, Any]) -> str:
        """Take out of a message what a browser may not set; says so where nothing is left."""
        [changes] = message["args"]
        state = self._server.state
        bad = [one for one in changes if not may_set(one["key"], one.get("value"), state)]
        message["args"] = [[one for one in changes if one not in bad]]
        for one in bad:
            self._put_back(one["key"], one.get("value"))
        return "" if message["args"][0] or not bad else NO_VALUE

    def _put_back(self, key: str, value: object) -> None:
        """Have the browser show what holds, where it showed something that cannot be."""
        state = self._server.state
        holds = state[key] if key in state and not key.startswith("trame__") else "as it is"
        with state:
            self._say(refusal(key, value, holds))
        if key in state:
            self._tell(self._lock.client, {key: state[key]})

    def went_wrong(self) -> None:
        """A message ended in an error that nobody expected."""
        with self._server.state:
            self._say(WENT_WRONG)

    # What goes

    def is_for(self, rpc_id: str, client_id: str | None, *, skips_sender: bool) -> bool:
        """Whether a message of the server is sent: what it tells of, to who has the session only.

        Answers go to who asked.
        """
        if not rpc_id.startswith("publish:"):
            return True
        return not skips_sender and self._lock.has_session(client_id)

    def state_for(self, client_id: str | None, state: dict[str, Any]) -> dict[str, Any]:
        """What a browser learns of a state: without the session, what the page is made of."""
        if self._lock.has_session(client_id):
            return state
        made_of = {key: value for key, value in state.items() if key.startswith("trame__")}
        blank = {f"{PANEL}{name}": value for name, value in vars(PanelState()).items()}
        owner = "" if self._lock.is_free else ANOTHER
        given = {**made_of, **blank, f"{PANEL}owner": owner}
        self._given[client_id] = given
        return given

    def forget(self, client_id: str) -> None:
        """A browser is gone."""
        self._given.pop(client_id, None)

    def _handed_over(self, before: str | None, now: str, tab: str) -> None:
        """Another tab has the session: it learns everything, the one before that it lost it.

        Everything at once: a slider that is shown before its range is known sets its value anew.
        """
        if before is not None and before != now:
            self._tell(before, {f"{PANEL}owner": ANOTHER})
        state, _ = clean_state({**self._server.state.to_dict(), f"{PANEL}owner": tab})
        given = self._given.pop(now, {})  # a template that comes again would be built again
        self._tell(now, {key: value for key, value in state.items() if given.get(key) != value})

    def _tell(self, client_id: str | None, values: dict[str, Any]) -> None:
        """Give values of the state to one browser."""
        for handler in self._handlers:
            handler.tell(client_id, values)


class _Handler:
    """A wslink handler whose messages go through the gateway."""

    def __init__(self, handler: Any, gateway: Gateway) -> None:
        self._handler = handler
        self._gateway = gateway
        self._connected = handler.onConnect
        self._closed = handler.onClose
        self._came = handler.onMessage
        self._deliver = handler.onCompleteMessage
        self._send = handler.sendWrappedMessage
        self._send_error = handler.sendWrappedError
        handler.onConnect = self._connect
        handler.onClose = self._close
        handler.onMessage = self._message
        handler.onCompleteMessage = self._complete
        handler.sendWrappedMessage = self._answer
        handler.sendWrappedError = self._answer_error

    def tell(self, client_id: str | None, values: dict[str, Any]) -> None:
        """Send values of the state to one browser, in turn with all other messages."""
        if client_id in self._handler.connections:
            topic = "publish:trame.state.topic:0"
            schedule_coroutine(0, self._send, topic, values, client_id=client_id)

    async def _connect(self, request: Any, client_id: str) -> None:
        await self._connected(request, client_id)
        self._handler.unchunkers[client_id] = _BoundedPieces()

    async def _close(self, client_id: str) -> None:
        self._gateway.forget(client_id)
        if client_id in self._handler.unchunkers:  # not where a request asked for no websocket
            await self._closed(client_id)

    async def _message(self, is_binary: bool, message: Any, client_id: str) -> None:
        """Take what came; who sends what is no message at all is not listened to any more."""
        try:
            if not is_binary:
                raise ValueError("a message of the page is binary")
            await self._came(is_binary, message, client_id)
        except ConnectionError:
            raise
        except Exception as error:
            log.warning("A connection was closed; what came was no message (%s)", shown(str(error)))
            socket = self._handler.connections[client_id]
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)

    async def _complete(self, message: Any, client_id: str) -> None:
        if not is_message(message):
            raise ValueError("not of the form of a message")
        is_known = self._handler.isClientAuthenticated(client_id)
        if not is_known or is_greeting(message):  # wslink itself refuses the rest
            await self._deliver(message, client_id)
            return
        reason = self._gateway.refused(message, client_id)
        if reason:
            await self._send_error(message["id"], REFUSED, reason, client_id=client_id)
        else:
            await self._deliver(message, client_id)

    async def _answer(
        self,
        rpc_id: str,
        content: Any,
        method: str = "",
        client_id: str | None = None,
        skip_last_active_client: bool = False,
    ) -> None:
        if not self._gateway.is_for(rpc_id, client_id, skips_sender=skip_last_active_client):
            return
        if method == "trame.state.get":
            content = {**content, "state": self._gateway.state_for(client_id, content["state"])}
        await self._send(rpc_id, content, method=method, client_id=client_id)

    async def _answer_error(
        self,
        rpc_id: str,
        code: int,
        message: str,
        data: Any = None,
        client_id: str | None = None,
    ) -> None:
        """Say that something went wrong, without wslink's traceback of the server."""
        if code == UNEXPECTED:
            message = WENT_WRONG
            self._gateway.went_wrong()
        await self._send_error(rpc_id, code, message, client_id=client_id)


class _BoundedPieces(UnChunker):
    """Puts messages together from their pieces, without believing any length that is stated."""

    def set_max_message_size(self, size: int) -> None:
        """How long messages may be from now on; wslink would allow gigabytes."""
        super().set_max_message_size(min(size, MAX_BYTES))

    def process_chunk(self, chunk: bytes) -> Any:
        """The message that a piece completes, or None."""
        if len(self.pending_messages) > MAX_PENDING:
            raise ValueError("too many messages in pieces")
        return super().process_chunk(chunk)
