"""Open a connection as a request would, and tell how long its two halves took."""

from __future__ import annotations

import ssl
import time
from typing import Literal

from msgspec import Struct

from dragoman.errors import DragomanError, Timeout
from dragoman.transport.blocking import Connection, Late, connect
from dragoman.transport.dial import Dial, Network, Secure, dial
from dragoman.types.http import ConnectOptions, Url

Half = Literal["reach", "tls"]


class Reached(Struct, frozen=True, kw_only=True):
    """A connection that stood, in seconds; of TLS, its version and the days the certificate has.

    `proxy` names the proxy that was gone through, without its password.
    """

    connect_s: float
    tls_s: float | None = None
    tls_version: str | None = None
    days_left: int | None = None
    proxy: str | None = None


class Unreached(Exception):
    """It did not come to a connection. `half` says how far it got, `error` why."""

    def __init__(self, half: Half, error: DragomanError, seconds: float) -> None:
        super().__init__(str(error))
        self.half: Half = half
        self.error = error
        self.seconds = seconds


def reach(url: Url, options: ConnectOptions, network: Network, timeout_s: float = 5.0) -> Reached:
    """Connect, through the proxy if there is one, and hang up.

    Raises: Unreached.
    """
    began = time.monotonic()
    secured: list[float] = []
    try:
        steps = _watched(dial(url, options, network), secured)
        connection = connect(steps, began + timeout_s, network.resolve)
    except Late:
        error = Timeout("connect", timeout_s, hint=f"{url.origin} did not answer")
        raise _unreached(error, began, secured) from None
    except DragomanError as error:
        raise _unreached(error, began, secured) from error
    now = time.monotonic()
    try:
        return Reached(
            connect_s=(secured[0] if secured else now) - began,
            tls_s=now - secured[0] if secured else None,
            tls_version=_version(connection),
            days_left=_days_left(connection),
            proxy=str(connection.proxy) if connection.proxy else None,
        )
    finally:
        connection.close()


def _unreached(error: DragomanError, began: float, secured: list[float]) -> Unreached:
    since = secured[0] if secured else began
    return Unreached("tls" if secured else "reach", error, time.monotonic() - since)


def _watched(steps: Dial, secured: list[float]) -> Dial:
    """Pass the steps of a dial on, and note when the second half begins."""
    step = next(steps)
    try:
        while True:
            if isinstance(step, Secure):
                secured.append(time.monotonic())
            try:
                reply = yield step
            except OSError as error:
                step = steps.throw(error)
            else:
                step = steps.send(reply)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _version(connection: Connection) -> str | None:
    sock = connection.sock
    return sock.version() if isinstance(sock, ssl.SSLSocket) else None


def _days_left(connection: Connection) -> int | None:
    """How long the server's certificate holds; None where it was not checked."""
    sock = connection.sock
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    ends = certificate.get("notAfter") if certificate else None
    if not isinstance(ends, str):
        return None
    return int((ssl.cert_time_to_seconds(ends) - time.time()) // 86_400)
