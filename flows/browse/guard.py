"""Who is answered, and what a page may do: hosts, the token, and a content security policy for every answer."""

import hmac
import ipaddress
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "fliesstext_token"  # noqa: S105 - the name of a cookie
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "font", "connect")),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Stands before the pages.

    On the loopback a request has to name it as its host, so that no foreign page reaches in under a name of its own.
    With a ``token``, a request has to bring it, once in the URL and then as a cookie. What changes something has to
    come from a page of ours.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: Sequence[str]) -> None:
        self._app, self._token, self._hosts = app, token, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refuse(Headers(scope=scope), scope)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refuse(self, headers: Headers, scope: Scope) -> Response | None:
        host = headers.get("host", "")
        if self._hosts and host.rsplit(":", 1)[0].strip("[]") not in self._hosts:
            return PlainTextResponse("This page is served under another name.", 421)
        if self._token and not _is_same(_cookie(headers), self._token):
            query = parse_qs(scope["query_string"].decode("latin-1"))
            if not _is_same(query.get("token", [""])[0], self._token):
                return PlainTextResponse("Open the address that the command printed: it carries the token.", 403)
            welcome = RedirectResponse("/" + scope["path"].lstrip("/\\"), 303)  # "//" would be another host
            welcome.set_cookie(TOKEN, self._token, httponly=True, samesite="strict", max_age=30 * 86400)
            return welcome
        if scope["method"] not in {"GET", "HEAD"} and headers.get("origin", "").partition("://")[2] != host:
            return PlainTextResponse("A change has to come from a page of this server.", 403)
        return None


def _is_same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _cookie(headers: Headers) -> str:
    jar = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[TOKEN].value if TOKEN in jar else ""


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if "cache-control" not in headers:
                headers["cache-control"] = "no-store"
        await send(message)

    return sent
