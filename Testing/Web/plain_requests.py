"""Requests to the page's server without a browser, exactly as they stand."""

import http.client
from urllib.parse import parse_qs, urlsplit

from SlicePropagationWeb.guard import COOKIE


def token_of(address):
    """The token in an address that the program printed, or None."""
    return parse_qs(urlsplit(address).query).get("token", [None])[0]


def cookie_of(address):
    """{"Cookie": what the browser that opened an address sends}; empty without a token."""
    token = token_of(address)
    if token is None:
        return {}
    return {"Cookie": f"{COOKIE}_{urlsplit(address).port}={token}"}


def base_of(address):
    """An address without its token."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/"


def ask(address, path, method="GET", headers=(), body=b""):
    """(status, headers, text) of one request whose path is sent as it stands.

    It brings the token that the address has, as a cookie. A header that is None is left out.
    """
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.putrequest(
        method,
        path,
        skip_host=True,
        skip_accept_encoding=True,
    )
    usual = {"Host": parts.netloc, "Content-Length": str(len(body)), **cookie_of(address)}
    for name, value in (usual | dict(headers)).items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    headers = dict(answer.getheaders())
    connection.close()
    return answer.status, headers, text


def status_of(*arguments, **options):
    """The status of one request."""
    status, _, _ = ask(*arguments, **options)
    return status
