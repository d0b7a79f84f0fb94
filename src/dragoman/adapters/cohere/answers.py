"""Reads what Cohere's `/v2/chat` answers, whole and as events.

Tokens are those that are billed, so that cost is right; `tokens`, which count its own preamble too,
are kept in the answer's `meta`, with citations of what is no page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.adapters.answer import Answer
from dragoman.adapters.cohere.request import NAME
from dragoman.errors import ContentFiltered, ProtocolError, UpstreamError
from dragoman.types.http import Headers
from dragoman.types.message import Citation
from dragoman.wire.classification import classify
from dragoman.wire.error_body import ErrorDetails, bounded, one_line, read_details
from dragoman.wire.json_text import encode

_BLOCKED = 498
"""Cohere: the input or the output was blocked. Source: https://docs.cohere.com/reference/errors"""

_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
}
Object = Mapping[str, Any]
_NONE: Object = {}


def read_answer(answer: Object, out: Answer) -> None:
    """Read a whole answer. Raises: ProtocolError."""
    if "message" not in answer or not isinstance(answer["message"], dict):
        raise ProtocolError("the upstream's answer has no message", raw=bounded(encode(answer)))
    message = answer["message"]
    end = _End(out)
    out.start(id=answer.get("id"))
    if plan := _text(message, "tool_plan"):
        out.reasoning(plan, _kind("tool_plan"))
    logprobs = [entry for item in _list(answer, "logprobs") for entry in _logprobs(item)]
    for block in _list(message, "content"):
        if block.get("type") == "thinking":
            out.reasoning(_text(block, "thinking"), _kind("thinking"))
        elif block.get("type") == "text":
            out.text(_text(block, "text"), logprobs)
            logprobs = []
    for citation in _list(message, "citations"):
        end.cite(citation)
    for call in _list(message, "tool_calls"):
        function = _object(call, "function")
        arguments = _text(function, "arguments")
        out.tool_call(id=_text(call, "id"), name=_text(function, "name"), arguments=arguments)
    end.finish(answer)


class StreamReader:
    """Reads events into an answer."""

    def __init__(self, out: Answer) -> None:
        self._out = out
        self._end = _End(out)

    def read(self, event: Object, raw: bytes) -> None:
        """Read one event; those of a kind that is not known say nothing. Raises: DragomanError."""
        kind = event.get("type")
        delta = _object(event, "delta")
        message = _object(delta, "message")
        out = self._out
        if kind == "message-start":
            out.start(id=_text(event, "id"))
        elif kind in ("content-start", "content-delta"):
            content = _object(message, "content")
            if thought := _text(content, "thinking"):
                out.reasoning(thought, _kind("thinking"))
            out.text(_text(content, "text"), _logprobs(_object(event, "logprobs")))
        elif kind == "tool-plan-delta":
            if plan := _text(message, "tool_plan"):
                out.reasoning(plan, _kind("tool_plan"))
        elif kind in ("tool-call-start", "tool-call-delta"):
            call = _object(message, "tool_calls")
            function = _object(call, "function")
            out.tool_call(
                _key(event),
                id=_text(call, "id"),
                name=_text(function, "name"),
                arguments=_text(function, "arguments"),
            )
        elif kind == "citation-start":
            self._end.cite(_object(message, "citations"))
        elif kind == "message-end":
            if said := _text(delta, "error"):
                raise classify(None, ErrorDetails(one_line(said)), {}, raw)
            self._end.finish(delta)
        elif kind is None and "message" in event:
            raise parse_error(None, {}, raw)


class _End:
    """Citations, usage and the reason, which come at the end in both forms."""

    def __init__(self, out: Answer) -> None:
        self._out = out
        self._kept: dict[str, Any] = {}

    def cite(self, citation: Object) -> None:
        """Tell a citation; one of what has no URL is kept as it is."""
        url, title = _page(citation)
        start, end = citation.get("start"), citation.get("end")
        if url is not None and type(start) is int and type(end) is int:
            self._out.cite(Citation(url, title, start, end))
        else:
            self._kept.setdefault("citations", []).append(citation)

    def finish(self, said: Object) -> None:
        out = self._out
        usage = _object(said, "usage")
        billed, tokens = _object(usage, "billed_units"), _object(usage, "tokens")
        counted = billed or tokens
        if counted:
            prompt = counted.get("input_tokens")
            cached = usage.get("cached_tokens")
            if isinstance(cached, int | float) and isinstance(prompt, int | float):
                cached = min(cached, prompt)
            out.usage(prompt=prompt, completion=counted.get("output_tokens"), cache_read=cached)
        if billed and tokens and billed != tokens:
            self._kept["tokens"] = tokens
        if self._kept:
            out.meta({NAME: self._kept})
        word = _text(said, "finish_reason")
        out.finish(_REASONS.get(word, word) if word else None, raw=word)


def parse_error(status: int | None, headers: Headers, body: bytes) -> UpstreamError:
    """Classify an error. Never raises. Source: https://docs.cohere.com/reference/errors"""
    details = read_details(body)
    if status == _BLOCKED:
        error = ContentFiltered(details.message or "blocked", raw=bounded(body))
        error.upstream_status = status
        return error
    return classify(status, replace(details, status=None), headers, body)


def _page(citation: Object) -> tuple[str | None, str | None]:
    for source in _list(citation, "sources"):
        document = _object(source, "document") or _object(source, "tool_output")
        url = document.get("url")
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            title = document.get("title")
            return url, title if isinstance(title, str) else None
    return None, None


def _logprobs(item: Object) -> list[Mapping[str, Any]]:
    """Tell a piece's probability, if it is of one token: others cannot be taken apart."""
    values, text = item.get("logprobs"), item.get("text")
    if not isinstance(values, list) or len(values) != 1 or not isinstance(text, str):
        return []
    return [{"token": text, "logprob": values[0], "bytes": None, "top_logprobs": []}]


def _kind(name: str) -> Mapping[str, Mapping[str, Any]]:
    return {NAME: {"kind": name}}


def _key(event: Object) -> int | str | None:
    index = event.get("index")
    return index if isinstance(index, int | str) else None


def _object(value: Object, name: str) -> Object:
    found = value.get(name)
    return found if isinstance(found, dict) else _NONE


def _list(value: Object, name: str) -> list[Object]:
    found = value.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _text(value: Object, name: str) -> str | None:
    found = value.get(name)
    if found is None or isinstance(found, str):
        return found
    raise ProtocolError(f"the upstream's {name} is no text", raw=bounded(encode(value)))
