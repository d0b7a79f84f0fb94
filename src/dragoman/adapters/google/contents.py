"""Messages written as `contents`, and what stands before them as `systemInstruction`.

Law: what the model signed goes back to the part that it signed, and to the same model. A call of
the turn that is under way, which nobody signed because another model made it, is sent with the word
that is documented for that.

Source: https://ai.google.dev/api/caching#Content and
https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Raw

from dragoman.adapters.ask import arguments_object
from dragoman.adapters.google.model import NAME, signs_calls, takes_pictures_in_results
from dragoman.errors import Unsupported
from dragoman.types.message import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.types.request import ChatRequest
from dragoman.wire.beside import describe
from dragoman.wire.history import mend_calls

Object: TypeAlias = dict[str, Any]
Warn: TypeAlias = Callable[[str], None]

UNSIGNED = "skip_thought_signature_validator"
"""What stands for the signature of a call that another model made.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures, the FAQ; Vertex AI's page of the
same name (read 2026-11)
"""

_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf",
    "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html",
    "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "flac": "audio/flac",
    "m4a": "audio/mp4", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
    "mpeg": "video/mpeg", "mpg": "video/mpeg",
}  # fmt: skip
_USUAL = {
    "image": "image/jpeg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "file": "application/pdf",
}
"""What a thing is taken for whose URL does not say: the API wants to be told."""


def render_contents(
    request: ChatRequest, model: str, *, reasoning_as_text: bool, warn: Warn
) -> tuple[list[Object], list[Object]]:
    """Write instructions, as parts, and the messages, as contents.

    Raises: Unsupported for a conversation that has instructions alone.
    """
    return _Writer(model, reasoning_as_text, warn).write(mend_calls(request.messages, warn))


class _Writer:
    def __init__(self, model: str, reasoning_as_text: bool, warn: Warn) -> None:
        self._model = model
        self._reasoning_as_text = reasoning_as_text
        self._warn = warn
        self._names: dict[str, str] = {}  # tool call id → name of the function

    def write(self, messages: tuple[Message, ...]) -> tuple[list[Object], list[Object]]:
        instructions: list[Object] = []
        contents: list[Object] = []
        under_way = _under_way(messages)
        for place, message in enumerate(messages):
            if message.name:
                self._warn("names of authors are not sent: this API has none")
            if message.role in ("system", "developer"):
                parts = self._user(message)
                if not contents:
                    instructions += parts
                    continue
                self._warn("instructions amid the history are sent as the user's")
            elif message.role == "assistant":
                unsigned = place > under_way and signs_calls(self._model)
                parts = _Model(message, self._reasoning_as_text, unsigned, self._warn).write()
                self._names |= {p.id: p.name for p in message.parts if isinstance(p, ToolCall)}
            else:
                parts = self._user(message)
            if parts:
                role = "model" if message.role == "assistant" else "user"
                contents.append({"role": role, "parts": parts})
        if not contents:
            raise Unsupported(
                "there is nothing to answer: this API wants a message beside the instructions",
                param="messages",
            )
        return instructions, contents

    def _user(self, message: Message) -> list[Object]:
        parts: list[Object] = []
        beside: list[Object] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                parts.append(self._result(part, beside))
            elif (written := _said(part)) is not None:
                parts.append(written)
            elif part != Text(""):
                self._warn(f"{describe(part)} in a message is left out")
        return parts + beside

    def _result(self, result: ToolResult, beside: list[Object]) -> Object:
        """Write a result; pictures that it can't hold come behind all results."""
        texts = [part.text for part in result.parts if isinstance(part, Text)]
        response: Object = {
            "id": result.call_id,
            "name": result.name or self._names.get(result.call_id, ""),
            "response": {"error" if result.is_error else "output": "\n".join(texts)},
        }
        shown = [media_part(part) for part in result.parts if isinstance(part, Media)]
        if shown and takes_pictures_in_results(self._model):
            response["parts"] = shown
        else:
            beside += shown
        return {"functionResponse": response}


