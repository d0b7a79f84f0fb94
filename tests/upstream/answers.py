"""The usual answers of an OpenAI-style chat completions API, and the usual wrong ones."""

from __future__ import annotations

import functools
import json
import time
import zlib
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Any

from tests.upstream.script import Action, Answer, Close, Repeat, Script, Send, Stall

MODEL = "test-model"
JSON = ("content-type", "application/json")
EVENTS = ("content-type", "text/event-stream; charset=utf-8")
BOMB_BLOCK_BYTES = 1024 * 1024

Usage = Mapping[str, Any] | None


def tokens(
    prompt: int, completion: int, *, cached: int | None = None, reasoning: int | None = None
) -> dict[str, Any]:
    """Spell a usage object as OpenAI does: totals include cached and reasoning tokens."""
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    if reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage


USAGE = tokens(7, 3)


def chat(
    text: str | None,
    *,
    usage: Usage = USAGE,
    model: str = MODEL,
    finish: str | None = "stop",
    **message: Any,
) -> Answer:
    """Answer with a completion. Further keywords go into the message (`reasoning_content` …)."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish,
    }
    return _json(_object("chat.completion", model, [choice], usage))


def chat_stream(
    texts: Iterable[str],
    *,
    usage: Usage = USAGE,
    finish: str | None = "stop",
    done: bool = True,
    eol: str = "\n",
    model: str = MODEL,
) -> Answer:
    """Stream a completion: role, one delta a text, finish reason, usage (`choices: []`), [DONE].

    `finish=None` and `usage=None` leave their chunks out.
    """
    return delta_stream(
        ({"content": text} for text in texts),
        usage=usage, finish=finish, done=done, eol=eol, model=model,
    )  # fmt: skip


def delta_stream(
    deltas: Iterable[Mapping[str, Any]],
    *,
    usage: Usage = USAGE,
    finish: str | None = "stop",
    done: bool = True,
    eol: str = "\n",
    model: str = MODEL,
) -> Answer:
    """Stream a completion from deltas given verbatim, after one with the role alone."""
    chunks = [
        chunk(delta, model=model) for delta in ({"role": "assistant", "content": ""}, *deltas)
    ]
    if finish is not None:
        chunks.append(chunk({}, finish=finish, model=model))
    if usage is not None:
        chunks.append(_object("chat.completion.chunk", model, [], usage))
    return sse(chunks, done=done, eol=eol)


def tool_calls(
    *calls: tuple[str, Mapping[str, Any] | str],
    stream: bool = False,
    usage: Usage = USAGE,
    model: str = MODEL,
) -> Answer:
    """Answer with tool calls `(name, arguments)`, ids `call_0`, `call_1`.

    Arguments given as text go out verbatim. Streamed, each call is opened by a delta with id and
    name, then its arguments follow in pieces of at most eight characters.
    """
    entries = [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else json.dumps(given),
            },
        }
        for index, (name, given) in enumerate(calls)
    ]
    if not stream:
        return chat(None, usage=usage, model=model, finish="tool_calls", tool_calls=entries)
    return delta_stream(_call_deltas(entries), usage=usage, finish="tool_calls", model=model)


def chunk(
    delta: Mapping[str, Any] | None,
    *,
    finish: str | None = None,
    model: str = MODEL,
    **choice: Any,
) -> dict[str, Any]:
    """Make one streamed chunk; `delta=None` leaves `choices` empty."""
    entry = {"index": 0, "delta": delta, "finish_reason": finish, **choice}
    return _object("chat.completion.chunk", model, [] if delta is None else [entry], None)


def sse(
    events: Iterable[Mapping[str, Any] | str | bytes], *, done: bool = True, eol: str = "\n"
) -> Answer:
    """Stream server-sent events: mappings as JSON, text as `data:`, bytes verbatim.

    `eol` is what ends a line: LF, CRLF or CR. Chunked; use `.until_close()` and the like to change.
    """
    frames = [*events, *(["[DONE]"] if done else [])]
    body = b"".join(_frame(event, eol) for event in frames)
    return Answer(headers=(EVENTS, ("cache-control", "no-cache")), body=body, framing="chunked")


def models(*ids: str) -> Answer:
    """Answer a model list."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in ids]
    return _json({"object": "list", "data": data})


def embeddings(count: int) -> Answer:
    """Answer with so many vectors of three numbers."""
    data = [
        {"object": "embedding", "index": index, "embedding": [0.5, 0.25, index]}
        for index in range(count)
    ]
    usage = {"prompt_tokens": 2 * count, "total_tokens": 2 * count}
    return _json({"object": "list", "data": data, "model": MODEL, "usage": usage})


