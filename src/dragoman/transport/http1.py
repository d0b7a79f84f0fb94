"""HTTP/1.1 as a client speaks it, without I/O: a request to bytes, bytes to an answer.

Law: a body that is shorter than announced is never passed off as whole; what comes after an answer
is never read as part of it; nothing is kept without a cap.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dragoman import __version__
from dragoman.errors import ConfigError, ConnectionLost, DragomanError, ProtocolError
from dragoman.transport.inflate import Inflate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dragoman.types.http import Headers, HttpRequest, Url

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
# An event stream is read as it comes; what bounds it in memory is its reader. This bounds its cost.
MAX_STREAM_BYTES = 1024 * 1024 * 1024

# Framing and the connection are the transport's own; a second word on them is how requests are
# smuggled. RFC 9112 §6, §9.
OWN_HEADERS = frozenset({
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip

_is_name = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+").fullmatch  # RFC 9110 §5.6.2, lower case
_find_bad = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]").search  # RFC 9110 §5.5
# Whole lines of both; as many lines as headers, and none of them has smuggled one in.
_are_headers = re.compile(r"(?:[!#$%&'*+.^_`|~0-9a-z-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*").fullmatch
_is_target = re.compile(r"[\x21-\x7e]+").fullmatch
_USER_AGENT = f"user-agent: dragoman/{__version__}\r\n"
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def render_request(request: HttpRequest, *, proxy_headers: Headers | None = None) -> bytes:
    """Write a request as it goes onto the wire, head and body.

    `proxy_headers`: the request goes to a proxy that forwards it, so that its target is the whole
    URL, and these are for the proxy.

    Raises: ConfigError for a header, method or target that cannot be sent; it never shows a value.
    """
    headers, body = request.headers, request.body
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not (
        OWN_HEADERS.isdisjoint(headers)
        and _are_headers(lines)
        and lines.count("\r\n") == len(headers)
    ):
        _blame_header(headers)
    opening = _render_opening(request.method, request.url, proxy_headers is not None)
    if "user-agent" not in headers:
        lines += _USER_AGENT
    if body or request.method not in _BODILESS:
        lines += f"content-length: {len(body)}\r\n"
    if proxy_headers:
        lines += "".join(f"{name}: {value}\r\n" for name, value in proxy_headers.items())
    return f"{opening}{lines}\r\n".encode("latin-1") + body


@lru_cache(maxsize=512)
def _render_opening(method: str, url: Url, whole: bool) -> str:
    """Write what all requests to a URL begin with."""
    target = str(url) if whole else url.target
    if not _is_target(target) or not _is_name(method.lower()):
        raise ConfigError("the request's path or method holds a character that HTTP cannot carry")
    return (
        f"{method} {target} HTTP/1.1\r\nhost: {url.authority}\r\n"
        "accept-encoding: identity\r\nconnection: keep-alive\r\n"
    )


def render_connect(authority: str, headers: Headers) -> bytes:
    """Write a CONNECT request. `authority` is host:port, IPv6 in brackets."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{_USER_AGENT}{extra}\r\n"
    return head.encode("latin-1")


def _blame_header(headers: Mapping[str, str]) -> NoReturn:
    """Say which header cannot be sent, and never its value."""
    for name, value in headers.items():
        if name in OWN_HEADERS or not _is_name(name):
            raise ConfigError(
                f"the header {name!r} cannot be set",
                hint="the transport writes it itself, or no header can be called so",
            )
        if _find_bad(value):
            raise ConfigError(
                f"the value of the header {name!r} holds a character that HTTP cannot carry",
                hint="often a line break at the end of a key: see where the value comes from",
            )
    raise AssertionError("one of them is at fault")


