"""Who may talk to the page's server, and what the page may load.

Both are checked for every request, before anything else.
"""

import errno
import hmac
import ipaddress
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

COOKIE = "slice_propagation_token"  # and the port: a browser sends cookies to all ports of a host
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
UNREADABLE = "The request cannot be read; open the address that the program printed.\n"
UNEXPECTED = "Something unexpected went wrong; the terminal of the program says what.\n"
UNUSABLE_PATH = (errno.ENAMETOOLONG, errno.EINVAL)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


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

    Every request needs the token: once as `?token=…`, then as a cookie. On this machine's own
    address, too, since every account of the machine reaches it. A request must also come from a
    page of ours, and name an address of this machine's own where only that is listened on, so that
    no other web site can talk to the server through the person's browser.

    Args:
        host: the address that the server listens on.
        demands_token: whether a token is asked for.
        is_encrypted: whether the server talks TLS.

    Attributes:
        token: what a person must bring; None where nothing is asked for.
        wire_key: the key of the page's own protocol, new at every start; handed out only to who was
            let in.
    """

    def __init__(
        self,
        host: str,
        *,
        demands_token: bool = True,
        is_encrypted: bool = False,
    ) -> None:
        self.token = secrets.token_urlsafe(24) if demands_token else None
        self.wire_key = secrets.token_urlsafe(24)
        self._host = host
        self._is_encrypted = is_encrypted

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
        scheme = "https" if self._is_encrypted else "http"
        query = f"?token={self.token}" if self.token else ""
        return f"{scheme}://{_in_address(host)}:{port}/{query}"

    @web.middleware
    async def _checked(
        self,
        request: web.Request,
        handler: Handler,
    ) -> web.StreamResponse:
        if not _is_readable(request):
            raise web.HTTPBadRequest(text=UNREADABLE)
        reason = self._refusal(request)
        if reason:
            raise web.HTTPForbidden(text=reason + "\n")
        if self.token and "token" in request.query:
            raise self._without_token(request, self.token)
        return await _answer(request, handler)

    def _without_token(
        self,
        request: web.Request,
        token: str,
    ) -> web.HTTPFound:
        """The same page by an address without the token, which becomes a cookie."""
        address = request.rel_url.without_query_params("token")
        answer = web.HTTPFound(address)
        answer.set_cookie(
            cookie_name(request),
            token,
            httponly=True,
            secure=self._is_encrypted,
            # Strict would be left out where a file leads to the page, as `private_link` does
            samesite="Lax",
        )
        return answer

    def _refusal(self, request: web.Request) -> str | None:
        """Why a request is not served, or None."""
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin")
        if not self._is_named(host.rsplit(":", 1)[0]):
            return f"This server does not answer to the name '{host}'; use its address."
        if origin is not None and origin.split("://", 1)[-1] != host:
            return f"A page of '{origin}' may not talk to this server."
        if self.token is not None and not _brings(request, self.token):
            return "The token is missing or wrong; open the address that the program printed."
        return None

    def _is_named(self, name: str) -> bool:
        """Whether a request names this server.

        The name of another site may lead to this machine, too. Where a token is demanded, that site
        has no cookie; so any name is taken on an address that others reach.
        """
        known = LOCAL_NAMES | {self._host}
        if is_local(self._host):
            return name in known
        known.add(socket.gethostname())
        return self.token is not None or name in known or _is_number(name)

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
        response.headers["Server"] = "Slice Propagation"  # not which versions of what there are


def cookie_name(request: web.Request) -> str:
    """The cookie of the address that the browser asked: two programs on a host have one each."""
    return f"{COOKIE}_{request.url.port}"


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request; what goes wrong unexpectedly is told at the terminal, not to the browser."""
    try:
        return await handler(request)
    except (web.HTTPException, ConnectionError):
        raise
    except OSError as error:
        if error.errno in UNUSABLE_PATH:
            raise web.HTTPBadRequest(text=UNREADABLE) from error
        log.exception("%s could not be answered", request.path)
    except ValueError as error:
        log.debug("%s is a bad request: %s", request.path, error)
        raise web.HTTPBadRequest(text=UNREADABLE) from error
    except Exception:
        log.exception("%s could not be answered", request.path)
    raise web.HTTPInternalServerError(text=UNEXPECTED)


def _is_readable(request: web.Request) -> bool:
    """Whether the parts of a request that are looked at are text, without control signs."""
    try:
        parts = [request.path, *request.query.values(), *request.cookies.values()]
    except Exception:  # whatever the parsers of addresses and cookies end in
        return False
    named = [request.headers.get(name, "") for name in ("Host", "Origin", "Cookie")]
    return all(map(_is_text, [*parts, *named])) and _has_port(request)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return all(" " <= letter != "\x7f" for letter in text)


def _has_port(request: web.Request) -> bool:
    try:
        return request.url.port is not None
    except ValueError:  # the Host is no address
        return False


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _in_address(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _brings(request: web.Request, token: str) -> bool:
    brought = request.query.get("token") or request.cookies.get(cookie_name(request), "")
    return hmac.compare_digest(brought.encode(), token.encode())
