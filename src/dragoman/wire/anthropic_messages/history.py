"""Messages written so that the API takes them, whoever made them.

Law: instructions stand before the messages; user and assistant alternate, and the user begins. The
results of a turn's calls are in one user message, directly behind it and first; every call has one
result, every result a call. No block is empty. Thoughts go back to none but those who signed them.
Ids have the form that is wanted, and none stands for two calls.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use and
/build-with-claude/working-with-messages (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from dragoman.wire.anthropic_messages.content import (
    Warn,
    render_call,
    render_media,
    render_own_reasoning,
    render_unknown,
)
from dragoman.wire.anthropic_messages.schema import Block, is_beside, own
from dragoman.wire.beside import describe
from dragoman.wire.history import mend_calls
from dragoman.wire.ids import safe_id

_BEGIN = "(The conversation begins with the assistant.)"
"""What the user is made to say where the history begins with the assistant."""


class _Turn:
    """Neighbouring messages of one side; `results` come before everything else."""

    __slots__ = ("blocks", "results", "role")

    def __init__(self, role: str) -> None:
        self.role = role
        self.results: list[Block] = []
        self.blocks: list[Any] = []


class History:
    """Writes the messages of one request.

    `system` are the instructions, `called` the names of the tools that were called.
    `continued`: what comes before these messages is at the provider.

    Raises: Unsupported for a picture, sound or file of the user's that can't be sent: an answer
    that ignores it would be wrong.
    """

    def __init__(
        self,
        messages: Iterable[Message],
        *,
        reasoning_as_text: bool,
        continued: bool,
        warn: Warn,
    ) -> None:
        self.system: list[Any] = []
        self.called: list[str] = []
        self._reasoning_as_text = reasoning_as_text
        self._warn = warn
        self._turns: list[_Turn] = []
        for message in mend_calls(messages, warn, make_id=_sent_id, continued=continued):
            self._add(message)
        self._mend()

    def render(self) -> list[dict[str, Any]]:
        """Write the messages."""
        return [
            {"role": turn.role, "content": as_content(turn.results + turn.blocks)}
            for turn in self._turns
            if turn.results or turn.blocks
        ]

    @property
    def calls_without_thought(self) -> bool:
        """Whether the last assistant's turn calls tools and does not begin with a thought."""
        last = next((turn for turn in reversed(self._turns) if turn.role == "assistant"), None)
        if last is None or not any(_is(block, "tool_use") for block in last.blocks):
            return False
        return not _is(last.blocks[0], "thinking", "redacted_thinking")

    def _add(self, message: Message) -> None:
        if message.name:
            self._warn("names of authors are not sent: this API has none")
        if message.role in ("system", "developer"):
            self._instruct(message)
        elif message.role == "assistant":
            for part in message.parts:
                self._assistant(part)
        else:
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._result(part)
                else:
                    self._append("user", self._user(part))

    def _instruct(self, message: Message) -> None:
        blocks = [block for part in message.parts if (block := self._user(part)) is not None]
        if not self._turns:
            self.system += blocks
        elif blocks:
            self._warn("instructions amid the history are sent as the user's")
            self._turn("user").blocks += blocks

    def _append(self, role: str, block: Any) -> None:
        if block is not None:
            self._turn(role).blocks.append(block)

    def _turn(self, role: str) -> _Turn:
        """Get the turn of this side that is under way, or begin one."""
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        return self._turns[-1]

    # -- the assistant

    def _assistant(self, part: Part) -> None:
        if isinstance(part, ToolCall):
            self._call(part)
            return
        write = _SAID.get(type(part))
        if write is None:
            self._warn(f"{describe(part)} in an assistant's message is left out")
        else:
            self._append("assistant", write(self, part))

    def _call(self, call: ToolCall) -> None:
        self.called.append(call.name)
        self._append("assistant", render_call(call, call.id, self._warn))

    def _refusal(self, part: Refusal) -> Block | None:
        """Write a refusal, unless it stood beside the content when the provider said it."""
        return None if is_beside(part) else _text_block(part.text)

    def _reasoning(self, part: Reasoning) -> Block | None:
        block = render_own_reasoning(part)
        if block is None and self._reasoning_as_text and part.text:
            return _text_block(f"<think>\n{part.text}\n</think>")
        if block is None:
            self._warn("reasoning that no provider of this format has signed is left out")
        return block

    # -- the user

    def _user(self, part: Part) -> Any:
        if isinstance(part, Media):
            return self._media(part)
        if isinstance(part, Text | Unknown):
            return _SAID[type(part)](self, part)
        if isinstance(part, Refusal):
            return _text_block(part.text)
        self._warn(f"{describe(part)} in a user's message is left out")
        return None

    def _media(self, part: Media) -> Block:
        block = render_media(part)
        if block is None:
            raise Unsupported(f"Anthropic Messages can't take a part of kind {part.kind}")
        if part.detail not in (None, "auto"):
            self._warn("an image's detail is not sent: this API has none")
        return block

    def _result(self, result: ToolResult) -> None:
        parts = [block for part in result.parts if (block := self._user(part)) is not None]
        self._turn("user").results.append(_result_block(parts, result))

    # -- the whole

    def _mend(self) -> None:
        """Let the user begin, and nothing end in white space."""
        if self._turns and self._turns[0].role == "assistant":
            self._warn("the history begins with the assistant: a word of the user's is put before")
            first = _Turn("user")
            first.blocks.append(_text_block(_BEGIN))
            self._turns.insert(0, first)
        if not self._turns and self.system:
            self._warn("instructions are all there is: they are sent as the user's")
            self._turn("user").blocks += self.system
            self.system = []
        if self._turns and self._turns[-1].role == "assistant":
            last = self._turns[-1].blocks[-1]
            if _is(last, "text"):
                last["text"] = last["text"].rstrip()

    def _unknown(self, part: Unknown) -> Any:
        block = render_unknown(part)
        if block is None:
            self._warn(f"{describe(part)} is left out")
        return block


def _text(_: History, part: Text) -> Block | None:
    return _text_block(part.text, part)


_SAID: dict[type, Callable[[History, Any], Any]] = {
    Text: _text,
    Unknown: History._unknown,
    Refusal: History._refusal,
    Reasoning: History._reasoning,
}
"""How what an assistant may say is written."""


def _text_block(text: str, part: Text | None = None) -> Block | None:
    """Write a text; None when there is nothing in it, which would be refused."""
    if not text.strip():
        return None
    return {"type": "text", "text": text, **(own(part.meta) if part is not None else {})}


def _sent_id(call_id: str) -> str:
    return safe_id(call_id, "toolu_")


def _result_block(parts: list[Any], result: ToolResult) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": result.call_id}
    if parts:
        block["content"] = as_content(parts)
    if result.is_error:
        block["is_error"] = True
    return {**block, **own(result.meta)}


def as_content(blocks: list[Any]) -> Any:
    """Write blocks as content: a mere text as a string, as people do."""
    if len(blocks) == 1 and isinstance(blocks[0], dict) and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


def _is(block: Any, *kinds: str) -> bool:
    return isinstance(block, dict) and block["type"] in kinds