class Incoming:
    """One answer, as its bytes come in; feed it, then look.

    `head_done`: `status` and `headers` are there (1xx answers are passed over). `done`: so is the
    whole body. `failure`: why there will be no more; what came before is still to be taken.
    `reusable`: once done, another request may go over the same connection. `buffered`: how many
    bytes came since all was taken, roughly.
    """

    __slots__ = (
        "_cap", "_fruitless", "_head_bytes", "_inflate", "_interim", "_method", "_parser",
        "_pieces", "_total", "_until_close", "buffered", "done", "failure", "head_done",
        "headers", "reusable", "status", "untouched",
    )  # fmt: skip

    def __init__(self, method: str, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.head_done = False
        self.done = False
        self.reusable = False
        self.failure: DragomanError | None = None
        self.buffered = 0
        self.untouched = True
        self._method = method
        self._cap = max_body_bytes
        self._pieces: list[bytes] = []
        self._total = 0
        self._head_bytes = 0
        self._fruitless = 0
        self._interim = False
        self._until_close = False
        self._inflate: Inflate | None = None
        self._parser = HttpResponseParser(self)
        # "a recipient MAY recognize a single LF as a line terminator": RFC 9112 §2.2
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    @property
    def ended(self) -> bool:
        """Nothing more can come."""
        return self.done or self.failure is not None

    def feed(self, data: bytes | memoryview) -> None:
        """Take what the upstream sent. Nothing is raised but Ctrl-C: see `failure`."""
        self.untouched = False
        if self.ended:
            self.reusable = False
        else:
            self._parse(data)

    def _parse(self, data: bytes | memoryview) -> None:
        total = self._total
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail("the server switched to another protocol, unasked")
        except HttpParserError as error:
            if isinstance(error.__context__, KeyboardInterrupt | SystemExit):
                # httptools wraps whatever its callbacks raise, Ctrl-C too: that is no answer.
                raise error.__context__ from None
            self._fail(_explain(data, error) if not self.head_done else f"broken HTTP: {error}")
        self.buffered += len(data)
        # Heads, 1xx answers, chunk extensions and trailers without end bring no byte of a body.
        self._fruitless = self._fruitless + len(data) if self._total == total else 0
        if self._fruitless > MAX_HEAD_BYTES and not self.done:
            self._fail(f"more than {MAX_HEAD_BYTES // 1024} KiB of headers")
        if self.ended:
            # It holds us as well: else every answer would wait for the garbage collector.
            del self._parser

    def feed_eof(self, error: OSError | DragomanError | None = None) -> None:
        """Take note that the connection is gone, cleanly or by `error`."""
        if self.ended:
            return
        if isinstance(error, DragomanError):
            self.failure = error
            return
        if self.head_done and self._until_close and error is None:
            self.done = True
            return
        where = "in the middle of the answer" if self.head_done else "before it answered"
        how = f" ({error.strerror or error})" if error is not None else ""
        self.failure = ConnectionLost(f"the server closed the connection {where}{how}")

    def take(self) -> bytes:
        """Return what has come of the body and was not taken yet; `b""` when there is nothing.

        An encoded body is decoded here, a bounded piece at a time, so call again until it is empty.
        """
        if self._inflate is not None:
            return self._take_inflated(self._inflate)
        pieces = self._pieces
        self.buffered = 0
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return data

    def _take_inflated(self, inflate: Inflate) -> bytes:
        if self._pieces:
            inflate.feed(b"".join(self._pieces))
            self._pieces.clear()
        try:
            data = inflate.take()
            if not data:
                self.buffered = 0
                if self.done:
                    inflate.check_end()
        except ProtocolError as error:
            self.failure = error
            self._inflate = None
            return b""
        return data

    def _fail(self, why: str) -> None:
        """After the end, faults only spoil the connection."""
        self.reusable = False
        if not self.ended:
            self.failure = ProtocolError(why)

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        if self.done:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_done:  # A trailer, or what follows the answer.
            return
        self._head_bytes += len(name) + len(value) + 4
        key = _lower_name(name)
        text = value.decode("latin-1")
        headers = self.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        if self.head_done or self.failure is not None:
            return
        status = self._parser.get_status_code()
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(f"more than {MAX_HEAD_BYTES // 1024} KiB of headers")
        elif status < 200:
            self.headers.clear()
            self._interim = True
            return
        self.status = status
        self.head_done = True
        if self._method == "HEAD" or (self._method == "CONNECT" and 200 <= status < 300):
            self.reusable = self._parser.should_keep_alive()
            self.done = True
        else:
            self._frame()

    def _frame(self) -> None:
        """See how long the body is, and how it is packed."""
        headers = self.headers
        length = headers.get("content-length")
        packing = headers.get("transfer-encoding")
        if packing is not None and packing.lower() != "chunked":
            return self._fail(f"the body comes in the transfer encoding {packing[:40]!r}")
        if headers.get("content-type", "")[:17].lower() == "text/event-stream":
            self._cap = max(self._cap, MAX_STREAM_BYTES)
        if length is not None and int(length) > self._cap:
            return self._fail(f"the body is {length} bytes long; {self._cap} are allowed")
        self._until_close = length is None and packing is None and self.status not in (204, 304)
        if "content-encoding" in headers:
            coding = headers.pop("content-encoding").strip().lower()
            if coding not in ("identity", ""):
                try:
                    self._inflate = Inflate(coding, self._cap)
                except ProtocolError as error:
                    self.failure = error
        return None

    def on_body(self, data: bytes) -> None:
        if self.ended:
            return
        self._total += len(data)
        if self._total > self._cap:
            self._fail(f"the body is longer than the {self._cap} bytes that are allowed")
        else:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif not self.ended:
            self.done = True
            self.reusable = self._parser.should_keep_alive()


@lru_cache(maxsize=1024)
def _lower_name(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _explain(data: bytes | memoryview, error: HttpParserError) -> str:
    """Say what came instead of an answer."""
    if data[:1] == b"\x15" and data[1:2] == b"\x03":  # A TLS alert: RFC 8446 §5.1, §6
        return "the server speaks TLS: its URL starts with https://, not http://"
    if data[:4] == b"PRI " or data[:3] == b"\x00\x00\x12":
        return "the server speaks HTTP/2 only"
    return f"what came is not HTTP ({error})"
