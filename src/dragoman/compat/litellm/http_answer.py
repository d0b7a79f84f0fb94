"""An answer as httpx has it, for hooks and stream wrappers: whole, or read as it comes.

Source: https://www.python-httpx.org/api/#response (read 2026-11)
"""

from __future__ import annotations

import codecs
import json as json_module
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeVar

from dragoman.transport.base import Response as Incoming
from dragoman.wire.error_body import bounded

Result = TypeVar("Result")

READ_S = 600.0
MAX_BODY_BYTES = 64 * 1024 * 1024


class Headers(dict[str, str]):
    """Headers of an answer, found in any case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in fields.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Look up a header."""
        return super().get(name.lower(), default)

    def multi_items(self) -> list[tuple[str, str]]:
        """List names and values."""
        return list(self.items())


class Response:
    """An answer as httpx has it: whole, or to be read as it comes."""

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        content: bytes | None = None,
        *,
        url: str = "",
        incoming: Incoming | None = None,
        timeout_s: float = READ_S,
    ) -> None:
        self.status_code = status_code
        self.headers = Headers(headers)
        self.url = url
        self.reason_phrase = ""
        self.encoding = "utf-8"
        self.request = None
        self._content = content
        self._incoming = incoming
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return self.status_code >= 400

    @property
    def content(self) -> bytes:
        """All of the body, read if it is not yet."""
        if self._content is None:
            self.read()
        return self._content or b""

    @property
    def text(self) -> str:
        """The same as text."""
        return self.content.decode("utf-8", "replace")

    def json(self, **how: Any) -> Any:
        """The same as JSON. Raises: ValueError."""
        return json_module.loads(self.content, **how)

    def raise_for_status(self) -> Response:
        """Raise for a status that is no success. Raises: HTTPStatusError."""
        if not self.is_success:
            raise status_error(self)
        return self

    # -- as it comes

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the body as it comes."""
        del chunk_size
        if self._content is not None:
            yield self._content
        while self._incoming is not None and (chunk := self._incoming.read(self._timeout_s)):
            yield chunk

    iter_raw = iter_bytes

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the body as text, as it comes; no character is cut."""
        return _cut(self.iter_bytes(chunk_size), Texts())

    def iter_lines(self) -> Iterator[str]:
        """Yield the lines, without their ends."""
        return _cut(self.iter_bytes(), Lines())

    def read(self) -> bytes:
        """Read all of the body. Raises: ValueError when it is larger than anything useful."""
        if self._content is None:
            body = bytearray()
            for chunk in self.iter_bytes():
                body += chunk
                _check_size(len(body))
            self._content, self._incoming = bytes(body), None
        return self._content

    def close(self) -> None:
        """Stop listening."""
        if self._incoming is not None:
            self._incoming.close()

    # -- the same for coroutines

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """See `iter_bytes`."""
        del chunk_size
        if self._content is not None:
            yield self._content
        while self._incoming is not None:
            chunk = await to_thread(self._incoming.read, self._timeout_s)
            if not chunk:
                return
            yield chunk

    aiter_raw = aiter_bytes

    def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """See `iter_text`."""
        return _acut(self.aiter_bytes(chunk_size), Texts())

    def aiter_lines(self) -> AsyncIterator[str]:
        """See `iter_lines`."""
        return _acut(self.aiter_bytes(), Lines())

    async def aread(self) -> bytes:
        """See `read`."""
        return await to_thread(self.read)

    async def aclose(self) -> None:
        """See `close`."""
        self.close()


class Texts:
    """Bytes → texts, whatever the chunks: no character is cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, chunk: bytes) -> list[str]:
        """Take the next bytes."""
        text = self._decoder.decode(chunk)
        return [text] if text else []

    def close(self) -> list[str]:
        """Say that the body has ended."""
        text = self._decoder.decode(b"", final=True)
        return [text] if text else []


class Lines:
    """Bytes → lines without their ends, empty ones too. Raises: ValueError for an endless one."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Take the next bytes."""
        head, newline, rest = chunk.partition(b"\n")
        self._keep(head)
        if not newline:
            return []
        *whole, last = rest.split(b"\n")
        lines = [self._take(), *(_line(one) for one in whole)]
        self._keep(last)
        return lines

    def close(self) -> list[str]:
        """Say that the body has ended."""
        return [self._take()] if self._size else []

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        self._pending.append(data)
        _check_size(self._size)

    def _take(self) -> str:
        line = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        return _line(line)


def _line(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise ValueError(f"the answer, or a line of it, is larger than {MAX_BODY_BYTES} bytes")


def _cut(chunks: Iterator[bytes], cutter: Texts | Lines) -> Iterator[str]:
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.close()


async def _acut(chunks: AsyncIterator[bytes], cutter: Texts | Lines) -> AsyncIterator[str]:
    async for chunk in chunks:
        for piece in cutter.feed(chunk):
            yield piece
    for piece in cutter.close():
        yield piece


async def to_thread(work: Callable[..., Result], *args: Any, **fields: Any) -> Result:
    """Have work that blocks done in a thread, and await it."""
    import asyncio

    return await asyncio.to_thread(work, *args, **fields)


class HTTPStatusError(Exception):
    """The status was no success."""

    def __init__(self, message: str, *, request: Any = None, response: Any = None) -> None:
        Exception.__init__(self, message)  # what comes next may be httpx's own, which wants more
        self.request = request
        self.response = response


def status_error(response: Response) -> Exception:
    """Make the error of a status; it is httpx's own as well where somebody uses httpx."""
    text = bounded(response.content).decode("utf-8", "replace")
    message = f"status {response.status_code}: {text}"
    kinds: tuple[type[Exception], ...] = (HTTPStatusError,)
    if (httpx := sys.modules.get("httpx")) is not None:
        kinds = (HTTPStatusError, httpx.HTTPStatusError)
    kind: Any = type("HTTPStatusError", kinds, {})
    error: Exception = kind.__new__(kind)
    HTTPStatusError.__init__(error, message, response=response)  # type: ignore[arg-type]
    return error
