"""Messages → the items of a request's `input`.

Law: ids of items, and thoughts that the provider has only in its own keeping, mean something where
the caller manages that state, and so only in a request that came in this format.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

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
from dragoman.types.request import ChatRequest
from dragoman.wire.annotations import citation_fields
from dragoman.wire.beside import describe
from dragoman.wire.data_url import make_data_url
from dragoman.wire.ids import safe_id
from dragoman.wire.json_text import decode
from dragoman.wire.openai_responses.schema import NAME, own
from dragoman.wire.openai_responses.tools import ToolNames, Warn

Item = dict[str, Any]

_OF_ANSWERS = ("id", "phase", "annotations", "logprobs")
"""What only the model's own texts have."""

_BLOCK_TYPES = ("input_", "output_", "text", "refusal", "summary_text", "computer_screenshot")
"""How the types of blocks begin that stand in a message: any other is an item of its own."""


def render_input(
    request: ChatRequest, messages: Iterable[Message], dialect: Dialect, warn: Warn
) -> list[Any]:
    """Write messages as items. What can't be said is reported to `warn`, a sentence each.

    Raises: Unsupported for a picture, sound or file of the user's that can't be sent: an answer
    that ignores it would be wrong.
    """
    writer = _Writer(request, dialect, warn)
    for message in messages:
        writer.write(message)
    return writer.items


class _Writer:
    def __init__(self, request: ChatRequest, dialect: Dialect, warn: Warn) -> None:
        self.items: list[Any] = []
        self._names = ToolNames(request.tools)
        self._keeps_state = request.format == NAME
        # Elsewhere the words of a refusal are text, which every server takes.
        self._knows_refusals = request.format in (NAME, "openai-completions")
        self._custom: set[str] = set()  # ids of calls of tools that take free text
        self._dialect = dialect
        self._warn = warn

    def write(self, message: Message) -> None:
        if message.name:
            self._warn("names of authors are not sent: this API has none")
        if message.role == "assistant":
            self._assistant(message)
            return
        role: str = message.role
        if role in ("system", "developer"):
            role = self._dialect.system_role
        content: list[Item] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                self._result(part)
            elif isinstance(part, Unknown) and _is_item(part):
                self._say("user" if role == "tool" else role, content)
                self._unknown(part)
            elif (block := self._block(part)) is not None:
                content.append(block)
        self._say("user" if role == "tool" else role, content)

    def _say(self, role: str, content: list[Item]) -> None:
        if content:
            plain = len(content) == 1 and content[0].keys() == {"type", "text"}
            said = content[0]["text"] if plain else list(content)
            self.items.append({"type": "message", "role": role, "content": said})
            content.clear()

    def _unknown(self, part: Unknown) -> None:
        if part.format == NAME:
            self.items.append(msgspec.Raw(part.raw.encode()))
        else:
            self._warn(f"{describe(part)} is left out")

    def _assistant(self, message: Message) -> None:
        said: Item | None = None  # the message item that text still belongs to
        for part in message.parts:
            if isinstance(part, Text | Refusal):
                said = self._spoken(part, said)
                continue
            if isinstance(part, Unknown) and part.format == NAME and not _is_item(part):
                if said is None:
                    said = self._message({})
                said["content"].append(msgspec.Raw(part.raw.encode()))
                continue
            said = None
            self._whole_item(part)

    def _spoken(self, part: Text | Refusal, said: Item | None) -> Item | None:
        refuses = isinstance(part, Refusal) and (self._knows_refusals or bool(own(part.meta)))
        block = refusal_block(part) if refuses else text_block(part)
        if not part.text and not own(part.meta):
            return said
        if self._keeps_state and isinstance(part, Text) and part.logprobs:
            block["logprobs"] = part.logprobs
        fields = {
            name: value
            for name, value in own(part.meta).items()
            if name == "phase" or (name == "id" and self._keeps_state)
        }
        if said is None or any(said.get(name) != fields.get(name) for name in ("id", "phase")):
            said = self._message(fields)
        said["content"].append(block)
        return said

    def _message(self, fields: Item) -> Item:
        item: Item = {"type": "message", "role": "assistant", **fields, "content": []}
        self.items.append(item)
        return item

    def _whole_item(self, part: Part) -> None:
        if isinstance(part, ToolCall):
            item = self._names.item(part)
            item["call_id"] = safe_id(part.id)
            if not self._keeps_state:
                item.pop("id", None)
            if item["type"] == "custom_tool_call":
                self._custom.add(part.id)
            self.items.append(item)
        elif isinstance(part, Reasoning):
            self._reasoning(part)
        elif isinstance(part, Unknown):
            self._unknown(part)
        elif isinstance(part, Media) and (made := image_item(part)) and "id" in made:
            self.items.append(made)
        else:
            self._warn(f"{describe(part)} in an assistant's message is left out")

    def _reasoning(self, part: Reasoning) -> None:
        fields = own(part.meta)
        if fields and (self._keeps_state or "encrypted_content" in fields or "content" in fields):
            self.items.append(reasoning_item(part))
        elif self._dialect.reasoning_as_text and part.text:
            text = {"type": "output_text", "text": f"<think>\n{part.text}\n</think>\n"}
            self._message({})["content"].append(text)
        elif part.meta and not fields:
            self._warn(f"reasoning that only {next(iter(part.meta))} can read is left out")

    def _result(self, result: ToolResult) -> None:
        blocks = [block for part in result.parts if (block := self._block(part)) is not None]
        if result.is_error and not (blocks and _says_error(blocks[0])):
            blocks.insert(0, {"type": "input_text", "text": "Error:"})
        output: Any = blocks
        plain = all(block.keys() == {"type", "text"} for block in blocks)
        if plain and (len(blocks) < 2 or not self._keeps_state):
            output = "\n".join(block["text"] for block in blocks)
        fields = dict(own(result.meta))
        custom = fields.pop("custom", None) or result.call_id in self._custom
        if not self._keeps_state:
            fields.pop("id", None)
        kind = "custom_tool_call_output" if custom else "function_call_output"
        self.items.append(
            {"type": kind, "call_id": safe_id(result.call_id), "output": output, **fields}
        )

    def _block(self, part: Part) -> Item | Any | None:
        """Write a part of what a user or a tool says."""
        if isinstance(part, Text | Refusal | Reasoning):
            if not part.text:
                return None
            fields = own(part.meta) if isinstance(part, Text) else {}
            more = {name: item for name, item in fields.items() if name not in _OF_ANSWERS}
            return {"type": "input_text", "text": part.text, **more}
        if isinstance(part, Media):
            return _media(part)
        if isinstance(part, Unknown) and part.format == NAME:
            return decode(part.raw.encode())
        self._warn(f"{describe(part)} is left out")
        return None


