"""The transports that clients use unless they are given others: by scheme, made when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dragoman.transport.base import AsyncResponse, AsyncTransport, Response, Transport
from dragoman.transport.stand_in import find_stand_in, named_stand_in
from dragoman.types.http import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from dragoman.transport.dial import Network
    from dragoman.transport.pooled import AsyncPool


class DefaultTransport:
    """HTTP over sockets; and what needs none: the demo, and code in this process."""

    def __init__(self) -> None:
        self._made: dict[str, Transport] = {}
        self._named = named_stand_in()

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Response:
        """See `Transport.send`."""
        return self._of(request).send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )

    def close(self) -> None:
        """See `Transport.close`."""
        for transport in self._made.values():
            transport.close()
        self._made.clear()

    def _of(self, request: HttpRequest) -> Transport:
        kind = _kind(request)
        transport = self._made.get(kind)
        if transport is None:
            transport = self._made.setdefault(kind, _MAKERS[kind]())
        stand_in = find_stand_in(self._named)
        return transport if stand_in is None else stand_in.blocking(transport)


class AsyncDefaultTransport:
    """The same, awaited. `network` is for `AsyncPool`; None: what its default is."""

    def __init__(self, network: Network | None = None) -> None:
        self._made: dict[str, AsyncTransport] = {}
        self._named = named_stand_in()
        self._network = network

    @property
    def network(self) -> Network:
        """The policy under which connections are made."""
        if self._network is None:
            import os

            from dragoman.transport.dial import Network

            return Network(env=os.environ)
        return self._network

    def use(self, network: Network) -> None:
        """Connect under this policy from now on; connections of before that are idle are closed."""
        self._network = network
        pool = self._made.get("http")
        if pool is not None:
            cast("AsyncPool", pool).use(network)

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Coroutine[Any, Any, AsyncResponse]:
        """See `AsyncTransport.send`."""
        return self._of(request).send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )

    async def close(self) -> None:
        """See `AsyncTransport.close`."""
        for transport in self._made.values():
            await transport.close()
        self._made.clear()

    def _of(self, request: HttpRequest) -> AsyncTransport:
        kind = _kind(request)
        transport = self._made.get(kind)
        if transport is None:
            made = _async_sockets(self._network) if kind == "http" else _ASYNC_MAKERS[kind]()
            transport = self._made.setdefault(kind, made)
        stand_in = find_stand_in(self._named)
        return transport if stand_in is None else stand_in.awaited(transport)


def _kind(request: HttpRequest) -> str:
    if request.performer is not None:
        return "performed"
    return "demo" if request.url.scheme == "demo" else "http"


def _sockets() -> Transport:
    from dragoman.transport.sync import SyncTransport

    return SyncTransport()


def _demo() -> Transport:
    from dragoman.transport.demo import DemoTransport

    return DemoTransport()


def _performed() -> Transport:
    from dragoman.transport.performed import PerformedTransport

    return PerformedTransport()


def _async_sockets(network: Network | None) -> AsyncTransport:
    from dragoman.transport.pooled import AsyncPool

    return AsyncPool(network=network)


def _async_demo() -> AsyncTransport:
    from dragoman.transport.demo import AsyncDemoTransport

    return AsyncDemoTransport()


def _async_performed() -> AsyncTransport:
    from dragoman.transport.performed import AsyncPerformedTransport

    return AsyncPerformedTransport()


_MAKERS: dict[str, Callable[[], Transport]] = {
    "http": _sockets,
    "demo": _demo,
    "performed": _performed,
}
_ASYNC_MAKERS: dict[str, Callable[[], AsyncTransport]] = {
    "demo": _async_demo,
    "performed": _async_performed,
}
