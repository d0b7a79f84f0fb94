"""The transports that clients use unless they are given others: by scheme, made when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.transport.base import AsyncResponse, AsyncTransport, Response, Transport
from dragoman.types.http import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable


class DefaultTransport:
    """HTTP over sockets, and the demo provider, which needs none."""

    def __init__(self) -> None:
        self._made: dict[str, Transport] = {}

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Response:
        """See `Transport.send`."""
        return self._of(request.url.scheme).send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )

    def close(self) -> None:
        """See `Transport.close`."""
        for transport in self._made.values():
            transport.close()
        self._made.clear()

    def _of(self, scheme: str) -> Transport:
        kind = "demo" if scheme == "demo" else "http"
        transport = self._made.get(kind)
        if transport is None:
            transport = self._made.setdefault(kind, _MAKERS[kind]())
        return transport


class AsyncDefaultTransport:
    """The same, awaited."""

    def __init__(self) -> None:
        self._made: dict[str, AsyncTransport] = {}

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncResponse:
        """See `AsyncTransport.send`."""
        return await self._of(request.url.scheme).send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )

    async def close(self) -> None:
        """See `AsyncTransport.close`."""
        for transport in self._made.values():
            await transport.close()
        self._made.clear()

    def _of(self, scheme: str) -> AsyncTransport:
        kind = "demo" if scheme == "demo" else "http"
        transport = self._made.get(kind)
        if transport is None:
            transport = self._made.setdefault(kind, _ASYNC_MAKERS[kind]())
        return transport


def _sockets() -> Transport:
    from dragoman.transport.sync import SyncTransport

    return SyncTransport()


def _demo() -> Transport:
    from dragoman.transport.demo import DemoTransport

    return DemoTransport()


def _async_sockets() -> AsyncTransport:
    from dragoman.transport.pooled import AsyncPool

    return AsyncPool()


def _async_demo() -> AsyncTransport:
    from dragoman.transport.demo import AsyncDemoTransport

    return AsyncDemoTransport()


_MAKERS: dict[str, Callable[[], Transport]] = {"http": _sockets, "demo": _demo}
_ASYNC_MAKERS: dict[str, Callable[[], AsyncTransport]] = {
    "http": _async_sockets,
    "demo": _async_demo,
}
