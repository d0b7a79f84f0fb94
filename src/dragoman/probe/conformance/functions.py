"""Cases about tools: calls, several at once, on demand, streamed, and what they answered."""

from __future__ import annotations

import json

from dragoman.errors import BadRequest
from dragoman.probe.abilities import LONG_TOKENS, TIME_TOOL, TOOL_QUESTION, is_object, judge_tools
from dragoman.probe.conformance.case import Case, Found
from dragoman.probe.conformance.subject import Subject
from dragoman.types.message import Message, ToolCall, assistant, tool_result, user
from dragoman.types.request import Tool

_WEATHER = Tool(
    "get_weather",
    "Tell the weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
_CALLED_BACK = "21:47"
_AFTER = ("tools",)


def examine_tools(subject: Subject) -> Found:
    """A function is called, with arguments that are a JSON object."""
    told = judge_tools(subject.chat(TOOL_QUESTION, tools=[TIME_TOOL]))
    return Found(told.verdict, told.detail, told.fix)


def examine_choice(subject: Subject) -> Found:
    """Told which function to call, the model calls it."""
    answer = subject.chat(TOOL_QUESTION, tools=[TIME_TOOL, _WEATHER], tool_choice=_WEATHER.name)
    if broken := _broken(answer.tool_calls):
        return Found("failed", broken)
    names = {call.name for call in answer.tool_calls}
    if names == {_WEATHER.name}:
        return Found("ok", "called the function that was asked for")
    if answer.finish_reason == "length":
        return Found("warning", f"accepted; cut off after {LONG_TOKENS} tokens, before a call")
    what = f"called {', '.join(sorted(names))}" if names else "answered in text"
    if subject.chat(TOOL_QUESTION, tools=[TIME_TOOL], tool_choice="required").tool_calls:
        return Found("warning", f"a function named is not kept to ({what}); `required` is")
    return Found("failed", f"accepted, and not kept to: {what}")


def examine_streamed(subject: Subject) -> Found:
    """Calls that are streamed are the same, put together."""
    with subject.stream(TOOL_QUESTION, tools=[TIME_TOOL]) as stream:
        for _ in stream:
            continue
    answer = stream.completion
    subject.count(answer.usage)
    if broken := _broken(answer.tool_calls):
        return Found("failed", broken)
    if answer.tool_calls and answer.finish_reason != "tool_calls":
        said = answer.raw_finish_reason or answer.finish_reason
        return Found("failed", f"called the function, and ended with {said!r}")
    told = judge_tools(answer)
    return Found(told.verdict, told.detail, told.fix)


def examine_parallel(subject: Subject) -> Found:
    """Two calls come in one answer, each with an id of its own."""
    question = "What time is it in Paris, and what in Tokyo? Call get_time for both, at once."
    try:
        answer = subject.chat(question, tools=[TIME_TOOL], parallel_tool_calls=True)
    except BadRequest:
        if not subject.tries_dialects or not subject.provider.dialect.parallel_tool_calls:
            raise
        subject.chat_with(
            subject.dialect(parallel_tool_calls=False),
            question,
            tools=[TIME_TOOL],
            parallel_tool_calls=True,
        )
        detail = "refused when asked for (parallel_tool_calls)"
        return Found("warning", detail, dialect={"parallel_tool_calls": False})
    if broken := _broken(answer.tool_calls):
        return Found("failed", broken)
    if len(answer.tool_calls) > 1:
        return Found("ok", f"{len(answer.tool_calls)} calls in one answer")
    what = "one call at a time" if answer.tool_calls else "answered in text"
    return Found("unsupported", f"accepted; {what}")


def examine_result(subject: Subject) -> Found:
    """What a function answered is taken back, and used."""
    messages = _conversation(subject)
    try:
        answer = subject.chat(messages, tools=[TIME_TOOL])
    except BadRequest:
        if not subject.tries_dialects or subject.provider.dialect.tool_result_name:
            raise
        subject.chat_with(subject.dialect(tool_result_name=True), messages, tools=[TIME_TOOL])
        return Found(
            "warning",
            "refused without the function's name",
            dialect={"tool_result_name": True},
        )
    if not (answer.text or answer.reasoning or answer.tool_calls):
        return Found("failed", "the answer is empty")
    used = _CALLED_BACK in answer.text
    return Found("ok", "used the result" if used else "accepted")


def _conversation(subject: Subject) -> list[Message]:
    """Ask, have the function called, answer it. Who called none is told that it did."""
    first = subject.chat(TOOL_QUESTION, tools=[TIME_TOOL])
    if first.tool_calls and not _broken(first.tool_calls):
        said, calls = first.message, first.tool_calls
    else:
        calls = (ToolCall("call_000000001", TIME_TOOL.name, '{"city": "Paris"}'),)
        said = assistant(*calls)
    result = json.dumps({"time": _CALLED_BACK})
    return [user(TOOL_QUESTION), said, *(tool_result(call.id, result) for call in calls)]


def _broken(calls: tuple[ToolCall, ...]) -> str | None:
    """Say what is wrong with calls, as calls."""
    if any(not call.name for call in calls):
        return "a call names no function"
    if any(not call.id for call in calls):
        return "a call has no id"
    if len({call.id for call in calls}) < len(calls):
        return "two calls have the same id"
    wrong = next((call for call in calls if not is_object(call.arguments)), None)
    return f"arguments that are no JSON object: {wrong.arguments[:40]}" if wrong else None


CASES = (
    Case(name="tools", examine=examine_tools, after=("chat",)),
    Case(name="tool_choice", examine=examine_choice, after=_AFTER),
    Case(name="streamed_tools", examine=examine_streamed, needed=True, after=("tools", "stream")),
    Case(name="parallel_tools", examine=examine_parallel, after=_AFTER),
    Case(name="tool_result", examine=examine_result, needed=True, after=_AFTER),
)
