"""Answers and errors of ours, read by the official SDK, helpers and accumulators included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import pydantic
import pytest
from msgspec.structs import replace

from dragoman import errors
from dragoman.types import Completion, Dialect, Failure, Finish, Start, Text, ToolCall, Usage
from dragoman.types.event import Event, PartDelta, PartEnd, PartStart
from dragoman.wire import get_format
from dragoman.wire.whole import accumulate, events_of
from tests.upstream.fault import FaultUpstream
from tests.wire import golden
from tests.wire.anthropic_messages.judge import (
    ASKED,
    FORMAT,
    client_of,
    events_answer,
    json_answer,
    parse,
    plain,
    rendered,
    whole,
)

StartUpstream = Callable[..., FaultUpstream]

CASES = [
    (api, name)
    for api in ("anthropic-messages", "openai-completions")
    for name in golden.names(api, ".sse")
]
BROKEN_ARGUMENTS = {"tool-call-args-invalid", "tool-arguments-invalid", "tool-call-invalid-json"}


def ended(api: str, name: str) -> bool:
    return isinstance(parse(api, name)[-1], Finish)


WHOLE = [case for case in CASES if ended(*case)]
CUT = [case for case in CASES if case not in WHOLE]


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_the_sdk_makes_the_same_of_a_stream_and_of_the_whole_answer(
    api: str, name: str, upstream: StartUpstream
) -> None:
    events = parse(api, name)
    completion = accumulate(events)
    body = whole(replace(completion, model="m"))
    server = upstream([json_answer(body), events_answer(rendered(events))])
    with client_of(server) as client:
        created = client.messages.create(**ASKED)
        with client.messages.stream(**ASKED) as stream:
            texts = list(stream.text_stream)
            streamed = stream.get_final_message()
    expected = plain(created)
    expected.pop("context_management", None)  # the accumulator of the SDK drops this one
    assert plain(streamed) == expected
    assert "".join(texts) == "".join(b.text for b in created.content if b.type == "text")
    calls = [(block.id, block.name) for block in created.content if block.type == "tool_use"]
    assert len(calls) == len(completion.tool_calls)
    assert [name for _, name in calls] == [call.name for call in completion.tool_calls]


@pytest.mark.parametrize(("api", "name"), CUT)
def test_the_sdk_raises_where_an_answer_broke_off(
    api: str, name: str, upstream: StartUpstream
) -> None:
    server = upstream(events_answer(rendered(parse(api, name))))
    with client_of(server) as client, pytest.raises(anthropic.APIStatusError) as raised:  # noqa: SIM117
        with client.messages.stream(**ASKED) as stream:
            stream.until_done()
    assert raised.value.body["type"] == "error"  # type: ignore[index]
    assert raised.value.body["error"]["message"]  # type: ignore[index]
