"""An answer of any kind on its way through: bytes as they come, while somebody looks on.

Law: as for every bridge, nothing goes out before `committed`. What the answer says of itself (its
content type) decides what is looked for: JSON is held until it is known to be no error, and its
usage is read; server-sent events are looked at one by one; anything else is merely handed on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.engine.estimate import BYTES_PER_TOKEN, estimate_size
from dragoman.errors import DragomanError, ProtocolError, StreamTruncated
from dragoman.types.event import Failure, Finish, FinishReason
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.usage import Usage
from dragoman.wire.base import WireFormat
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import decode, utf8_size
from dragoman.wire.openai_completions.errors import find_error
from dragoman.wire.openai_completions.usage import parse_usage
from dragoman.wire.openai_responses.usage import parse_usage as parse_response_usage
from dragoman.wire.sse import DONE, Frame, FrameSplitter, SseParser, split_frames

HELD_BYTES = 64 * 1024
"""What of a JSON answer is held back: no error is longer, and few answers without media are."""
SETTLED_BYTES = 64 * 1024 * 1024
"""The same of one that settles something: its beginning says whether it is finished."""

EVENTS, JSON, PAGE = "text/event-stream", "application/json", "text/html"
TYPE_LIMIT = 200

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
}
_USAGE = re.compile(r'"usage"\s*:\s*(?=\{)')


class _ChoiceGlance(Struct, gc=False):
    text: str = ""


class _Glance(Struct, gc=False):
    """What a frame of a text completion adds."""

    choices: list[_ChoiceGlance]


_glance = msgspec.json.Decoder(_Glance).decode


class Passage:
    """Bytes that are nobody's to understand. See `dragoman.wire.bridge.Bridge`.

    `content_type` is what the client is told. `streams`: server-sent events, into which an error
    can be written. `held_back`: nothing goes out at first, and it may come as one piece. Without
    `metered` no usage is told: it was counted before. `settling`: unless it is still owed; then
    `finished` says whether a response is, and `due` what it has used, if that is told.
    """

    streams = False
    held_back = False
    metered = True
    settling = False
    finished = False
    due: Usage | None = None

    def __init__(self, content_type: str, dialect: Dialect) -> None:
        self.content_type = content_type
        self.committed = False
        self.finish: Finish | None = None
        self.failure: Failure | None = None
        self.model: str | None = None
        self.id: str | None = None
        self._usage: Usage | None = None
        self.frames = 0
        self.said_bytes = 0
        self.warnings: Sequence[str] = ()
        self._dialect = dialect

    @property
    def usage(self) -> Usage | None:
        """What has been reported so far."""
        return self._usage if self.metered else None

    @property
    def said_tokens(self) -> int:
        """See `Bridge.said_tokens`."""
        return estimate_size(self.said_bytes)

    @property
    def heard(self) -> bool:
        """Whether content has come."""
        return self.committed

    @property
    def ended(self) -> bool:
        """Whether the answer is whole or has failed."""
        return self.finish is not None or self.failure is not None

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        self.frames += 1
        self.committed = True
        return [chunk]

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        if not self.committed:
            return self.fail(ProtocolError("the upstream's answer is empty"))
        self.finish = Finish("stop")
        return ()

    def fail(self, error: DragomanError) -> Sequence[bytes]:
        """Say that the answer broke off: here nothing can be said in the answer itself."""
        if not self.ended:
            self.failure = Failure(error, self.usage)
        return ()


class WebPage(Passage):
    """No answer at all, whatever its status says."""

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Refuse it."""
        raw = bounded(chunk)
        return self.fail(ProtocolError("the upstream answered with a web page", raw=raw))


