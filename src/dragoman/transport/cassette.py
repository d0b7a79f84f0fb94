"""Record exchanges with real upstreams, once, and replay them for ever after, without a network.

    cassette = Cassette(path, record="RECORD" in os.environ, secrets=[key])
    transport = CassetteTransport(cassette, SyncTransport())

A cassette is a file of JSON lines, one exchange each: fit to be read, diffed and published. Law:
no secret enters it (see `dragoman.transport.scrub`).
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.errors import ConfigError, ConnectionLost, DragomanError, RequestError
from dragoman.transport.scrub import Scrubber

if TYPE_CHECKING:
    from dragoman.transport.base import AsyncResponse, AsyncTransport, Response, Transport
    from dragoman.types.credential import Secret
    from dragoman.types.http import Headers, HttpRequest


class NotRecorded(RequestError, LookupError):
    """A cassette is asked for what is not on it."""

    code = "not_recorded"


class Cassette:
    """The exchanges of one file, found by method, URL and body.

    The same request asked again gets what was recorded next. With `record`, nothing is looked up
    and all is recorded, after what is there. `secrets` are replaced wherever they stand, so that a
    replay may use others; those in headers need not be named.

    Raises: ConfigError when there is no such file to replay, or it is none.
    """

    def __init__(self, path: Path, *, record: bool = False, secrets: Iterable[Secret] = ()) -> None:
        self.path = path
        self.record = record
        self._scrubber = Scrubber(secrets)
        self._tracks: dict[tuple[str, ...], deque[dict[str, Any]]] = defaultdict(deque)
        for track in () if record else _read(path):
            self._tracks[_key_of(track["request"])].append(track["response"])

    def find(self, request: HttpRequest) -> Recorded:
        """Take what was recorded for a request.

        Raises: NotRecorded, that says what was asked.
        """
        described = self._describe(request)
        waiting = self._tracks.get(_key_of(described))
        if not waiting:
            raise NotRecorded(
                f"{self.path} has no recording (any more) of {described['method']}"
                f" {described['url']} with the body {described['body']!r}",
                hint="record it anew",
            )
        return Recorded(waiting.popleft())

    def keep(
        self,
        request: HttpRequest,
        status: int,
        headers: Headers,
        chunks: Sequence[bytes],
        *,
        whole: bool,
    ) -> None:
        """Append an exchange to the file. `whole`: the answer was read to its end."""
        track = {
            "request": self._describe(request),
            "response": {
                "status": status,
                "headers": self._scrubber.headers(headers),
                "chunks": [_to_json(chunk) for chunk in self._scrub_chunks(chunks)],
                "whole": whole,
            },
        }
        line = json.dumps(track, ensure_ascii=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)

    def _describe(self, request: HttpRequest) -> dict[str, Any]:
        self._scrubber.learn(request)
        body = self._scrubber.body(request.body, request.headers.get("content-type", ""))
        return {
            "method": request.method,
            "url": self._scrubber.url(str(request.url)),
            "headers": self._scrubber.headers(request.headers),
            "body": _to_json(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }

    def _scrub_chunks(self, chunks: Sequence[bytes]) -> Sequence[bytes]:
        """Scrub a body, also of secrets that two chunks share; these then become one."""
        scrubbed = self._scrubber.body(b"".join(chunks))
        pieces = [self._scrubber.body(chunk) for chunk in chunks]
        return pieces if b"".join(pieces) == scrubbed else [scrubbed]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Read what is on a cassette. Raises: ConfigError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
        raise ConfigError(why, place=str(path), hint="record it first") from None
    for number, line in enumerate(lines, 1):
        try:
            track = json.loads(line)
            _key_of(track["request"]), track["response"]["chunks"]
        except (ValueError, TypeError, KeyError):
            place = f"{path}:{number}"
            raise ConfigError("is no exchange", place=place, hint="record it anew") from None
        yield track


def _key_of(request: Mapping[str, Any]) -> tuple[str, ...]:
    return request["method"], request["url"], request["sha256"]


def _to_json(data: bytes) -> str | dict[str, str]:
    """Spell bytes as text where they are text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def _from_json(data: str | Mapping[str, str]) -> bytes:
    return data.encode() if isinstance(data, str) else b64decode(data["base64"])


