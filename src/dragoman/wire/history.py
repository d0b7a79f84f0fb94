"""Histories made whole: every tool call has one result, and every result a call.

Callers cut histories, and models change in the middle of them. Providers refuse what is left over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from dragoman.types.message import Message, Part, Text, ToolCall, ToolResult

NO_RESULT = "There is no result: the call was not carried out."
"""What is sent for a call that nobody has answered."""


def mend_calls(messages: Iterable[Message], warn: Callable[[str], None]) -> tuple[Message, ...]:
    """Put calls and results together. What had to be made up or moved is reported to `warn`.

    A call without a result gets one that says so, and a result without a call becomes words of the
    user's. Results of a turn come directly behind it.
    """
    mended: list[Message] = []
    waiting: dict[str, None] = {}  # ids of calls that have no result yet
    for message in messages:
        answers: list[Part] = []
        orphans: list[ToolResult] = []
        others: list[Part] = []
        for part in message.parts:
            if not isinstance(part, ToolResult):
                others.append(part)
            elif part.call_id in waiting:
                del waiting[part.call_id]
                answers.append(part)
            else:
                orphans.append(part)
        if answers:
            mended.append(replace(message, role="tool", parts=tuple(answers)))
        if others or orphans or not message.parts:
            _give_up(waiting, mended, warn)
        for orphan in orphans:
            warn(f"the result for {orphan.call_id!r} has no tool call: sent as the user's words")
            told = Text(f"Result of the tool call {orphan.call_id}:")
            mended.append(Message("user", (told, *orphan.parts)))
        if others or not message.parts:
            mended.append(replace(message, parts=tuple(others)))
        if message.role == "assistant":
            waiting.update((part.id, None) for part in others if isinstance(part, ToolCall))
    _give_up(waiting, mended, warn)
    return tuple(mended)


def _give_up(waiting: dict[str, None], mended: list[Message], warn: Callable[[str], None]) -> None:
    """Say that no result comes any more."""
    for call_id in waiting:
        warn(f"the tool call {call_id!r} has no result: one was made up that says so")
        result = ToolResult(call_id, (Text(NO_RESULT),), is_error=True)
        mended.append(Message("tool", (result,)))
    waiting.clear()