class _Model:
    """Writes one message of the model's, with its signatures where they belong."""

    def __init__(
        self, message: Message, reasoning_as_text: bool, unsigned: bool, warn: Warn
    ) -> None:
        self._message = message
        self._reasoning_as_text = reasoning_as_text
        self._warn = warn
        self._unsigned = unsigned
        self._count = {"text": 0, "media": 0, "call": 0}
        self._signatures: dict[str, str] = {}
        for part in message.parts:
            if isinstance(part, Reasoning):
                self._signatures |= own_signatures(part)

    def write(self) -> list[Object]:
        parts = [written for part in self._message.parts if (written := self._part(part))]
        if alone := self._signatures.get("alone"):
            parts.append({"text": "", "thoughtSignature": alone})
        return parts

    def _part(self, part: Part) -> Object | None:
        if isinstance(part, Reasoning):
            return self._thought(part)
        if isinstance(part, ToolCall):
            call = {"id": part.id, "name": part.name, "args": arguments_object(part, self._warn)}
            return self._signed("call", {"functionCall": call})
        written = _said(part)
        if written is not None and isinstance(part, Media | Text):
            return self._signed("media" if isinstance(part, Media) else "text", written)
        if written is None and part != Text(""):
            self._warn(f"{describe(part)} in an assistant's message is left out")
        return written

    def _thought(self, part: Reasoning) -> Object | None:
        """Send back a thought that this model has signed; any other is as if never thought."""
        signatures = own_signatures(part)
        if signatures and part.text:
            written: Object = {"text": part.text, "thought": True}
            if "thought" in signatures:
                written["thoughtSignature"] = signatures["thought"]
            return written
        if part.text and self._reasoning_as_text:
            return {"text": part.text}
        return None

    def _signed(self, kind: str, written: Object) -> Object:
        place = self._count[kind]
        self._count[kind] += 1
        signature = self._signatures.get(f"{kind}:{place}")
        if signature is None and kind == "call" and place == 0 and self._unsigned:
            signature = UNSIGNED
        return written if signature is None else {**written, "thoughtSignature": signature}


def own_signatures(part: Reasoning) -> dict[str, str]:
    """Read what a thought carries: which part is signed (`call:0`), and with what."""
    found = (part.meta or {}).get(NAME, {}).get("signatures", {})
    if not isinstance(found, dict):
        return {}
    return {str(place): text for place, text in found.items() if isinstance(text, str)}


def _under_way(messages: tuple[Message, ...]) -> int:
    """Find where the user spoke last: what comes behind is the turn that is under way."""
    for place in range(len(messages) - 1, -1, -1):
        parts = messages[place].parts
        if messages[place].role == "user" and any(not isinstance(p, ToolResult) for p in parts):
            return place
    return -1


def _said(part: Part) -> Object | None:
    """Write a part that both sides may say; None for what this API has no part for."""
    if isinstance(part, Text | Refusal):
        return {"text": part.text} if part.text else None
    if isinstance(part, Media):
        return media_part(part)
    if isinstance(part, Unknown) and part.format == NAME:
        return Raw(part.raw.encode())  # type: ignore[return-value]
    return None


def media_part(part: Media) -> Object:
    """Write a picture, sound, film or file: its data, or where it lies."""
    if part.data is not None:
        return {"inlineData": {"mimeType": part.media_type or _USUAL[part.kind], "data": part.data}}
    uri = part.url or part.file_id or ""
    data: Object = {"fileUri": uri}
    ending = uri.partition("?")[0].rpartition("/")[2].rpartition(".")[2].lower()
    # Of a file that was uploaded the API knows itself what it is.
    usual = _USUAL[part.kind] if part.url else None
    if kind := part.media_type or _TYPES.get(ending, usual):
        data["mimeType"] = kind
    return {"fileData": data}