def error(
    status: int,
    body: Mapping[str, Any] | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    message: str = "the upstream said no",
    code: str | None = None,
    retry_after: float | str | None = None,
    retry_after_ms: int | None = None,
) -> Answer:
    """Answer with an error; `status` may be 200. `body` replaces OpenAI's error object.

    `retry_after` is seconds, or text that goes out verbatim, such as `retry_at(2)`.
    """
    if body is None:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    answer = _json(body, status) if isinstance(body, Mapping) else _text(body, status)
    if retry_after is not None:
        answer = answer.with_headers({"retry-after": str(retry_after)})
    if retry_after_ms is not None:
        answer = answer.with_headers({"retry-after-ms": str(retry_after_ms)})
    return answer.with_headers(headers or {})


def retry_at(seconds: float) -> str:
    """Spell the time so many seconds from now as an HTTP date (whole seconds, rounded down)."""
    return formatdate(time.time() + seconds, usegmt=True)


def html(status: int = 200, title: str = "Welcome") -> Answer:
    """Answer with a web page, as proxies and captive portals do."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>"
    return Answer(status, (("content-type", "text/html; charset=utf-8"),), page.encode())


def empty(status: int = 200) -> Answer:
    """Answer with no body at all."""
    return Answer(status, (JSON,))


def redirect(location: str, status: int = 307) -> Answer:
    return Answer(status, (("location", location),))


def stall(seconds: float | None = None, then: Script | None = None) -> tuple[Action, ...]:
    """Take the request and say nothing for so long (None: for ever), then answer or close."""
    rest = then.actions() if isinstance(then, Answer) else then or (Close(),)
    return (Stall(seconds), *rest)


def pings(comment: str = "PROCESSING", pause_s: float = 0.01) -> Answer:
    """Stream comments for ever, and no event."""
    return sse([], done=False).then_forever(f": {comment}\n\n".encode(), pause_s)


def endless_event() -> Answer:
    """Stream one event whose data never ends."""
    return sse([b"data: "], done=False).then_forever(b"a" * 65536)


def endless_body() -> Answer:
    """Answer with a JSON string that never ends."""
    return Answer(headers=(JSON,), body=b'{"id": "', framing="chunked").then_forever(b"a" * 65536)


def endless_headers() -> tuple[Action, ...]:
    """Answer with headers that never end."""
    return (Send(b"HTTP/1.1 200 OK\r\n"), Repeat(b"x-filler: " + b"a" * 4096 + b"\r\n"))


def gzip_bomb(size_bytes: int | None = 64 * BOMB_BLOCK_BYTES) -> Answer:
    """Answer with blanks before a completion, gzipped about 1000 to 1 (None: for ever).

    Decoded whole, it is valid JSON. Sent whether or not the client accepts gzip.
    """
    headers = (JSON, ("content-encoding", "gzip"))
    if size_bytes is None:
        opening, block = _endless_gzip()
        return Answer(headers=headers, body=opening, framing="chunked").then_forever(block)
    return Answer(headers=headers, body=_gzipped(size_bytes))


def _object(kind: str, model: str, choices: list[dict[str, Any]], usage: Usage) -> dict[str, Any]:
    prefix = {"id": "chatcmpl-test", "object": kind, "created": 1_700_000_000, "model": model}
    return {**prefix, "choices": choices, **({} if usage is None else {"usage": usage})}


def _call_deltas(entries: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for index, entry in enumerate(entries):
        name, arguments = entry["function"]["name"], entry["function"]["arguments"]
        opening = {**entry, "index": index, "function": {"name": name, "arguments": ""}}
        yield {"tool_calls": [opening]}
        for at in range(0, len(arguments), 8):
            piece = {"index": index, "function": {"arguments": arguments[at : at + 8]}}
            yield {"tool_calls": [piece]}


def _frame(event: Mapping[str, Any] | str | bytes, eol: str) -> bytes:
    if isinstance(event, bytes):
        return event
    data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    return "".join(f"data: {line}{eol}" for line in data.split("\n")).encode() + eol.encode()


def _json(value: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, (JSON,), json.dumps(value, ensure_ascii=False).encode())


def _text(body: str, status: int) -> Answer:
    kind = "text/html" if body.lstrip().startswith("<") else "text/plain"
    return Answer(status, (("content-type", f"{kind}; charset=utf-8"),), body.encode())


@functools.cache
def _gzipped(size_bytes: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    block = b" " * BOMB_BLOCK_BYTES
    whole, rest = divmod(size_bytes, BOMB_BLOCK_BYTES)
    packed = b"".join(packer.compress(block) for _ in range(whole)) + packer.compress(b" " * rest)
    return packed + packer.compress(chat("boom").body) + packer.flush()


@functools.cache
def _endless_gzip() -> tuple[bytes, bytes]:
    """Make the opening of a gzip stream, and a block that can follow it any number of times.

    A full flush makes deflate forget what came before, so equal input gives equal blocks.
    """
    packer = zlib.compressobj(wbits=31)
    opening = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * BOMB_BLOCK_BYTES) + packer.flush(zlib.Z_FULL_FLUSH)
    return opening, block
