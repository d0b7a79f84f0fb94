"""Messages written so that Converse takes them, whoever made them.

Law: instructions stand before the messages; user and assistant alternate, and the user begins. The
results of a turn's calls are in one user message, directly behind it and first. No text is blank.
Thoughts go back to none but the model that signed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dragoman.adapters.bedrock.media import Documents, render_media
from dragoman.adapters.bedrock.models import NAME, Family
from dragoman.types.message import (
    Media,
    Message,
    Meta,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.wire.anthropic_messages.content import render_input
from dragoman.wire.beside import describe
from dragoman.wire.history import mend_calls
from dragoman.wire.ids import safe_id
from dragoman.wire.json_text import decode

Block = dict[str, Any]
Warn = Callable[[str], None]

_BEGIN = "(The conversation begins with the assistant.)"
_NOTHING = "(The tool said nothing.)"


class _Turn:
    """Neighbouring messages of one side; `results` come before everything else."""

    __slots__ = ("blocks", "results", "role")

    def __init__(self, role: str) -> None:
        self.role = role
        self.results: list[Block] = []
        self.blocks: list[Any] = []


class History:
    """Writes the messages of one request: `system`, and `messages` when asked for.

    `called` are the names of the tools that were called.

    Raises: Unsupported for a picture, sound or file that can't be sent.
    """

    def __init__(
        self, messages: Iterable[Message], family: Family, *, reasoning_as_text: bool, warn: Warn
    ) -> None:
        self.system: list[Block] = []
        self.called: list[str] = []
        self._family = family
        self._reasoning_as_text = reasoning_as_text
        self._warn = warn
        self._documents = Documents()
        self._turns: list[_Turn] = []
        for message in mend_calls(messages, warn, make_id=_sent_id):
            self._add(message)
        self._mend()

    def render(self) -> list[Block]:
        """Write the messages."""
        return [
            {"role": turn.role, "content": turn.results + turn.blocks}
            for turn in self._turns
            if turn.results or turn.blocks
        ]

    @property
    def calls_without_thought(self) -> bool:
        """Whether the last assistant's turn calls tools and does not begin with a thought."""
        last = next((turn for turn in reversed(self._turns) if turn.role == "assistant"), None)
        if last is None or not any("toolUse" in block for block in last.blocks):
            return False
        return "reasoningContent" not in last.blocks[0]

    # -- one message

    def _add(self, message: Message) -> None:
        if message.name:
            self._warn("names of authors are not sent: this API has none")
        for part in message.parts:
            if message.role in ("system", "developer"):
                self._instruct(part)
            elif message.role == "assistant":
                self._append("assistant", part, self._assistant(part))
            elif isinstance(part, ToolResult):
                self._result(part)
            else:
                self._append("user", part, self._user(part))

    def _instruct(self, part: Part) -> None:
        block = self._user(part)
        if block is None:
            return
        if not self._turns and "text" in block:
            self.system += [block, *self._point(part)]
        else:
            self._warn("instructions amid the history are sent as the user's")
            self._append("user", part, block)

    def _append(self, role: str, part: Part, block: Block | None) -> None:
        if block is not None:
            self._turn(role).blocks += [block, *self._point(part)]

    def _turn(self, role: str) -> _Turn:
        """Get the turn of this side that is under way, or begin one."""
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        return self._turns[-1]

    def _point(self, part: Part) -> list[Block]:
        """Write a cache point behind a part that has a cache mark, whoever's words it is in."""
        return cache_point(None if isinstance(part, Unknown) else part.meta, self._family)

    # -- one part

    def _assistant(self, part: Part) -> Block | None:
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        if isinstance(part, Media | ToolResult):
            self._warn(f"{describe(part)} in an assistant's message is left out")
            return None
        return self._user(part)

    def _user(self, part: Part) -> Block | None:
        if isinstance(part, Text | Refusal):
            return {"text": part.text} if part.text.strip() else None
        if isinstance(part, Media):
            if part.detail not in (None, "auto"):
                self._warn("an image's detail is not sent: this API has none")
            return render_media(part, self._documents)
        if isinstance(part, Unknown) and part.format == NAME:
            value = decode(part.raw.encode())
            return value if isinstance(value, dict) else None
        self._warn(f"{describe(part)} is left out")
        return None

    def _call(self, call: ToolCall) -> Block:
        self.called.append(call.name)
        value = render_input(call.arguments)
        if value is None:
            self._warn(f"the arguments of a call of {call.name} are no JSON object: sent as text")
            value = {"invalid_json": call.arguments}
        return {"toolUse": {"toolUseId": call.id, "name": call.name, "input": value}}

    def _reasoning(self, part: Reasoning) -> Block | None:
        own = (part.meta or {}).get(NAME) or {}
        if "redacted" in own:
            return {"reasoningContent": {"redactedContent": own["redacted"]}}
        if "signature" in own:
            signed = {"text": part.text, "signature": own["signature"]}
            return {"reasoningContent": {"reasoningText": signed}}
        if self._reasoning_as_text and part.text:
            return {"text": f"<think>\n{part.text}\n</think>"}
        self._warn("reasoning that no model of Bedrock has signed is left out")
        return None

    def _result(self, result: ToolResult) -> None:
        blocks = [block for part in result.parts if (block := self._user(part)) is not None]
        told: Block = {"toolUseId": result.call_id, "content": blocks or [{"text": _NOTHING}]}
        if result.is_error and self._family.status:
            told["status"] = "error"
        point = next((p for part in result.parts if (p := self._point(part))), None)
        written = [{"toolResult": told}, *(point or self._point(result))]
        self._turn("user").results += written

    # -- the whole

    def _mend(self) -> None:
        """Let the user begin, and nothing end in white space."""
        if self._turns and self._turns[0].role == "assistant":
            self._warn("the history begins with the assistant: a word of the user's is put before")
            first = _Turn("user")
            first.blocks.append({"text": _BEGIN})
            self._turns.insert(0, first)
        if not self._turns and self.system:
            self._warn("instructions are all there is: they are sent as the user's")
            self._turn("user").blocks += self.system
            self.system = []
        if self._turns and self._turns[-1].role == "assistant" and self._turns[-1].blocks:
            last = self._turns[-1].blocks[-1]
            if "text" in last:
                last["text"] = last["text"].rstrip()


def cache_point(meta: Meta | None, family: Family) -> list[Block]:
    """Write a cache mark (`cache_control`, of any format) as a cache point, where it is taken."""
    for fields in (meta or {}).values() if family.cache else ():
        mark = fields.get("cache_control")
        if isinstance(mark, dict):
            ttl = {"ttl": "1h"} if mark.get("ttl") == "1h" else {}
            return [{"cachePoint": {"type": "default", **ttl}}]
    return []


def _sent_id(call_id: str) -> str:
    return safe_id(call_id, "tooluse_")