class JsonPassage(Passage):
    """JSON: held until it is known to be an answer, or too long to be an error."""

    held_back = True

    def __init__(self, content_type: str, dialect: Dialect) -> None:
        super().__init__(content_type, dialect)
        self._held = bytearray()

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        self.frames += 1
        held = self._held
        held += chunk
        if self.committed:
            del held[:-HELD_BYTES]
            return [chunk]
        if len(held) <= (SETTLED_BYTES if self.settling else HELD_BYTES):
            return ()
        self.committed = True
        return [bytes(held)]

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        body = bytes(self._held)
        if self.committed:
            self._usage = _usage_at_end(body, self._dialect)
            self.finish = Finish("stop")
            return ()
        try:
            value = decode(body)
        except ValueError:
            return self.fail(ProtocolError("the upstream's answer is not JSON", raw=bounded(body)))
        is_resource = isinstance(value, dict) and value.get("object") == "response"
        if not is_resource and (error := find_error(body)):
            return self.fail(error)
        self._usage = find_usage(value, self._dialect)
        if self.settling:
            self.finished, self.due = is_finished(value), find_due(value, self._dialect)
        self.model = _text(value, "model")
        self.id = _text(value, "id")
        self.said_bytes = sum(map(utf8_size, _said(value)))
        self.finish = Finish(_reason(value) or "stop")
        self.committed = True
        return [body]


class EventPassage(Passage):
    """Server-sent events, frame by frame.

    With `must_end` a stream ends with `[DONE]` or a finish reason, or is cut. `drop_usage` keeps
    the frame that says usage and nothing else from the client.
    """

    streams = True

    def __init__(
        self,
        content_type: str,
        dialect: Dialect,
        client: WireFormat,
        *,
        must_end: bool = False,
        drop_usage: bool = False,
    ) -> None:
        super().__init__(content_type, dialect)
        self._client = client
        self._must_end = must_end
        self._drop_usage = drop_usage
        self._splitter = FrameSplitter()
        self._parser = SseParser()
        self._reason: FinishReason | None = None
        self._done = False

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        if self.failure is not None:
            return ()
        data = self._splitter.feed(chunk)
        error = self._look(self._parser.feed(chunk))
        if error is not None:
            return self._failed(error, data)
        if self._done and self.finish is None:
            self.finish = Finish(self._reason or "stop")
        return self._kept(data)

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        if self.failure is not None:
            return ()
        error = self._look(self._parser.close())
        rest = self._splitter.close()
        if error is not None:
            return self._failed(error, rest)
        if not self.committed:
            return self.fail(ProtocolError("the upstream's stream is empty"))
        if self._must_end and not (self._done or self._reason):
            cut = StreamTruncated("the upstream stopped in the middle of the answer")
            return [*self._kept(rest), *self.fail(cut)]
        self.finish = self.finish or Finish(self._reason or "stop")
        return self._kept(rest)

    def fail(self, error: DragomanError) -> Sequence[bytes]:
        """Say that the answer broke off, in the client's language."""
        if self.ended:
            return ()
        self.failure = Failure(error, self.usage)
        if not self.committed:
            return ()
        frame = self._client.stream_renderer("").render(Failure(error))
        return [b"\n\n" + frame if self._splitter.torn else frame]

    def _failed(self, error: DragomanError, data: bytes) -> Sequence[bytes]:
        before = []
        for piece in split_frames(data):
            if any(map(_error_of, SseParser().feed(piece))):
                break
            before.append(piece)
        return [*self._kept(b"".join(before)), *self.fail(error)]

    def _look(self, frames: Sequence[Frame]) -> DragomanError | None:
        for frame in frames:
            self.frames += 1
            if frame.data == DONE:
                self._done = True
                continue
            if error := _error_of(frame):
                return error
            self.committed = True
            self.said_bytes += _added_bytes(frame.data)
            if b'"usage"' in frame.data or b'"finish_reason"' in frame.data:
                self._note(frame.data)
        return None

    def _note(self, data: bytes) -> None:
        try:
            value = decode(data)
        except ValueError:
            return  # handed on as it is: whoever asked may know what it means
        self._usage = find_usage(value, self._dialect) or self._usage
        if self.settling and (due := find_due(value, self._dialect)):
            self.due, self._done = due, True  # nobody leaves with it before it is settled
        self._reason = _reason(value) or self._reason
        self.model = _text(value, "model") or self.model
        self.id = _text(value, "id") or self.id

    def _kept(self, data: bytes) -> Sequence[bytes]:
        if self._drop_usage and b'"usage"' in data:
            data = b"".join(f for f in split_frames(data) if not self._client.is_usage_frame(f))
        return [data] if data else ()