def text_block(part: Text | Refusal) -> Item:
    """Write what the model said, and what it cites."""
    fields = {name: item for name, item in own(part.meta).items() if name not in ("id", "phase")}
    citations = part.citations if isinstance(part, Text) else ()
    if citations:
        pages = [{"type": "url_citation", **citation_fields(c, NAME)} for c in citations]
        fields["annotations"] = [*pages, *fields.get("annotations", ())]
    return {"type": "output_text", "text": part.text, **fields}


def refusal_block(part: Text | Refusal) -> Item:
    """Write that the model declined."""
    return {"type": "refusal", "refusal": part.text}


def reasoning_item(part: Reasoning) -> Item:
    """Write a thought as its provider wants it back."""
    return {"type": "reasoning", "summary": [], **own(part.meta)}


def image_item(part: Media) -> Item | None:
    """Write a picture that the model made; None for what is no picture, or only a URL."""
    if part.kind != "image" or part.data is None:
        return None
    fields = {"type": "image_generation_call", "status": "completed", "result": part.data}
    return {**fields, **own(part.meta)}


def _media(part: Media) -> Item:
    fields = own(part.meta)
    url = part.url
    if part.data is not None:
        url = make_data_url(part.media_type or "application/octet-stream", part.data)
    if part.kind == "image":
        what = {"image_url": url} if part.file_id is None else {"file_id": part.file_id}
        return {"type": "input_image", "detail": part.detail or "auto", **what, **fields}
    if part.kind == "file":
        return {"type": "input_file", **_file(part, url), **fields}
    if part.kind == "audio" and part.data is not None:
        form = (part.media_type or "audio/wav").removeprefix("audio/").removeprefix("x-")
        form = {"mpeg": "mp3", "wave": "wav"}.get(form, form)
        audio = {"data": part.data, "format": form}
        return {"type": "input_audio", "input_audio": audio, **fields}
    raise Unsupported(
        f"OpenAI Responses can't take a part of kind {part.kind}",
        hint="Send its data as base64." if part.kind == "audio" else None,
    )


def _file(part: Media, url: str | None) -> Item:
    detail = {"detail": part.detail} if part.detail else {}
    named = {"filename": part.name} if part.name else {}
    if part.file_id is not None:
        return {"file_id": part.file_id, **detail}
    if part.data is None:
        return {"file_url": url, **named, **detail}
    # Data without a name is refused: its suffix tells what it is.
    suffix = (part.media_type or "").rpartition("/")[2].partition("+")[0]
    suffix = {"plain": "txt", "markdown": "md", "": "bin", "octet-stream": "bin"}.get(
        suffix, suffix
    )
    return {"filename": part.name or f"file.{suffix}", "file_data": url, **detail}


def _is_item(part: Unknown) -> bool:
    if part.format != NAME:
        return False
    value = decode(part.raw.encode())
    return not (isinstance(value, dict) and str(value.get("type")).startswith(_BLOCK_TYPES))


def _says_error(block: Item) -> bool:
    text = block.get("text")
    return isinstance(text, str) and text.lower().startswith("error")
