"""Whole chat completions, read and written."""

from __future__ import annotations

from typing import Any

from dragoman.errors import ProtocolError
from dragoman.types.completion import Completion
from dragoman.types.event import Event
from dragoman.types.message import Media, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.annotations import citation_fields
from dragoman.wire.base import Rendered, StreamParser
from dragoman.wire.beside import describe, doubtful_ending, foreign_beside
from dragoman.wire.data_url import make_data_url
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import decode, encode
from dragoman.wire.openai_completions.answer import AnswerReader
from dragoman.wire.openai_completions.errors import find_error
from dragoman.wire.openai_completions.schema import (
    FINISH_WORDS,
    NAME,
    Chunk,
    chunk_from,
    read_usual,
)
from dragoman.wire.openai_completions.usage import find_usage, render_usage
from dragoman.wire.openai_fields import find_tier
from dragoman.wire.seal import seal
from dragoman.wire.whole import accumulate, read_whole


def parse_response(body: bytes, dialect: Dialect) -> Completion:
    """Read a whole answer that came with a 2xx status.

    A stream that came although none was asked for is read as well.

    Raises: UpstreamError for an error inside it, ProtocolError for a web page, an empty body, or
    anything else that is no answer, StreamTruncated for a stream that breaks off.
    """
    if (usual := read_usual(body)) is not None:
        return _read_chunk(usual, dialect)
    return read_whole(
        body,
        lambda value, text: _parse_answer(value, text, dialect),
        lambda: _stream_parser(dialect),
    )


def _stream_parser(dialect: Dialect) -> StreamParser:
    from dragoman.wire.openai_completions.stream import CompletionsParser  # it imports us

    return CompletionsParser(dialect)


def _parse_answer(value: Any, body: bytes, dialect: Dialect) -> Completion:
    """Read a decoded answer in which anything may be odd."""
    is_object = isinstance(value, dict)
    choice = _first(value.get("choices")) if is_object else None
    if choice is None or value.get("error") or choice.get("error"):
        error = find_error(body) or ProtocolError(
            "the upstream's answer has no choices", raw=bounded(body)
        )
        error.usage = find_usage(chunk_from(value), dialect) if is_object else None
        raise error
    return _read_chunk(chunk_from({**value, "choices": [{**choice, "index": 0}]}), dialect)


def _read_chunk(chunk: Chunk, dialect: Dialect) -> Completion:
    """A whole answer is a stream of one chunk."""
    reader = AnswerReader(dialect)
    events: list[Event] = []
    reader.take(chunk, events)
    reader.finish(events)
    return accumulate(events)


def _first(choices: Any) -> dict[str, Any] | None:
    """Find the choice that is modelled: number 0, else the first."""
    found = (
        [choice for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else []
    )
    for choice in found:
        if choice.get("index") == 0:
            return choice
    return found[0] if found else None


def render_response(completion: Completion, request: ChatRequest | None = None) -> Rendered:
    """Write a whole answer; the reason of a refusal is `stop` with `refusal`, as OpenAI has it.

    Source: https://platform.openai.com/docs/api-reference/chat/object (read 2026-11)
    """
    del request
    warnings = list(foreign_beside(completion.meta, NAME))
    word = finish_word(completion)
    warnings += doubtful_ending(
        completion.finish_reason, completion.raw_finish_reason, completion.stop_sequence, word
    )
    own = dict((completion.meta or {}).get(NAME, {}))
    logprobs = own.pop("logprobs", None)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for name in ("annotations", "audio"):
        if name in own:
            message[name] = own.pop(name)
    tokens = _render_parts(completion.parts, message, warnings)
    if tokens:
        logprobs = {"refusal": None, **(logprobs or {}), "content": tokens}
    if not any(message.get(name) for name in ("content", "refusal", "tool_calls", "audio")):
        message["content"] = ""
    rendered: dict[str, Any] = {
        "id": completion.id or "chatcmpl-0",
        "object": "chat.completion",
        "created": completion.created or 0,
        "model": completion.model or "",
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": logprobs,
                "finish_reason": word,
            }
        ],
    }
    if completion.usage is not None:
        rendered["usage"] = render_usage(completion.usage)
    if (tier := find_tier(completion.meta)) is not None:
        rendered["service_tier"] = tier
    return Rendered(encode(rendered | own), tuple(dict.fromkeys(warnings)))


def finish_word(completion: Completion) -> str:
    """Say how an answer ended. A refusal without words of its own never becomes an empty stop."""
    if completion.finish_reason == "refusal" and completion.refusal is None:
        return "content_filter"
    return FINISH_WORDS[completion.finish_reason]


def _render_parts(
    parts: tuple[Part, ...], message: dict[str, Any], warnings: list[str]
) -> list[Any]:
    """Write what is said into the message; return the log probabilities of its tokens."""
    tokens: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            before = message["content"] or ""
            message["content"] = before + part.text
            tokens += part.logprobs
            if citations := render_citations(part, len(before)):
                message["annotations"] = [*citations, *message.get("annotations", ())]
            warnings.extend(foreign_beside(part.meta, NAME, len(part.citations)))
        elif isinstance(part, Refusal):
            message["refusal"] = (message["refusal"] or "") + part.text
        elif isinstance(part, Reasoning):
            _render_reasoning(part, message)
        elif isinstance(part, ToolCall):
            message.setdefault("tool_calls", []).append(render_call(part))
        elif isinstance(part, Media) and part.kind == "image" and (url := media_url(part)):
            image = {"type": "image_url", "image_url": {"url": url}}
            message.setdefault("images", []).append(image)
        elif isinstance(part, Unknown) and part.format == NAME:
            message.setdefault("tool_calls", []).append(decode(part.raw.encode()))
        else:
            warnings.append(f"{describe(part)} cannot be said in a chat completion: left out")
    return tokens


def render_citations(part: Text, before: int) -> list[dict[str, Any]]:
    """Write a text's citations; `before` is how many characters stand before it."""
    return [
        {"type": "url_citation", "url_citation": citation_fields(citation, NAME, before)}
        for citation in part.citations
    ]


def _render_reasoning(part: Reasoning, message: dict[str, Any]) -> None:
    if part.text:
        message["reasoning_content"] = message.get("reasoning_content", "") + part.text
    is_first = not any(message.get(name) for name in ("content", "refusal", "tool_calls"))
    known = message.get("reasoning_details", [])
    if details := reasoning_details(part, len(known), is_first):
        message["reasoning_details"] = [*known, *details]


def reasoning_details(part: Reasoning, number: int, is_first: bool) -> list[Any]:
    """Write what a provider wants back of a thought, as clients of OpenRouter replay it.

    What another format reads is sealed, with the words that are signed: messages here have all
    thoughts in one text. Only thoughts that come first (`is_first`) can go back to their place.
    """
    meta = part.meta or {}
    if NAME in meta:
        return list(meta[NAME].get("reasoning_details", ()))
    if not meta or not is_first:
        return []
    sealed = {"type": "reasoning.encrypted", "data": seal(part, with_text=True)}
    return [{**sealed, "id": None, "format": "unknown", "index": number}]


def render_call(call: ToolCall) -> dict[str, Any]:
    """Write a tool call, with what only this format can read back."""
    own = (call.meta or {}).get(NAME, {})
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function, **own}


def media_url(part: Media) -> str | None:
    """Write a picture, sound or file as a URL; None when it has neither data nor URL."""
    if part.data is not None:
        return make_data_url(part.media_type or "application/octet-stream", part.data)
    return part.url
