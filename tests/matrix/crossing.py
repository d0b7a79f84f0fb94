"""Run a cell of the matrix: one thing said, one client's language, one upstream's.

An outcome is what the cell comes to: `refused` and why; or `warnings` and what `differs` on the
other side from what was said, as paths into the vocabulary. An empty outcome crosses whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.types import ChatRequest, Completion, Dialect, Failure
from dragoman.wire import get_format
from dragoman.wire.bridge import Events, Relay, Translate
from dragoman.wire.envelope import open_envelope
from tests.matrix import servers
from tests.matrix.answered import ANSWERS
from tests.matrix.asked import FRAME, REQUESTS
from tests.matrix.failed import BROKEN, ERRORS

APIS = ("openai-completions", "openai-responses", "anthropic-messages")
MODES = ("whole", "stream")
Outcome = dict[str, Any]

DIALECT = Dialect(system_role="developer", strict_tools=True, vendor_fields=True)
"""Of an upstream that knows all of its language, as the vendors' own do."""

_UNSAID = (
    "meta", "format", "extra", "model", "stream_usage", "warnings", "id", "created",
    "raw_finish_reason",
)  # fmt: skip
_DEFAULTS = {
    "strict": False, "detail": "auto",
    "cache_read_tokens": 0, "cache_write_tokens": 0, "cache_write_1h_tokens": 0,
    "reasoning_tokens": 0,
}  # fmt: skip
"""Values that one language says aloud where another says nothing."""


_TELLTALES = {
    "cache marks": "cache_control",
    "cache marks as routers take them": "cache_control",
    "cache key": "prompt_cache_key",
    "citations": "https://example.org",
    "logprobs": "logprob",
    "service tier": "service_tier",
    "standard service tier": "service_tier",
    "safety identifier": "u1",
    "store": "store",
    "unknown field": "brand_new",
    "verbosity": "verbosity",
}
"""What must be in the bytes on the other side where the vocabulary has no word for it."""


def view(value: ChatRequest | Completion) -> Any:
    """What is said, without what belongs to a language: metas, ids, the provider's own words."""
    return _view(json.loads(msgspec.json.encode(value)), top=True)


def _view(value: Any, *, top: bool = False) -> Any:
    if isinstance(value, list):
        return [_view(item) for item in value]
    if not isinstance(value, dict):
        return value
    gone = _UNSAID if top else ("meta",)
    return {
        name: _view(item)
        for name, item in value.items()
        if name not in gone and item != _DEFAULTS.get(name, gone)
    }


def differences(said: Any, heard: Any, path: str = "") -> Iterator[str]:
    """Name where two views differ."""
    if isinstance(said, dict) and isinstance(heard, dict) and said.get("type") == heard.get("type"):
        for name in sorted(said.keys() | heard.keys()):
            yield from differences(said.get(name), heard.get(name), f"{path}.{name}".strip("."))
    elif isinstance(said, list) and isinstance(heard, list) and len(said) == len(heard):
        for at, (one, other) in enumerate(zip(said, heard, strict=True)):
            yield from differences(one, other, f"{path}[{at}]")
    elif said != heard:
        yield path


def ask(behaviour: str, client: str, *, stream: bool) -> bytes:
    """Write the body with which a client asks for it."""
    at = APIS.index(client)
    said = REQUESTS[behaviour][at]
    assert isinstance(said, dict)
    return json.dumps({**FRAME[at], **said, **({"stream": True} if stream else {})}).encode()


def cross_request(behaviour: str, body: bytes, client: str, upstream: str) -> tuple[Outcome, bytes]:
    """Take a client's request to an upstream; give what came of it and the upstream's body."""
    if client == upstream:
        return {}, open_envelope(body).relayed("m", DIALECT)
    request = get_format(client).parse_request(body)
    try:
        rendered = get_format(upstream).render_request(request, "m", DIALECT)
    except DragomanError as error:
        return {"refused": error.message}, b""
    heard = get_format(upstream).parse_request(rendered.body)
    outcome = _outcome(rendered.warnings, view(request), view(heard))
    return _told(behaviour, outcome, rendered.body), rendered.body


