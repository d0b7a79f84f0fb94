"""Whole answers in LiteLLM's shape → the bytes of a chat completion, or of vectors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from dragoman.adapters.format import wrong_type
from dragoman.compat.litellm.shapes import ModelResponse, Usage, dump, map_finish_reason
from dragoman.errors import AdapterError
from dragoman.wire.json_text import encode


def blank_response(model: str | None = None) -> ModelResponse:
    """Make the `model_response` that a hook fills in."""
    response = ModelResponse(model=model)
    response.usage = Usage()
    return response


def write_answer(value: Any, whose: str, hook: str, model: str) -> bytes:
    """Write what a hook returned. Raises: AdapterError for what is no answer."""
    plain = dump(value)
    if not isinstance(plain, Mapping) or not isinstance(plain.get("choices"), list):
        raise wrong_type(whose, hook, value, "a ModelResponse")
    fields = {name: inner for name, inner in plain.items() if inner is not None}
    fields["choices"] = [_choice(one, whose, hook) for one in plain["choices"]]
    if not isinstance(fields.get("id"), str):
        fields["id"] = f"chatcmpl-{uuid.uuid4().hex}"
    fields.setdefault("created", int(time.time()))
    fields["model"] = str(fields.get("model") or model)
    fields["object"] = "chat.completion"
    if not _says_tokens(fields.get("usage")):
        fields.pop("usage", None)  # nobody filled it in: that is unknown, not nothing
    return _json(fields, whose, hook)


def write_vectors(value: Any, whose: str, hook: str, model: str) -> bytes:
    """Write vectors that a hook returned. Raises: AdapterError for what is none."""
    plain = dump(value)
    if not isinstance(plain, Mapping) or not isinstance(plain.get("data"), list):
        raise wrong_type(whose, hook, value, "an EmbeddingResponse")
    data = [
        {"index": number, "object": "embedding", **one} if isinstance(one, Mapping) else one
        for number, one in enumerate(plain["data"])
    ]
    fields = {**plain, "object": "list", "data": data, "model": plain.get("model") or model}
    if not _says_tokens(fields.get("usage")):
        fields.pop("usage", None)
    return _json(fields, whose, hook)


def _choice(choice: Any, whose: str, hook: str) -> Any:
    if not isinstance(choice, Mapping) or not isinstance(choice.get("message"), Mapping):
        raise AdapterError(
            f"the adapter of {whose} returned a choice without a message from {hook}",
            hint="set model_response.choices[0].message.content",
        )
    message = {name: value for name, value in choice["message"].items() if value is not None}
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise wrong_type(whose, f"{hook}, as the content", content, "text")
    message.setdefault("role", "assistant")
    message.setdefault("content", None)
    reason = map_finish_reason(str(choice.get("finish_reason") or "stop"))
    if reason == "stop" and message.get("tool_calls"):
        reason = "tool_calls"
    kept = {name: value for name, value in choice.items() if value is not None}
    return {**kept, "message": message, "finish_reason": reason}


def _says_tokens(usage: Any) -> bool:
    if not isinstance(usage, Mapping):
        return False
    return any(usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


def _json(fields: Mapping[str, Any], whose: str, hook: str) -> bytes:
    try:
        return encode(fields)
    except (TypeError, ValueError, RecursionError) as error:
        raise AdapterError(
            f"the adapter of {whose} put something into its answer in {hook} that is no JSON:"
            f" {error}"
        ) from None
