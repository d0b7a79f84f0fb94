"""The HTTP client that a provider's own stream wrapper is given: like httpx, over our transport.

Only what such wrappers use is here: `post` and `get` with `stream=True`, and the ways to read an
answer. TLS, proxy and egress policy are those of the provider's table; a caller that goes away
closes what is open. A status that is no success raises, as LiteLLM's client does.

Source: https://www.python-httpx.org/api (read 2026-11); BerriAI/litellm,
litellm/llms/custom_httpx/http_handler.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from dragoman.compat.litellm.http_answer import READ_S, Response, status_error, to_thread
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import ConnectOptions, Halt, HttpRequest, parse_url

CONNECT_S = 10.0


class HTTPHandler:
    """The client. Made for one performance, and closed at its end."""

    def __init__(
        self,
        timeout: Any = None,
        *,
        options: ConnectOptions | None = None,
        halt: Halt | None = None,
        **ignored: Any,
    ) -> None:
        del ignored
        self._timeout_s = _seconds(timeout, READ_S)
        self._options = options or ConnectOptions()
        self._transport = SyncTransport()
        if halt is not None:
            halt.then(self._transport.close)

    @property
    def client(self) -> HTTPHandler:
        """Itself: LiteLLM's handlers have httpx's client here."""
        return self

    def post(
        self,
        url: str,
        data: Any = None,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, Any] | None = None,
        stream: bool = False,
        timeout: Any = None,
        content: Any = None,
        **ignored: Any,
    ) -> Response:
        """Post. Raises: HTTPStatusError, and TransportError when there is no answer."""
        del ignored
        body = _body(content if data is None else data, json)
        return self._send("POST", url, body, params, headers, stream, timeout)

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, Any] | None = None,
        stream: bool = False,
        timeout: Any = None,
        **ignored: Any,
    ) -> Response:
        """Get. Raises: as `post`."""
        del ignored
        return self._send("GET", url, b"", params, headers, stream, timeout)

    def close(self) -> None:
        """Close what is open."""
        self._transport.close()

    def _send(
        self,
        method: str,
        url: str,
        body: bytes,
        params: Mapping[str, str] | None,
        headers: Mapping[str, Any] | None,
        stream: bool,
        timeout: Any,
    ) -> Response:
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        fields = {str(n).lower(): str(v) for n, v in (headers or {}).items()}
        if body and "content-type" not in fields:
            fields["content-type"] = "application/json"
        for ours in ("host", "content-length"):
            fields.pop(ours, None)
        request = HttpRequest(
            url=parse_url(str(url)), method=method, headers=fields, body=body, options=self._options
        )
        limit_s = _seconds(timeout, self._timeout_s)
        incoming = self._transport.send(
            request, connect_timeout_s=min(CONNECT_S, limit_s), head_timeout_s=limit_s
        )
        response = Response(
            incoming.status, incoming.headers, url=str(url), incoming=incoming, timeout_s=limit_s
        )
        if not response.is_success:
            response.read()
            raise status_error(response)
        if not stream:
            response.read()
        return response


class AsyncHTTPHandler(HTTPHandler):
    """The same for coroutines."""

    async def post(self, *args: Any, **fields: Any) -> Response:  # type: ignore[override]
        """See `HTTPHandler.post`."""
        return await to_thread(super().post, *args, **fields)

    async def get(self, *args: Any, **fields: Any) -> Response:  # type: ignore[override]
        """See `HTTPHandler.get`."""
        return await to_thread(super().get, *args, **fields)

    async def close(self) -> None:  # type: ignore[override]
        """See `HTTPHandler.close`."""
        super().close()


def get_httpx_client(params: Any = None, **ignored: Any) -> HTTPHandler:
    """Make a client, for wrappers that do not use the one that they are given."""
    del params, ignored
    return HTTPHandler()


def get_async_httpx_client(*args: Any, **ignored: Any) -> AsyncHTTPHandler:
    """The same for coroutines."""
    del args, ignored
    return AsyncHTTPHandler()


def _body(data: Any, json: Any) -> bytes:
    if json is not None:
        data = json
    if data is None:
        return b""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    return json_module.dumps(data).encode()


def _seconds(timeout: Any, default_s: float) -> float:
    """Read a timeout: seconds, or httpx's object of them."""
    found = getattr(timeout, "read", timeout)
    return float(found) if isinstance(found, int | float) and found > 0 else default_s
