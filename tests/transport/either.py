"""Both transports behind one blocking face, so that one suite holds them to one contract."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from dragoman.transport.pooled import AsyncPool
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import ConnectOptions, HttpRequest, parse_url

Result = TypeVar("Result")


def request(
    url: str,
    body: bytes = b'{"model": "m"}',
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    options: ConnectOptions | None = None,
) -> HttpRequest:
    return HttpRequest(
        url=parse_url(url),
        method=method,
        headers=headers or {},
        body=body,
        options=options or ConnectOptions(),
    )


class Answer:
    """An answer of either transport; calls block."""

    def __init__(self, side: Either, response: Any) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self._side = side
        self._response = response

    def read(self, timeout_s: float = 5.0) -> bytes:
        data: bytes = self._side.wait(self._response.read(timeout_s))
        return data

    def read_all(self, timeout_s: float = 5.0) -> bytes:
        body = bytearray()
        while chunk := self.read(timeout_s):
            body += chunk
        return bytes(body)

    def close(self) -> None:
        self._side.wait(self._response.close())


class Either:
    """A transport driven from the test's thread."""

    transport: Any

    def wait(self, result: Any) -> Any:
        return result

    def send(
        self,
        asked: HttpRequest | str,
        *,
        connect_timeout_s: float = 5.0,
        head_timeout_s: float = 5.0,
    ) -> Answer:
        if isinstance(asked, str):
            asked = request(asked)
        response = self.wait(
            self.transport.send(
                asked, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
            )
        )
        return Answer(self, response)

    def fetch(self, asked: HttpRequest | str, **timeouts: float) -> bytes:
        """Send and read to the end."""
        return self.send(asked, **timeouts).read_all()

    def count(self) -> dict[str, tuple[int, int]]:
        return dict(self.transport.count_connections())

    def close_now(self) -> None:
        """Close the transport; what surrounds it stays."""
        self.wait(self.transport.close())

    def close(self) -> None:
        self.close_now()


class Blocking(Either):
    def __init__(self, **options: Any) -> None:
        self.transport = SyncTransport(**options)


class Awaited(Either):
    """The pool on a loop that runs in a thread of its own, as a server's would."""

    def __init__(self, **options: Any) -> None:
        self.transport = AsyncPool(**options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            self._stop = asyncio.Event()
            runner.run(self._stop.wait())

    def wait(self, result: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(result, self._loop).result()

    def close(self) -> None:
        super().close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


SIDES: dict[str, type[Either]] = {"sync": Blocking, "async": Awaited}
