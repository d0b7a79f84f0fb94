"""Messages written as chat completions, in a provider's dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

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
from dragoman.types.provider import Dialect
from dragoman.wire.beside import describe
from dragoman.wire.history import mend_calls
from dragoman.wire.ids import hashed_id
from dragoman.wire.json_text import decode
from dragoman.wire.openai_completions.response import media_url, render_call
from dragoman.wire.openai_completions.schema import NAME

_ACKNOWLEDGED = "I have the results of the tools."
_MAX_ID = 64  # OpenAI's limit; no server's own ids are changed below it

Warn = Callable[[str], None]


def render_messages(
    messages: Iterable[Message], dialect: Dialect, warn: Warn
) -> list[dict[str, Any]]:
    """Write messages. What can't be said is reported to `warn`, a sentence each.

    Raises: Unsupported for a picture, sound or file of the user's that can't be sent: an answer
    that ignores it would be wrong.
    """
    return _Writer(dialect, warn).write(messages)


class _Writer:
    def __init__(self, dialect: Dialect, warn: Warn) -> None:
        self._dialect = dialect
        self._warn = warn
        self._rendered: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}  # tool call id → name of the function
        self._pictures: list[dict[str, Any]] = []  # out of tool results, for the next user message

    def write(self, messages: Iterable[Message]) -> list[dict[str, Any]]:
        mended = mend_calls(messages, self._warn, make_id=_sent_id, find_call=_custom_id, anew=True)
        for message in mended:
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            if results:
                for result in results:
                    self._tool_result(result)
                self._show_pictures()
            elif message.role == "assistant":
                self._assistant(message, message.parts)
            else:
                self._ordinary(message, message.parts)
        return self._rendered

    def _show_pictures(self) -> None:
        """Send what tools showed as the user's: their own messages can hold text alone."""
        if self._pictures:
            self._acknowledge()
            self._rendered.append({"role": "user", "content": self._pictures})
            self._pictures = []

    def _ordinary(self, message: Message, parts: tuple[Part, ...]) -> None:
        role: str = message.role
        if role in ("system", "developer"):
            role = self._dialect.system_role
        content = self._content(parts)
        if role == "user":
            self._acknowledge()
        rendered = {"role": role, "content": content, **_own(message.meta)}
        if message.name:
            rendered["name"] = message.name
        self._rendered.append(rendered)

    def _acknowledge(self) -> None:
        """Put an assistant's message behind tool results, for servers that insist on one."""
        last = self._rendered[-1]["role"] if self._rendered else None
        if self._dialect.assistant_after_tool_result and last == "tool":
            self._rendered.append({"role": "assistant", "content": _ACKNOWLEDGED})

    def _assistant(self, message: Message, parts: tuple[Part, ...]) -> None:
        said: list[Part] = []
        rendered: dict[str, Any] = {"role": "assistant", "content": None, **_own(message.meta)}
        for part in parts:
            if isinstance(part, ToolCall):
                self._names[part.id] = part.name
                rendered.setdefault("tool_calls", []).append(render_call(part))
            elif isinstance(part, Refusal):
                rendered["refusal"] = rendered.get("refusal", "") + part.text
            elif isinstance(part, Reasoning):
                self._reasoning(part, said, rendered)
            elif (custom := _custom_call(part)) is not None:
                rendered.setdefault("tool_calls", []).append(custom)
            elif isinstance(part, Text) or (isinstance(part, Unknown) and part.format == NAME):
                said.append(part)
            else:
                self._warn(f"{describe(part)} in an assistant's message is left out")
        said = [part for part in said if part != Text("")]
        if said:
            rendered["content"] = self._content(tuple(said))
        elif not any(key in rendered for key in ("tool_calls", "refusal", "audio")):
            if parts and not any(isinstance(part, Text) for part in parts):
                return  # nothing of it is left, and empty messages are refused by many
            rendered["content"] = ""
        if message.name:
            rendered["name"] = message.name
        self._rendered.append(rendered)

    def _reasoning(self, part: Reasoning, said: list[Part], rendered: dict[str, Any]) -> None:
        """Send reasoning back where the dialect wants it; elsewhere it is not part of history."""
        for name in part.meta or ():
            if name != NAME:
                self._warn(f"reasoning that only {name} can read is left out")
        field = self._dialect.reasoning_field
        if field == "reasoning_details":
            details = _own(part.meta).get("reasoning_details")
            if details:
                rendered.setdefault(field, []).extend(details)
        elif field:
            rendered[field] = rendered.get(field, "") + part.text
        elif self._dialect.reasoning_as_text and part.text:
            said.append(Text(f"<think>\n{part.text}\n</think>\n"))

    def _tool_result(self, result: ToolResult) -> None:
        texts: list[Part] = []
        for part in result.parts:
            if isinstance(part, Media):
                note = {"type": "text", "text": f"Result of tool call {result.call_id}:"}
                self._pictures += [note, self._media(part)]
            else:
                texts.append(part)
        content = self._content(tuple(texts)) if texts else ""
        if not content and self._pictures:
            content = "The result is in the next message."
        if result.is_error and isinstance(content, str) and not content.lower().startswith("error"):
            content = f"Error: {content}"
        rendered = {
            "role": "tool",
            "tool_call_id": result.call_id,
            "content": content,
            **_own(result.meta),
        }
        name = result.name or self._names.get(result.call_id)
        if self._dialect.tool_result_name and name:
            rendered["name"] = name
        self._rendered.append(rendered)

    def _content(self, parts: tuple[Part, ...]) -> str | list[dict[str, Any]]:
        texts = [part for part in parts if isinstance(part, Text)]
        if len(texts) == len(parts):
            if self._dialect.content_as_string:
                return "\n\n".join(part.text for part in texts)
            if len(texts) == 1 and not _own(texts[0].meta):
                return texts[0].text
        rendered = []
        for part in parts:
            if isinstance(part, Text):
                rendered.append({"type": "text", "text": part.text, **_own(part.meta)})
            elif isinstance(part, Media):
                rendered.append(self._media(part))
            elif isinstance(part, Unknown) and part.format == NAME:
                rendered.append(decode(part.raw.encode()))
            elif isinstance(part, Refusal | Reasoning):
                rendered.append({"type": "text", "text": part.text})
            else:
                self._warn(f"{describe(part)} is left out")
        return rendered

    def _media(self, part: Media) -> dict[str, Any]:
        own = _own(part.meta)
        url = media_url(part)
        if part.kind in ("image", "video") and url is not None:
            name = f"{part.kind}_url"
            inner = {"url": url, "detail": part.detail} if part.detail else {"url": url}
            return {"type": name, name: inner, **own}
        if part.kind == "audio" and part.data is not None:
            form = (part.media_type or "audio/wav").removeprefix("audio/").removeprefix("x-")
            form = {"mpeg": "mp3", "wave": "wav"}.get(form, form)
            audio = {"data": part.data, "format": form}
            return {"type": "input_audio", "input_audio": audio, **own}
        if part.kind == "file" and (part.file_id is not None or url is not None):
            named = {"filename": part.name} if part.name else {}
            what = {"file_id": part.file_id} if part.file_id is not None else {"file_data": url}
            return {"type": "file", "file": {**named, **what}, **own}
        raise Unsupported(
            f"chat completions can't take {_by_what(part)} of kind {part.kind}",
            hint="Send its data as base64." if part.data is None else None,
        )


def _by_what(part: Media) -> str:
    return "an uploaded file's id" if part.file_id is not None else "a URL"


def _custom_call(part: Part) -> dict[str, Any] | None:
    """Read the call of a custom tool, which we do not model."""
    if not (isinstance(part, Unknown) and part.format == NAME):
        return None
    value = decode(part.raw.encode())
    if (
        isinstance(value, dict)
        and value.get("type") == "custom"
        and isinstance(value.get("id"), str)
    ):
        return value
    return None


def _custom_id(part: Unknown) -> str | None:
    call = _custom_call(part)
    return None if call is None else str(call["id"])


def _sent_id(call_id: str) -> str:
    return call_id if len(call_id) <= _MAX_ID else hashed_id(call_id)


def _own(meta: Mapping[str, Mapping[str, Any]] | None) -> Mapping[str, Any]:
    return meta.get(NAME, {}) if meta else {}