def open_passage(
    headers: Headers,
    dialect: Dialect,
    client: WireFormat,
    *,
    must_end: bool = False,
    drop_usage: bool = False,
) -> Passage:
    """Choose by the answer's headers. For the options see `EventPassage`."""
    kind, told = read_kind(headers)
    if kind == EVENTS:
        return EventPassage(told, dialect, client, must_end=must_end, drop_usage=drop_usage)
    if kind == JSON:
        return JsonPassage(told, dialect)
    if kind == PAGE:
        return WebPage(told, dialect)
    return Passage(told, dialect)


def read_kind(headers: Headers) -> tuple[str, str]:
    """Read what an answer is: its media type, and the content type that the client is told.

    Every kind of JSON is `JSON`; a content type that cannot be passed on is told as mere bytes.
    """
    said = headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind == JSON or kind.endswith("+json"):
        return JSON, JSON
    sound = "/" in kind and said.isascii() and said.isprintable() and len(said) <= TYPE_LIMIT
    return kind, said if sound else "application/octet-stream"


def find_usage(value: Any, dialect: Dialect) -> Usage | None:
    """Find the tokens in an answer of any endpoint; None when it tells none.

    OpenAI's `usage`; a mere `total_tokens`, as of embeddings and ranking, is all prompt; Cohere's
    `meta.tokens`; what an event wraps in `response`.
    """
    if not isinstance(value, dict):
        return None
    usage = value.get("usage")
    if usage is None and isinstance(inner := value.get("response"), dict):
        usage = inner.get("usage")
    if usage is None and isinstance(meta := value.get("meta"), dict):
        usage = meta.get("tokens")
    if not isinstance(usage, dict):
        return None
    known = {name for name, count in usage.items() if count is not None}
    if not known & _COUNTS and "total_tokens" in known:
        usage = {**usage, "prompt_tokens": usage["total_tokens"], "completion_tokens": 0}
    return parse_usage(usage, None, dialect)


def find_due(value: Any, dialect: Dialect) -> Usage | None:
    """Find what a response has used, in itself or in its last event; None unless it is finished."""
    if not is_finished(value):
        return None
    usage = parse_response_usage(_response(value).get("usage"), dialect)
    return usage if usage is not None and usage.total_tokens is not None else None


def is_finished(value: Any) -> bool:
    """Whether a response is not being made any more, by itself or by its last event."""
    return isinstance(value, dict) and _response(value).get("status") in _FINISHED


def _response(value: dict[str, Any]) -> dict[str, Any]:
    inner = value.get("response")
    return inner if isinstance(inner, dict) else value


_FINISHED = ("completed", "incomplete", "failed", "cancelled")
_COUNTS = {"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"}


def _usage_at_end(tail: bytes, dialect: Dialect) -> Usage | None:
    """Find the usage in the end of an answer that was too long to be kept."""
    text = tail.decode("utf-8", "replace")
    for found in reversed(list(_USAGE.finditer(text))):
        try:
            usage, _ = json.JSONDecoder().raw_decode(text, found.end())
        except (ValueError, RecursionError):
            continue
        return find_usage({"usage": usage}, dialect)
    return None


def _error_of(frame: Frame) -> DragomanError | None:
    is_error = frame.event == "error"
    if not is_error and b'"error"' not in frame.data:
        return None
    return find_error(frame.data, is_error=is_error)


def _choices(value: Any) -> list[dict[str, Any]]:
    choices = value.get("choices") if isinstance(value, dict) else None
    return [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []


def _added_bytes(data: bytes) -> int:
    """Say how much content a frame adds; one that is no completion's counts as a token."""
    try:
        return sum(utf8_size(choice.text) for choice in _glance(data).choices)
    except (ValueError, RecursionError):
        return BYTES_PER_TOKEN


def _said(value: Any) -> list[str]:
    return [text for choice in _choices(value) if isinstance(text := choice.get("text"), str)]


def _reason(value: Any) -> FinishReason | None:
    for choice in _choices(value):
        if isinstance(word := choice.get("finish_reason"), str):
            return _REASONS.get(word, "other")
    return None


def _text(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found[:200] if isinstance(found, str) else None
