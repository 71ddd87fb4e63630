"""Who may talk to the page's server, and what the page may load.

Both are checked for every request, before anything else.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

COOKIE = "slice_propagation_token"
# The page is built from templates at run time, hence 'unsafe-eval'; nothing comes from elsewhere.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self'"
    " 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws:"
    " wss:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_local(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Lets in who may come in.

    On this machine's own address no token is asked for, but a request must name that address and
    come from a page of ours, so that no other web site can talk to the server through the person's
    browser. On any other address every request needs the token: once as `?token=…`, then as a
    cookie.

    Args:
        host: the address that the server listens on.

    Attributes:
        token: what a person must bring; None where the server listens on this machine's own
            address.
        wire_key: the key of the page's own protocol, new at every start; handed out only to who was
            let in.
    """

    def __init__(self, host: str) -> None:
        self.token = None if is_local(host) else secrets.token_urlsafe(24)
        self.wire_key = secrets.token_urlsafe(24)

    def install(self, application: web.Application) -> None:
        """Check every request of an aiohttp application that has not started yet."""
        application.middlewares.append(self._checked)
        application.on_response_prepare.append(self._add_headers)
        application.router.add_post("/paraview/", self._connection)

    def address(
        self,
        host: str,
        port: int,
    ) -> str:
        """What a person types into the browser."""
        query = f"?token={self.token}" if self.token else ""
        return f"http://{_in_address(host)}:{port}/{query}"

    @web.middleware
    async def _checked(
        self,
        request: web.Request,
        handler: Handler,
    ) -> web.StreamResponse:
        reason = self._refusal(request)
        if reason:
            raise web.HTTPForbidden(text=reason + "\n")
        if self.token and "token" in request.query:
            raise self._without_token(request, self.token)
        return await handler(request)

    def _without_token(
        self,
        request: web.Request,
        token: str,
    ) -> web.HTTPFound:
        """The same page by an address without the token, which becomes a cookie."""
        address = request.rel_url.without_query_params("token")
        answer = web.HTTPFound(address)
        answer.set_cookie(
            COOKIE,
            token,
            httponly=True,
            samesite="Strict",
        )
        return answer

    def _refusal(self, request: web.Request) -> str | None:
        """Why a request is not served, or None."""
        host = request.headers.get("Host", "")
        name = host.rsplit(":", 1)[0]
        origin = request.headers.get("Origin")
        if self.token is None and name not in LOCAL_NAMES:
            return f"This server answers to 127.0.0.1 and localhost only, not to '{host}'."
        if origin is not None and origin.split("://", 1)[-1] != host:
            return f"A page of '{origin}' may not talk to this server."
        if self.token is not None and not _brings(request, self.token):
            return "The token is missing or wrong; open the address that the program printed."
        return None

    async def _connection(self, request: web.Request) -> web.Response:
        """Where the page asks how to connect: the socket's address and this start's key."""
        scheme = "wss" if request.secure else "ws"
        address = f"{scheme}://{request.host}/ws"
        return web.json_response({"sessionURL": address, "secret": self.wire_key})

    async def _add_headers(
        self,
        request: web.Request,
        response: web.StreamResponse,
    ) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)


def _in_address(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _brings(request: web.Request, token: str) -> bool:
    brought = request.query.get("token") or request.cookies.get(COOKIE, "")
    return hmac.compare_digest(brought.encode(), token.encode())
