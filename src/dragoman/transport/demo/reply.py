"""The demo's answers as HTTP: status, headers, and pieces of a body with pauses between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from dragoman.transport.demo.chat import Chat, count_tokens, find_field, split_words
from dragoman.transport.demo.models import MODELS, Answer, Memory, Refused, answer

CREATED = 1_767_225_600
"""The first second of 2026: the same answer is the same bytes, whenever it is given."""

PIECE_BYTES = 256


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer. A piece is what one read returns, and the seconds that pass before it.

    `broken`: the body ends before its announced length.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[tuple[float, bytes]]
    head_s: float = 0.0
    broken: bool = False


def reply(method: str, path: str, body: bytes, memory: Memory, number: int) -> Reply:
    """Answer a request; `number` counts them, for ids. Never raises: errors are answers too."""
    if method == "GET" and path.endswith("/models"):
        return _whole(200, {"object": "list", "data": [_model(name) for name in MODELS]}, number)
    try:
        chat = _read(method, path, body)
        said = _limited(answer(chat, memory), chat.limit)
    except Refused as refused:
        return _refusal(refused, number)
    if chat.stream:
        headers = {"content-type": "text/event-stream; charset=utf-8", **_ids(number)}
        return Reply(200, headers, _frames(chat, said, number))
    pause_s = said.first_token_s + said.token_s * len(split_words(said.text))
    return _whole(
        200, _completion(chat, said, number), number, pause_s, cut=said.cut_after is not None
    )


def _read(method: str, path: str, body: bytes) -> Chat:
    if method != "POST" or not path.endswith("/chat/completions"):
        raise Refused(404, "invalid_request_error", f"The demo has no {method} {path}.")
    try:
        return msgspec.json.decode(body, type=Chat)
    except msgspec.ValidationError as error:
        message = f"The request is wrong: {error}."
        raise Refused(400, "invalid_request_error", message, param=find_field(error)) from None
    except msgspec.DecodeError as error:
        message = f"The body is not JSON: {error}."
        raise Refused(400, "invalid_request_error", message) from None


def _limited(said: Answer, limit: int | None) -> Answer:
    """End the text where the request's limit is reached."""
    if limit is None or count_tokens(said.text) <= limit:
        return said
    kept, tokens = "", 0
    for word in split_words(said.text):
        tokens += count_tokens(word)
        if tokens > limit:
            break
        kept += word
    return msgspec.structs.replace(said, text=kept, finish="length")


def _completion(chat: Chat, said: Answer, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.call:
        message["tool_calls"] = [_call(said.call, number)]
    choice = {"index": 0, "message": message, "finish_reason": said.finish}
    return {**_envelope(chat, number, "chat.completion"), "choices": [choice]} | _usage(chat, said)


def _frames(chat: Chat, said: Answer, number: int) -> Iterator[tuple[float, bytes]]:
    """Yield the stream, one event a piece: role, deltas, finish reason, usage, [DONE]."""
    envelope = _envelope(chat, number, "chat.completion.chunk")

    def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event({**envelope, "choices": [choice]})

    yield 0.0, frame({"role": "assistant", "content": ""})
    pause_s = said.first_token_s
    for index, delta in enumerate(_deltas(said, number)):
        if index == said.cut_after:
            return
        yield pause_s, frame(delta)
        pause_s = said.token_s
    yield pause_s, frame({}, said.finish)
    if chat.wants_usage:
        yield 0.0, _event({**envelope, "choices": []} | _usage(chat, said))
    yield 0.0, b"data: [DONE]\n\n"


def _deltas(said: Answer, number: int) -> Iterator[dict[str, Any]]:
    """Yield the text word by word; a call as its name and then its arguments in two halves."""
    for word in split_words(said.text):
        yield {"content": word}
    if said.call:
        call = _call(said.call, number)
        arguments = said.call[1]
        half = len(arguments) // 2
        call["function"]["arguments"] = ""
        yield {"tool_calls": [{"index": 0, **call}]}
        for piece in (arguments[:half], arguments[half:]):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _call(call: tuple[str, str], number: int) -> dict[str, Any]:
    name, arguments = call
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_demo_{number}", "type": "function", "function": function}


def _usage(chat: Chat, said: Answer) -> dict[str, Any]:
    prompt = chat.prompt_tokens
    completion = count_tokens(said.text) + sum(map(count_tokens, said.call or ()))
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"usage": {**counts, "total_tokens": prompt + completion}}


def _envelope(chat: Chat, number: int, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-demo-{number}",
        "object": kind,
        "created": CREATED,
        "model": chat.model,
        "system_fingerprint": "demo",
    }


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "demo"}


def _refusal(refused: Refused, number: int) -> Reply:
    error = {
        "message": refused.message,
        "type": refused.kind,
        "param": refused.param,
        "code": refused.code,
    }
    answer = _whole(refused.status, {"error": error}, number)
    return msgspec.structs.replace(answer, headers={**answer.headers, **refused.headers})


def _whole(
    status: int, body: dict[str, Any], number: int, head_s: float = 0.0, *, cut: bool = False
) -> Reply:
    """Make a JSON answer; a cut one ends in the middle."""
    data = msgspec.json.encode(body)
    data = data[: len(data) // 2] if cut else data
    pieces = ((0.0, data[at : at + PIECE_BYTES]) for at in range(0, len(data), PIECE_BYTES))
    headers = {"content-type": "application/json", **_ids(number)}
    return Reply(status, headers, pieces, head_s, broken=cut)


def _ids(number: int) -> dict[str, str]:
    return {"x-request-id": f"demo-{number}"}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"