class Recorded:
    """A `Response` out of a cassette."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        self.status: int = response["status"]
        self.headers: Headers = response["headers"]
        self._chunks = deque(map(_from_json, response["chunks"]))
        self._whole: bool = response["whole"]

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002 (all is there)
        """See `Response.read`. Past what was recorded of an answer, ConnectionLost."""
        if self._chunks:
            return self._chunks.popleft()
        if not self._whole:
            raise ConnectionLost("the recording ends in the middle of the answer")
        return b""

    def close(self) -> None:
        """See `Response.close`."""
        self._chunks.clear()
        self._whole = True


class _Tape:
    """What is being recorded of one answer."""

    def __init__(
        self, cassette: Cassette, request: HttpRequest, status: int, headers: Headers
    ) -> None:
        self._cassette = cassette
        self._request = request
        self._status = status
        self._headers = headers
        self._chunks: list[bytes] = []
        self._kept = False

    def add(self, chunk: bytes) -> None:
        if chunk:
            self._chunks.append(chunk)
        else:
            self.keep(whole=True)

    def keep(self, *, whole: bool) -> None:
        if not self._kept:
            self._kept = True
            self._cassette.keep(
                self._request, self._status, self._headers, self._chunks, whole=whole
            )


class _Recording:
    """A `Response` whose bytes are recorded as they are read."""

    def __init__(self, response: Response, tape: _Tape) -> None:
        self.status: int = response.status
        self.headers: Headers = response.headers
        self._response = response
        self._tape = tape

    def read(self, timeout_s: float) -> bytes:
        try:
            chunk = self._response.read(timeout_s)
        except DragomanError:
            self._tape.keep(whole=False)
            raise
        self._tape.add(chunk)
        return chunk

    def close(self) -> None:
        self._tape.keep(whole=False)
        self._response.close()


class CassetteTransport:
    """A `Transport` that plays a cassette, or records `inner` on it."""

    def __init__(self, cassette: Cassette, inner: Transport | None = None) -> None:
        self._cassette = cassette
        self._inner = inner

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Response:
        """See `Transport.send`. Errors of `inner` are raised, and not recorded."""
        if not self._cassette.record or self._inner is None:
            return self._cassette.find(request)
        response = self._inner.send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )
        tape = _Tape(self._cassette, request, response.status, response.headers)
        return _Recording(response, tape)

    def close(self) -> None:
        """See `Transport.close`."""
        if self._inner is not None:
            self._inner.close()


class _AsyncRecorded:
    """`Recorded`, awaited."""

    def __init__(self, recorded: Recorded) -> None:
        self.status: int = recorded.status
        self.headers: Headers = recorded.headers
        self._recorded = recorded

    async def read(self, timeout_s: float) -> bytes:
        return self._recorded.read(timeout_s)

    async def close(self) -> None:
        self._recorded.close()


class _AsyncRecording:
    """`_Recording`, awaited."""

    def __init__(self, response: AsyncResponse, tape: _Tape) -> None:
        self.status: int = response.status
        self.headers: Headers = response.headers
        self._response = response
        self._tape = tape

    async def read(self, timeout_s: float) -> bytes:
        try:
            chunk = await self._response.read(timeout_s)
        except DragomanError:
            self._tape.keep(whole=False)
            raise
        self._tape.add(chunk)
        return chunk

    async def close(self) -> None:
        self._tape.keep(whole=False)
        await self._response.close()


class AsyncCassetteTransport:
    """The same, awaited."""

    def __init__(self, cassette: Cassette, inner: AsyncTransport | None = None) -> None:
        self._cassette = cassette
        self._inner = inner

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> AsyncResponse:
        """See `CassetteTransport.send`."""
        if not self._cassette.record or self._inner is None:
            return _AsyncRecorded(self._cassette.find(request))
        response = await self._inner.send(
            request, connect_timeout_s=connect_timeout_s, head_timeout_s=head_timeout_s
        )
        tape = _Tape(self._cassette, request, response.status, response.headers)
        return _AsyncRecording(response, tape)

    async def close(self) -> None:
        """See `AsyncTransport.close`."""
        if self._inner is not None:
            await self._inner.close()
