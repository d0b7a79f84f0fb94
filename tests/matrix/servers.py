"""Answers as the vendors' servers send them, whole and streamed, made without our renderers.

An answer is written once, as the body of a whole one without what all have in common. The stream
is that answer in pieces, in the order of events in which the vendor sends it.

Source: https://platform.openai.com/docs/api-reference, https://platform.claude.com/docs/en/api
(read 2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

CREATED = 1760000000
Frames = Iterator[bytes]


def whole(api: str, said: dict[str, Any]) -> bytes:
    """Write the body of a whole answer."""
    return _dumped(_FRAMES[api](said))


def streamed(api: str, said: dict[str, Any]) -> bytes:
    """Write the body of a streamed answer."""
    return b"".join(_STREAMS[api](_FRAMES[api](said)))


def frame(value: Any, name: str | None = None) -> bytes:
    """Write one frame."""
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: " + _dumped(value) + b"\n\n"


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _pieces(text: str) -> Iterator[str]:
    for at in range(0, len(text), 5):
        yield text[at : at + 5]


def _chat(said: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None, **said["message"]}
    choice = {"index": 0, "message": message, "finish_reason": said["finish_reason"]}
    if "logprobs" in said:
        choice["logprobs"] = said["logprobs"]
    answer = {
        "id": "chatcmpl_1", "object": "chat.completion", "created": CREATED, "model": "m",
        "choices": [choice],
    }  # fmt: skip
    return answer | {name: said[name] for name in ("usage", "service_tier") if name in said}


def _chat_stream(answer: dict[str, Any]) -> Frames:
    choice = answer["choices"][0]
    message = choice["message"]

    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        inner = {"index": 0, "delta": delta, "finish_reason": reason, **more}
        return frame(
            {
                **{n: answer[n] for n in ("id", "created", "model", "service_tier") if n in answer},
                "object": "chat.completion.chunk",
                "choices": [inner],
            }
        )

    yield chunk({"role": "assistant", "content": ""})
    for name in ("reasoning_content", "content", "refusal"):
        logprobs = {"logprobs": choice["logprobs"]} if "logprobs" in choice else {}
        for piece in (
            [message[name]] if logprobs and message.get(name) else _pieces(message.get(name) or "")
        ):
            yield chunk({name: piece}, **logprobs)
    if annotations := message.get("annotations"):
        yield chunk({"annotations": annotations})
    yield from (chunk({"tool_calls": [delta]}) for delta in _call_deltas(message))
    yield chunk({}, choice["finish_reason"])
    if "usage" in answer:
        yield frame({**answer, "object": "chat.completion.chunk", "choices": []})
    yield b"data: [DONE]\n\n"


def _call_deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The calls begin one after the other; pieces of their arguments come in turn."""
    calls = message.get("tool_calls") or []
    for index, call in enumerate(calls):
        yield {"index": index, **call, "function": {**call["function"], "arguments": ""}}
    texts = [list(_pieces(call["function"]["arguments"])) for call in calls]
    for number in range(max(map(len, texts), default=0)):
        for index, pieces in enumerate(texts):
            if number < len(pieces):
                yield {"index": index, "function": {"arguments": pieces[number]}}


def _claude(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "stop_sequence": None, "usage": {"input_tokens": 0, "output_tokens": 0}, **said,
    }  # fmt: skip


_EMPTIED = {"text": "", "thinking": "", "signature": "", "input": {}}
_LATE = ("citations",)


def _claude_stream(answer: dict[str, Any]) -> Frames:
    def event(kind: str, **fields: Any) -> bytes:
        return frame({"type": kind, **fields}, kind)

    ending = {name: answer[name] for name in ("stop_reason", "stop_sequence")}
    if "stop_details" in answer:
        ending["stop_details"] = answer["stop_details"]
    before = {**answer, **dict.fromkeys(ending), "content": []}
    before["usage"] = {**answer["usage"], "output_tokens": 1}
    yield event("message_start", message=before)
    yield event("ping")
    for index, block in enumerate(answer["content"]):
        start = {
            name: _EMPTIED.get(name, value) if block["type"] != "made_up" else value
            for name, value in block.items()
            if name not in _LATE
        }
        yield event("content_block_start", index=index, content_block=start)
        for delta in _block_deltas(block):
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta=ending, usage=answer["usage"])
    yield event("message_stop")


def _block_deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind = block["type"]
    if kind == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in _pieces(block["text"]))
        for citation in block.get("citations") or []:
            yield {"type": "citations_delta", "citation": citation}
    elif kind == "thinking":
        for piece in _pieces(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif kind in ("tool_use", "server_tool_use"):
        yield {"type": "input_json_delta", "partial_json": ""}
        if block["input"]:
            for piece in _pieces(json.dumps(block["input"], separators=(",", ":"))):
                yield {"type": "input_json_delta", "partial_json": piece}


def _responses(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "resp_1", "object": "response", "created_at": CREATED, "model": "m",
        "status": "completed", "error": None, "incomplete_details": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], **said,
    }  # fmt: skip


def _responses_stream(answer: dict[str, Any]) -> Frames:
    number = iter(range(1 << 20))

    def event(kind: str, **fields: Any) -> bytes:
        return frame({"type": kind, "sequence_number": next(number), **fields}, kind)

    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    begun["incomplete_details"] = None
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(answer["output"]):
        empty = {**item, **{name: [] for name in ("content", "summary") if name in item}}
        if "arguments" in item:
            empty["arguments"] = ""
        yield event("response.output_item.added", output_index=index, item=empty)
        for kind, fields in _item_events(item):
            yield event(kind, output_index=index, item_id=item.get("id", "item"), **fields)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event(f"response.{answer['status']}", response=answer)


def _item_events(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if item["type"] == "function_call":
        for piece in _pieces(item["arguments"]):
            yield "response.function_call_arguments.delta", {"delta": piece}
        yield "response.function_call_arguments.done", {"arguments": item["arguments"]}
    for at, section in enumerate(item.get("summary", [])):
        place = {"summary_index": at}
        opened = {**section, "text": ""}
        yield "response.reasoning_summary_part.added", {**place, "part": opened}
        for piece in _pieces(section["text"]):
            yield "response.reasoning_summary_text.delta", {**place, "delta": piece}
        yield "response.reasoning_summary_text.done", {**place, "text": section["text"]}
        yield "response.reasoning_summary_part.done", {**place, "part": section}
    for at, part in enumerate(item.get("content", [])):
        yield from _content_events({"content_index": at}, part)


def _content_events(
    place: dict[str, Any], part: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    kind, field = {"refusal": ("refusal", "refusal")}.get(part["type"], ("output_text", "text"))
    opened = {**part, field: ""} | ({"annotations": []} if "annotations" in part else {})
    yield "response.content_part.added", {**place, "part": opened}
    logprobs = {"logprobs": part["logprobs"]} if part.get("logprobs") else {}
    for piece in [part[field]] if logprobs else _pieces(part[field]):
        yield f"response.{kind}.delta", {**place, "delta": piece, **logprobs}
    for number, annotation in enumerate(part.get("annotations", [])):
        yield (
            "response.output_text.annotation.added",
            {**place, "annotation_index": number, "annotation": annotation},
        )
    yield f"response.{kind}.done", {**place, field: part[field], **logprobs}
    yield "response.content_part.done", {**place, "part": part}


_FRAMES = {
    "openai-completions": _chat,
    "openai-responses": _responses,
    "anthropic-messages": _claude,
}
_STREAMS = {
    "openai-completions": _chat_stream,
    "openai-responses": _responses_stream,
    "anthropic-messages": _claude_stream,
}