def answer(behaviour: str, upstream: str, *, stream: bool) -> bytes:
    """Write the body with which an upstream answers it."""
    said = ANSWERS[behaviour][APIS.index(upstream)]
    assert isinstance(said, dict)
    return (servers.streamed if stream else servers.whole)(upstream, said)


def cross_answer(
    behaviour: str, body: bytes, upstream: str, client: str, *, stream: bool
) -> tuple[Outcome, bytes]:
    """Take an upstream's answer to a client; give what came of it and the client's bytes."""
    said = read_answer(body, upstream, stream=stream)
    if client == upstream:
        return {}, relayed(body, client) if stream else body
    if stream:
        out, warnings = translated(body, upstream, client)
    else:
        rendered = get_format(client).render_response(
            msgspec.structs.replace(said, model="asked/model")
        )
        out, warnings = rendered.body, rendered.warnings
    outcome = _outcome(warnings, view(said), view(read_answer(out, client, stream=stream)))
    return _told(behaviour, outcome, out), out


def read_answer(body: bytes, api: str, *, stream: bool) -> Completion:
    """Read an answer as a client does; a failure is raised."""
    if not stream:
        return get_format(api).parse_response(body, DIALECT)
    bridge = Events(get_format(api), DIALECT)
    bridge.feed(body)
    bridge.close()
    if isinstance(bridge.failure, Failure):
        raise bridge.failure.error
    return bridge.answer.completion


def translated(
    body: bytes, upstream: str, client: str, size: int = 1 << 30
) -> tuple[bytes, tuple[str, ...]]:
    """Translate a stream that comes in chunks of so many bytes."""
    renderer = get_format(client).stream_renderer("asked/model")
    bridge = Translate(get_format(upstream), DIALECT, renderer, id="made_up", created=1)
    out = [c for at in range(0, len(body), size) for c in bridge.feed(body[at : at + size])]
    out += bridge.close()
    return b"".join(out), tuple(bridge.warnings)


def relayed(body: bytes, api: str, size: int = 7) -> bytes:
    """Relay a stream that comes in chunks of so many bytes."""
    bridge = Relay(get_format(api), DIALECT, "asked/model")
    out = [c for at in range(0, len(body), size) for c in bridge.feed(body[at : at + size])]
    return b"".join([*out, *bridge.close()])


def _outcome(warnings: tuple[str, ...], said: Any, heard: Any) -> Outcome:
    outcome: Outcome = {}
    if warnings:
        outcome["warnings"] = list(warnings)
    if differs := list(differences(said, heard)):
        outcome["differs"] = differs
    return outcome


def _told(behaviour: str, outcome: Outcome, out: bytes) -> Outcome:
    word = _TELLTALES.get(behaviour, "")
    if word.encode() not in out:
        outcome.setdefault("differs", []).append(word)
    return outcome


def error_answer(behaviour: str, api: str) -> tuple[int, bytes]:
    """Write an upstream's error."""
    status, body = ERRORS[behaviour][api == "anthropic-messages"]
    return status, json.dumps(body).encode()


def broken_stream(behaviour: str, api: str) -> bytes:
    """Write a stream that ends badly: behind the first word, or before it."""
    has_content, errors = BROKEN[behaviour]
    frames = answer("text", api, stream=True).split(b"\n\n")
    first = next(at for at, frame in enumerate(frames) if b"Hello" in frame)
    body = b"\n\n".join(frames[: first + has_content]) + b"\n\n"
    error = errors[APIS.index(api)]
    if error is None:
        return body
    return body + servers.frame(error, None if api == "openai-completions" else "error")


def cells(table: Any) -> Iterator[tuple[str, str, str]]:
    """Every behaviour from every language that can say it to every language."""
    for behaviour, said in table.items():
        for at, one in enumerate(APIS):
            if not isinstance(said[at], str):
                yield from ((behaviour, one, other) for other in APIS)
