"""Histories made whole: every tool call has one result, and every result a call.

Callers cut histories, and models change in the middle of them. Providers refuse what is left over,
results that do not stand directly behind their calls, and ids that stand for two calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from dragoman.types.message import Message, Part, Text, ToolCall, ToolResult, Unknown
from dragoman.wire.ids import hashed_id

NO_RESULT = "There is no result: the call was not carried out."
"""What is sent for a call that nobody has answered."""

Warn = Callable[[str], None]


def mend_calls(
    messages: Iterable[Message],
    warn: Warn,
    *,
    make_id: Callable[[str], str] = str,
    find_call: Callable[[Unknown], str | None] = lambda _: None,
    anew: bool = False,
    continued: bool = False,
) -> tuple[Message, ...]:
    """Put calls and results together, the results of a turn in one message directly behind it.

    A call without a result gets one that says so, and a result without a call becomes words of the
    user's; both are reported to `warn`. `make_id` makes ids that the format takes, the same for the
    same and another for another; one that stands for several calls is told apart, unless the format
    lets ids begin `anew` in every turn. `find_call` finds the id of a call that the format does not
    model. `continued`: what comes before these messages is at the provider, so that a result may
    have its call there.
    """
    return _Mender(warn, make_id, find_call, anew, continued).mend(messages)


class _Waiting:
    """A call that waits for its result."""

    __slots__ = ("asked", "results", "sent")

    def __init__(self, asked: str, sent: str, results: list[Part]) -> None:
        self.asked = asked  # its id in the history
        self.sent = sent
        self.results = results  # of its turn


class _Mender:
    def __init__(
        self,
        warn: Warn,
        make_id: Callable[[str], str],
        find_call: Callable[[Unknown], str | None],
        anew: bool,
        continued: bool,
    ) -> None:
        self._warn = warn
        self._make_id = make_id
        self._find_call = find_call
        self._anew = anew
        self._continued = continued
        self._waiting: list[_Waiting] = []
        self._sent: set[str] = set()

    def mend(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        turns: list[tuple[Message, list[Part]]] = []
        for message in messages:
            turns += self._turns(message)
        for call in self._waiting:
            self._warn(f"the tool call {call.asked!r} has no result: one was made up that says so")
            call.results.append(ToolResult(call.sent, (Text(NO_RESULT),), is_error=True))
        mended: list[Message] = []
        for message, results in turns:
            mended.append(message)
            if results:
                mended.append(Message("tool", tuple(results)))
        return tuple(mended)

    def _turns(self, message: Message) -> Iterable[tuple[Message, list[Part]]]:
        """Take a message apart: what stays of it, and the results that its calls will have."""
        others: list[Part] = []
        results: list[Part] = []
        if self._anew:
            self._sent.clear()
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield from self._result(part)
            elif message.role == "assistant":
                others.append(self._said(part, results))
            else:
                others.append(part)
        if others or not message.parts:
            role = "user" if message.role == "tool" else message.role
            yield replace(message, role=role, parts=tuple(others)), results

    def _said(self, part: Part, results: list[Part]) -> Part:
        """Note a call; return it with the id that is sent."""
        if isinstance(part, Unknown):
            if (asked := self._find_call(part)) is not None:
                self._sent.add(asked)
                self._waiting.append(_Waiting(asked, asked, results))
            return part
        if not isinstance(part, ToolCall):
            return part
        sent = self._make_id(part.id)
        if sent in self._sent:  # some servers number the calls of every answer anew
            sent = self._make_id(hashed_id(f"{part.id}/{len(self._sent)}"))
        self._sent.add(sent)
        self._waiting.append(_Waiting(part.id, sent, results))
        return part if sent == part.id else replace(part, id=sent)

    def _result(self, result: ToolResult) -> Iterable[tuple[Message, list[Part]]]:
        """Put a result behind its call; one that has none becomes a message."""
        call = self._call_of(result.call_id)
        if call is not None:
            self._waiting.remove(call)
            call.results.append(replace(result, call_id=call.sent))
        elif self._continued:
            yield Message("tool", (result,)), []
        else:
            self._warn(
                f"the result for {result.call_id!r} has no tool call: sent as the user's words"
            )
            told = Text(f"Result of the tool call {result.call_id}:")
            yield Message("user", (told, *result.parts)), []

    def _call_of(self, call_id: str) -> _Waiting | None:
        """Find the call that a result answers: the first with its id in the last such turn."""
        same = [call for call in self._waiting if call.asked == call_id]
        return next((call for call in same if call.results is same[-1].results), None)
